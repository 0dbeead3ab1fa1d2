"""The first start of `manage.py run`: a `.env` with fresh keys, readable by its owner alone."""

import os
import secrets
from pathlib import Path

from config.lib.env import read_dotenv

GENERATED = {"SECRET_KEY": lambda: secrets.token_urlsafe(50), "SECRETS_ENCRYPTION_KEY": lambda: secrets.token_hex(32)}


def write_missing_keys(path: Path) -> list[str]:
    """Append the keys that neither the environment nor `.env` has; the names written. Repeatable."""
    known = {**read_dotenv(path), **os.environ}
    missing = [name for name in GENERATED if not known.get(name) and not known.get(f"{name}_FILE")]
    if missing:
        lines = "".join(f"{name}={GENERATED[name]()}\n" for name in missing)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as dotenv:
            dotenv.write(lines)
    return missing
