"""Alert rules: which of them match a domain, when each fires, and the job that fires them."""
