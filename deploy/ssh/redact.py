"""What a server printed, made safe to keep: no keys, no control characters, bounded length."""

import re
from collections.abc import Iterable

_PRIVATE_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_TERMINAL_CODE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
HIDDEN = "[hidden]"
SHORTEST_SECRET = 8


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without private key blocks, without any of `secrets` (or a line of one), without control codes."""
    # First of all: a colour or a backspace inside a secret would keep it from being found.
    text = _CONTROL.sub("", _TERMINAL_CODE.sub("", text.replace("\r\n", "\n")))
    for secret in secret_lines(secrets):
        text = text.replace(secret, HIDDEN)
    return _PRIVATE_BLOCK.sub(HIDDEN, text)


def secret_lines(secrets: Iterable[str]) -> list[str]:
    """Each secret and each line of it that is long enough to be one, longest first."""
    lines = {line.strip() for secret in secrets for line in [secret, *secret.splitlines()]}
    real = {line for line in lines if len(line) >= SHORTEST_SECRET and not line.startswith("-----")}
    return sorted(real, key=len, reverse=True)
