"""Which host names a certificate's names cover (RFC 9525, section 6.3)."""


def matches(pattern: str, host: str) -> bool:
    """Whether one DNS name of a certificate covers `host`; an asterisk stands for exactly one label."""
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if pattern == host:
        return bool(host)
    first, dot, rest = pattern.partition(".")
    if first != "*" or not dot or "*" in rest or "." not in rest:
        return False
    label, dot, parent = host.partition(".")
    return bool(label and dot) and parent == rest
