"""The four modes as cards: what each needs, what happens when; and what Enable auto-renew still lacks."""

from collections.abc import Sequence
from dataclasses import dataclass

from certificates.renewal.shown import Shown, renewal_of
from deploy.http01.leading import Stray, strays_of
from domains.models import Domain, Mode


@dataclass(frozen=True)
class Card:
    mode: Mode
    needs: str
    happens: str
    is_chosen: bool = False


@dataclass(frozen=True)
class AutoRenew:
    """The part of the tab below the cards.

    `strays` are names that seem to lead elsewhere, which may be right, so they stand in nobody's way.
    """

    shown: Shown
    is_over_ssh: bool
    strays: Sequence[Stray] = ()


_CARDS = (
    Card(
        Mode.MONITOR,
        "Needs nothing.",
        "You are told before the certificate expires. Nothing is issued or installed by itself.",
    ),
    Card(
        Mode.DNS,
        "Needs a TXT record at each renewal; a CNAME to this portal or your DNS provider's API makes it hands-free.",
        "By hand you issue on the Let's Encrypt tab; hands-free it renews in time. Either way it then goes to every "
        "server below.",
    ),
    Card(
        Mode.ACME_AUTO,
        "Needs SSH to your servers, and port 80 open to everybody on the first one.",
        "When its time comes: a token on the first server, the CA looks at it, and the new certificate goes to every "
        "server below. No hands.",
    ),
    Card(
        Mode.UPLOAD,
        "Needs a certificate with its key from any authority, each time.",
        "You upload it here, and it goes to every server below at once. You are told before it expires.",
    ),
)


def cards_of(domain: Domain) -> list[Card]:
    return [Card(card.mode, card.needs, card.happens, domain.mode == card.mode) for card in _CARDS]


def auto_renew_of(domain: Domain) -> AutoRenew:
    shown = renewal_of(domain)
    is_over_ssh = domain.mode == Mode.ACME_AUTO
    return AutoRenew(shown, is_over_ssh, strays_of(domain, shown.names) if is_over_ssh else ())
