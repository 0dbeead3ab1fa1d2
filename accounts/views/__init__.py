"""Pages about people, a module per concern."""
