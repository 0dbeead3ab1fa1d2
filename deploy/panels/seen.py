"""What a visitor gets, which alone proves an installation: by the name, wherever it leads, through a CDN or not."""

import time

from django.conf import settings

from config.lib import egress, x509
from config.lib.errors import ExpectedError
from deploy.proof import LOOKS_IN_A_ROW
from domains.models import Domain
from domains.protocols import opener_of
from domains.tls import fetch_chain

LOOK_SECONDS = 5.0
# A panel answers first and reloads its web server then.
PROOF_SECONDS = 15.0
_PAUSE = 0.3


def wait_for(domain: Domain, wanted: str, *, seconds: float = PROOF_SECONDS) -> str:
    """Look again until `wanted` is handed out twice in a row or time is up; the SHA-256 that was seen last."""
    ends, in_a_row = time.monotonic() + seconds, 0
    while True:
        seen = _leaf(domain)
        in_a_row = in_a_row + 1 if seen == wanted else 0
        if in_a_row == LOOKS_IN_A_ROW or time.monotonic() >= ends:
            return seen
        time.sleep(_PAUSE)


def _leaf(domain: Domain) -> str:
    opener, deadline = opener_of(domain.protocol), egress.Deadline(LOOK_SECONDS)
    try:
        ders = fetch_chain(domain.host, domain.port, domain.host, deadline, opener=opener, us=settings.SITE_HOST).ders
    except ExpectedError:
        return ""
    return x509.fingerprint(ders[0]) if ders else ""
