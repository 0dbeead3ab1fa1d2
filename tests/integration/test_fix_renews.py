"""`Fix ACME redirect` judged by a CA: before it nobody is asked in vain, after it the renewal goes through."""

from collections.abc import Iterator
from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates.renewal.now import renew_now
from config.lib import clock
from config.lib.errors import describe
from deploy.http01.answering import Http01
from tests.cast import make_cast
from tests.integration.deploying import HOST, told
from tests.integration.http01 import AGAIN_IN, HttpScene
from tests.integration.redirecting import UNKNOWN, WAYS, Deed, asked, press, redirect_everything
from tests.servers.apache import apache
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import nginx
from tests.servers.pebble import LOOKS_OF_A_VALIDATION, Pebble
from tests.servers.ports import wait_until
from tests.servers.sshd import Sshd, sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(90)]


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with sshd() as one:
        yield one


# What a location answers and what comes before all of them; test_fix_redirect has every way with our own look.
OFTEN = ("nginx location", "nginx return", "apache redirect", "apache rewrite")


@pytest.mark.parametrize(
    "way", [*OFTEN, *(pytest.param(way, marks=pytest.mark.proof) for way in WAYS if way not in OFTEN)]
)
def test_the_ca_is_asked_only_after_the_fix_and_accepts_what_it_sees(
    settings: Any, ca: Pebble, dns_server: ChallengeDns, server: Sshd, way: str
) -> None:
    start = nginx if way.startswith("nginx") else apache
    with start(server.user, [HOST], http_port=ca.http_port) as web:
        redirect_everything(web, way)
        before = web.configuration.read_bytes()
        scene = HttpScene(settings, make_cast().acme, ca, dns_server, port=web.https_port)
        target = scene.answering(
            scene.server(server), Http01(str(web.document_root)),
            directories=[web.certificates], commands=[web.test_command, web.reload_command], ports=None,
        )  # fmt: skip
        renewal = scene.enable()
        old = web.fingerprint(scene.host)

        token = token_redirected(scene, f"{scene.host}:{ca.http_port}", f"{HOST}:{web.https_port}")
        assert (ca.http_looks(scene.host), web.fingerprint(scene.host)) == (0, old)

        assert press(target, Deed.LOOK).state == "partial"
        applied = press(target, Deed.APPLY)
        assert applied.state == "succeeded", told(applied)
        with clock.shifted(AGAIN_IN):
            assert scene.run().failures == 0, scene.issuance().error_params
            assert ca.http_looks(scene.host) == LOOKS_OF_A_VALIDATION
            (first,) = scene.certificates()
            assert web.fingerprint(scene.host) == first.fingerprint_sha256
            # What stands there serves the next one too.
            renew_now(domain=scene.domain, force=True, actor=SYSTEM)
            scene.run()
        assert ca.http_looks(scene.host) == 2 * LOOKS_OF_A_VALIDATION
        second = scene.certificates()[-1]
        assert web.fingerprint(scene.host) == second.fingerprint_sha256 != first.fingerprint_sha256
        assert (asked(web), asked(web, "/any/thing"), asked(web, UNKNOWN)) == ("301", "301", "404")
        assert (scene.left(), [*web.document_root.rglob(token)]) == (0, [])

        undone = press(target, Deed.UNDO)
        assert undone.state == "succeeded", told(undone)
        assert web.configuration.read_bytes() == before
        wait_until(lambda: asked(web, UNKNOWN) == "301", seconds=15, what="the redirect")
        assert web.fingerprint(scene.host) == second.fingerprint_sha256
    renewal.refresh_from_db()
    assert renewal.certificate == second


def token_redirected(scene: HttpScene, asked_at: str, leads_to: str) -> str:
    """The token of a renewal that our own look refused, in words that say where its path leads."""
    refused = scene.look_in_vain()
    token = refused.authorizations.get().token
    path = f"/.well-known/acme-challenge/{token}"
    assert (refused.state, refused.error_code) == ("failed", "http01_redirected")
    words = describe(refused.error_code, refused.error_params)
    assert words.title == f"Could not fetch http://{asked_at}{path}"
    redirect = f"Underlying: HTTP 301 from http://{asked_at}{path} to https://{leads_to}{path}"
    assert words.why.startswith(f"{redirect}. A CA follows redirects")
    return token
