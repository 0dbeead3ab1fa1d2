"""What runs on a server and where its certificate lies: read from its own configuration, nothing changed."""
