"""The next renewal rehearsed weeks before: what would make it fail becomes a finding while there is time to mend it."""
