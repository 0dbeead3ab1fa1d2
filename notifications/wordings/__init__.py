"""What messages say: templates with `{{variables}}`, and the texts that a workspace begins with."""
