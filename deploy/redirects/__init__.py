"""`Fix ACME redirect`: nginx's or Apache's configuration changed so that the challenge path is served over HTTP."""
