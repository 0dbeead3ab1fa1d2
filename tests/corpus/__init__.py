"""Server set-ups with the exact verdict for each: what a visit has to see of them, and what it has to say."""
