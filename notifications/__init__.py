"""Tells people what happened. Consumes events; nobody calls it."""
