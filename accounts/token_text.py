"""What an API token looks like, and what is kept of it."""

import hashlib
import secrets

PREFIX = "mmc_"
SCOPES = ("read", "write", "keys")


def new_token_secret() -> str:
    """256 random bits behind a prefix that scanners can recognise."""
    return PREFIX + secrets.token_urlsafe(32)


def token_digest(secret: str) -> str:
    """SHA-256 suffices: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
