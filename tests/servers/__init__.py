"""Real servers on loopback, each a context manager that stops what it started and nothing else."""
