"""What `Install certificate` offers for a domain: the panel that was detected first, or the steps by hand."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from deploy.daemons import DAEMONS
from deploy.panels.known import panels
from deploy.panels.panel import Panel
from domains.hosting.badges import hosting_shown
from domains.hosting.platforms import PLATFORMS, Layer, Path
from domains.models import Domain, Hosting

# As the detection calls them, and as the lines to paste do.
_SERVERS = {"nginx": "nginx", "apache": "Apache", "caddy": "Caddy"}
_DIRECTORY = "/etc/ssl/managemycert"


@dataclass(frozen=True)
class ByHand:
    """What a site is made with that takes no certificate itself, and what to paste below it."""

    platform: str
    server: str
    place: str
    configure: str
    reload: str


@dataclass(frozen=True)
class Offers:
    """`vendor` manages the certificate itself, so that nothing is offered."""

    first: Sequence[Panel]
    others: Sequence[Panel]
    by_hand: ByHand | None
    vendor: str


def offers_for(domain: Domain, connected: Collection[str]) -> Offers:
    """From the last detection; what is `connected` stands no more first. Where it is doubted nothing is hidden."""
    row = getattr(domain, "hosting", None)
    found = _detected(row)
    first = [panel for panel in panels if panel.name in found and panel.name not in connected]
    return Offers(
        first=first,
        others=[panel for panel in panels if panel not in first],
        by_hand=_by_hand(found),
        vendor=hosting_shown(row).vendor if row else "",
    )


def _detected(row: Hosting | None) -> list[str]:
    if row is None or row.is_doubted:
        return []
    return [one["platform"] for one in row.results.get("badges", ()) if one["platform"] in PLATFORMS]


def _by_hand(found: Sequence[str]) -> ByHand | None:
    """For sites made with software that has no place for a certificate."""
    made_with = [
        PLATFORMS[one].label
        for one in found
        if (PLATFORMS[one].layer, PLATFORMS[one].path) == (Layer.PLATFORM, Path.ZIP)
    ]
    if not made_with:
        return None
    server = next((_SERVERS[one] for one in found if one in _SERVERS), "")
    daemon = next((one for one in DAEMONS if one.name == server), None)
    # In the ZIP the key has the name that ACME clients gave it.
    configure = daemon.configure.replace("{directory}/key.pem", "{directory}/privkey.pem") if daemon else ""
    return ByHand(
        platform=made_with[0],
        server=server,
        place=f"sudo install -d -m 755 {_DIRECTORY}\nsudo install -m 644 fullchain.pem {_DIRECTORY}/fullchain.pem\n"
        f"sudo install -m 600 privkey.pem {_DIRECTORY}/privkey.pem",
        configure=configure.replace("{directory}", _DIRECTORY),
        reload="\n".join(line.replace("sudo -n", "sudo") for line in daemon.reload) if daemon else "",
    )
