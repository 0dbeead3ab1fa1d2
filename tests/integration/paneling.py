"""What every test of panels needs: a domain that a panel serves, and the three panels as a person enters them."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from accounts.models import Workspace
from auditlog.events import SYSTEM
from certificates.models import Certificate
from deploy.models import PanelTarget, TargetRun
from deploy.panels.accounts import read_given, save_panel, start_try
from tests.integration.deploying import Scene, work
from tests.servers.ca import Issued, TestCa
from tests.servers.panels import cloudflare, cpanel, plesk
from tests.servers.panels.cloudflare import Cloudflare
from tests.servers.panels.cpanel import Cpanel
from tests.servers.panels.plesk import Plesk
from tests.servers.panels.sites import serving
from tests.servers.panels.wire import panel_server
from tests.servers.stub_dns import StubDns, stub_dns

DOMAIN = "example.net"
NAMES = (DOMAIN, "blog.example.net")
PANEL_HOST, CLOUDFLARE_HOST = "panel.example.net", "api.cloudflare.com"
KINDS = ("cpanel", "plesk", "cloudflare")

type Panel = Cpanel | Plesk | Cloudflare


@dataclass
class Place:
    """A panel that listens, its sites' own port, and what is typed into the form for it."""

    kind: str
    server: Panel
    web_port: int
    secret: str
    form: dict[str, str] = field(default_factory=dict)

    def served(self, host: str = DOMAIN) -> str:
        """The PEM that a visitor gets from the panel's sites, empty for the old one."""
        return self.server.pem_of(host)


@contextmanager
def panel_place(kind: str, names: StubDns) -> Iterator[Place]:
    """Of the panel itself, and of the sites, which Plesk's machine serves too."""
    own = TestCa("Panel").issue([PANEL_HOST, CLOUDFLARE_HOST])
    old = TestCa("Old").issue(NAMES)
    made, secret, form = _made(kind)
    address, port = "127.0.0.1", 0
    if kind == "cloudflare":  # Everybody's panel is at its own port there.
        address, port = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}.9", 443
    names.answer(CLOUDFLARE_HOST if kind == "cloudflare" else PANEL_HOST, "A", [address])
    names.answer(DOMAIN, "A", ["127.0.0.1"])
    with panel_server(made, own, address, port), serving(made.pem_of, old) as web_port:
        filled = form if kind == "cloudflare" else {**form, "host": PANEL_HOST, "port": str(made.port)}
        yield Place(kind, made, web_port, secret, filled)


def _made(kind: str) -> tuple[Panel, str, dict[str, str]]:
    if kind == "cpanel":
        return Cpanel(), cpanel.TOKEN, {"username": cpanel.USER, "api_token": cpanel.TOKEN}
    if kind == "plesk":
        return Plesk(), plesk.PASSWORD, {"username": plesk.USER, "password": plesk.PASSWORD}
    return Cloudflare(), cloudflare.TOKEN, {"api_token": cloudflare.TOKEN}


@contextmanager
def resolving(settings: Any) -> Iterator[StubDns]:
    with stub_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        yield server


class PanelScene(Scene):
    """One domain whose visitors are served by a panel's machine, or by the edge."""

    def __init__(self, settings: Any, workspace: Workspace, place: Place, host: str = DOMAIN) -> None:
        super().__init__(settings, workspace, port=place.web_port, host=host)
        self.place = place

    def issued(self, names: Sequence[str] = NAMES) -> Certificate:
        issued: Issued = self.ca.issue(names)
        return self.store(issued)

    def panel(self, *, pinned: str | None = None, draft: bool = False, **changes: str) -> PanelTarget:
        """As an admin saves it, with the panel's certificate pinned unless another is said."""
        pin = self.place.server.fingerprint if pinned is None else pinned
        given = read_given(self.place.kind, {**self.place.form, **changes}, pinned=pin or None)
        return save_panel(domain=self.domain, chosen=given, actor=SYSTEM, draft=draft)

    def try_out(self, panel: PanelTarget) -> TargetRun:
        run = start_try(place=panel, actor=SYSTEM)
        work()
        return TargetRun.unscoped.get(pk=run.pk)
