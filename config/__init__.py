"""The composition root. Importing it makes `celery.current_app` ours in every process."""
