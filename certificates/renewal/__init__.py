"""Certificates that renew by themselves: when, by whose word, and what is said when it does not happen."""
