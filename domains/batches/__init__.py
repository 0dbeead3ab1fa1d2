"""Work over many domains at once: imports and the list's bulk actions are rows of one kind."""
