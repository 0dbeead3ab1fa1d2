"""The composition root: settings, URLs, the queue, and the processes of a portal."""
