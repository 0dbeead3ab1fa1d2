"""A certificate that renews without hands goes to the panel right after, and is seen being served there."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from auditlog.events import SYSTEM
from config.lib import clock
from deploy.models import PanelTarget
from deploy.panels.accounts import read_given, save_panel
from domains.models import Domain, Visit
from tests.cast import make_cast
from tests.integration import deploying
from tests.integration.issuing import use_ca, verified_domain
from tests.integration.paneling import PANEL_HOST
from tests.integration.renewing import by_test_dns, certificates, turn_on, work
from tests.servers.ca import TestCa
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import served_fingerprint
from tests.servers.panels import cpanel, plesk
from tests.servers.panels.cpanel import Cpanel
from tests.servers.panels.plesk import Plesk
from tests.servers.panels.sites import serving
from tests.servers.panels.wire import panel_server
from tests.servers.pebble import Pebble

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("kind", ["cpanel", "plesk"])
def test_it_is_installed_right_after_its_renewal(
    kind: str, settings: Any, pebble_server: Pebble, dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_ca(settings, pebble_server, dns_server)
    by_test_dns(dns_server, monkeypatch)
    host = f"p{uuid.uuid4().hex[:8]}.net"
    domain = verified_domain(make_cast().acme, host, dns_server)
    Visit.objects.create(workspace=domain.workspace, domain=domain)
    panel: Cpanel | Plesk = Cpanel(main=host, addons=[], subs=[]) if kind == "cpanel" else Plesk(sites={host: host})
    own, old = TestCa("Panel").issue([PANEL_HOST]), TestCa("Old").issue([host])
    with panel_server(panel, own, "127.0.0.1", 0), serving(panel.pem_of, old) as web_port:
        Domain.unscoped.filter(pk=domain.pk).update(port=web_port)
        domain.refresh_from_db()
        form = {"host": PANEL_HOST, "port": str(panel.port), **_login(kind)}
        chosen = read_given(kind, form, pinned=panel.fingerprint)
        target = save_panel(domain=domain, chosen=chosen, actor=SYSTEM, draft=False)
        turn_on(domain)
        renewal = work(domain)
        assert _installed(target, web_port, host) == certificates(domain)[0].fingerprint_sha256
        assert renewal.renew_at
        with clock.frozen(renewal.renew_at + timedelta(seconds=5)):
            work(domain)
            assert _installed(target, web_port, host) == certificates(domain)[1].fingerprint_sha256


def _login(kind: str) -> dict[str, str]:
    if kind == "cpanel":
        return {"username": cpanel.USER, "api_token": cpanel.TOKEN}
    return {"username": plesk.USER, "password": plesk.PASSWORD}


def _installed(target: PanelTarget, web_port: int, host: str) -> str:
    """What the workers put there, as the portal knows it and as a visitor sees it."""
    deploying.work()
    target.refresh_from_db()
    assert target.last_status == "ok"
    assert target.installed_certificate
    served = served_fingerprint(web_port, host)
    assert served == target.installed_certificate.fingerprint_sha256
    return served
