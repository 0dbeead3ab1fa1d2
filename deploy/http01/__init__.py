"""HTTP-01 on a domain's first target: the token in its web server's folder, or a listener of ours for a moment."""
