"""What an authenticator app shows (RFC 6238), by itself: the portal's own arithmetic must not be its judge."""

import base64
import hmac
import struct
import time


def code_of(secret: str) -> str:
    """Six digits for a base32 secret, now."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.digest(base64.b32decode(secret + "=" * (-len(secret) % 8)), counter, "sha1")
    at = digest[-1] & 0xF
    return f"{(int.from_bytes(digest[at : at + 4]) & 0x7FFFFFFF) % 1_000_000:06}"
