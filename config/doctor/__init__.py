"""What `manage.py doctor` looks at, and how it tells."""
