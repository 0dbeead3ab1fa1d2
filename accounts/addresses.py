"""Which e-mail addresses are taken: those that any mail server delivers to, in the one form they have."""

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

LONGEST = 254  # RFC 5321 4.5.3.1.3, and the width of our columns
REFUSED = "This address cannot be used: write it as name@example.com, without quotes, brackets or accents in the name."

_is_email = EmailValidator(message=REFUSED, allowlist=[])


def plain_email(text: str) -> str:
    """`text` in lower case, its domain as DNS knows it. Raises ValidationError with words for the field."""
    local, at, domain = text.strip().lower().rpartition("@")
    if not at or not local.isascii() or '"' in local or domain.startswith("["):
        raise ValidationError(REFUSED)
    try:
        address = f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError as error:
        raise ValidationError(REFUSED) from error
    if len(address) > LONGEST:
        raise ValidationError(f"An address has at most {LONGEST} characters.")
    _is_email(address)
    return address
