"""US dollars as people read them."""


def dollars(cents: int) -> str:
    """`$3.00`, `-$0.05`."""
    return f"{'-' if cents < 0 else ''}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"
