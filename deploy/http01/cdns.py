"""Headers by which a network between the visitor and the server shows: what it answers, the server may not know."""

from collections.abc import Mapping

# Header, what its value begins with (any), and the name that people know it by.
_SIGNS = (
    ("cf-ray", "", "Cloudflare"),
    ("x-amz-cf-id", "", "CloudFront"),
    ("x-served-by", "cache-", "Fastly"),
    ("x-akamai-transformed", "", "Akamai"),
    ("server", "akamaighost", "Akamai"),
    ("x-sucuri-id", "", "Sucuri"),
    ("x-iinfo", "", "Imperva"),
    ("x-azure-ref", "", "Azure Front Door"),
    ("server", "bunnycdn", "bunny.net"),
    ("server", "keycdn", "KeyCDN"),
)


def cdn_of(headers: Mapping[str, str]) -> str:
    """Its name; empty where none shows."""
    return next(
        (
            known
            for header, beginning, known in _SIGNS
            if header in headers and headers[header].lower().startswith(beginning)
        ),
        "",
    )
