"""Speed beside peers: CPU per operation, peers and ours by turns in one run, ratios of neighbours."""
