"""What shorter lifetimes will mean for the certificates of a workspace."""
