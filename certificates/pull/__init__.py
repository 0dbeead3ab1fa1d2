"""Pull: servers and jobs that cannot be reached by SSH fetch their certificate themselves, by a token."""
