"""What the audit log may hold of settings that somebody could use: it is kept for years, and nothing in it is deleted.

A short keyed digest stands for what is left out, so that a change stays visible and nobody finds the value by trying.
"""

from urllib.parse import urlsplit

from django.utils.crypto import salted_hmac

SALT = "notifications.hiding"
_DIGITS = 8


def hidden(text: str) -> str:
    """`hidden (1f2e3d4c)`; empty stays empty."""
    return f"hidden ({_digest(text)})" if text else ""


def hidden_url(url: str) -> str:
    """Scheme, host and port; in full where there is nothing behind them, for path and query may be a credential."""
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
    except ValueError:  # A pattern of somebody's provider need not read as a URL.
        return hidden(url)
    return url if url.rstrip("/") == origin or not url else f"{origin}/… ({_digest(url)})"


def masked(recipient: str) -> str:
    """`a…@example.net (1f2e3d4c)`, `+43…17 (1f2e3d4c)`."""
    name, at, host = recipient.rpartition("@")
    shown = f"{name[:1]}…@{host}" if at else f"{recipient[:3]}…{recipient[-2:]}"
    return f"{shown} ({_digest(recipient)})"


def _digest(text: str) -> str:
    return salted_hmac(SALT, text, algorithm="sha256").hexdigest()[:_DIGITS]
