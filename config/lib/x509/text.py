"""Text out of certificates: written by strangers, shown on pages, stored in databases."""

import unicodedata

LIMIT = 300

# Controls and line ends would break logs and mails, NUL is refused by PostgreSQL, bidirectional
# marks and other invisible characters (Cf) make one name look like another on the page.
_UNSAFE = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


def clean(text: str, limit: int = LIMIT) -> str:
    """`text` on one line, without invisible characters, at most `limit` characters."""
    if not text.isascii() or not text.isprintable():
        text = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in _UNSAFE else char for char in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
