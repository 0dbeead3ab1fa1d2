"""Panels that are entered anew: no key goes to a door that is not theirs any more, and what waited goes on."""

from collections.abc import Iterator
from typing import Any

import pytest

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock
from config.lib.sealed import Sealed
from deploy.models import PanelAccount, PanelTarget, TargetRun
from deploy.panels.accounts import read_given, save_panel
from tests.cast import make_cast
from tests.integration.deploying import run_of, told, work
from tests.integration.paneling import PanelScene, Place, panel_place, resolving
from tests.servers.panels.wire import Answer, Request

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("place", ["cpanel"], indirect=True),
]


@pytest.fixture
def place(request: pytest.FixtureRequest, settings: Any) -> Iterator[Place]:
    with resolving(settings) as names, panel_place(request.param, names) as made:
        yield made


@pytest.fixture
def scene(settings: Any, place: Place) -> PanelScene:
    return PanelScene(settings, make_cast().acme, place)


def elsewhere(panel: PanelTarget, place: Place) -> PanelAccount:
    """Another account of the workspace, at the same wire."""
    return PanelAccount.objects.create(
        workspace=panel.workspace, kind="cpanel", config={**panel.account.config, "username": "other"},
        sealed_secret=Sealed.of(place.secret), fingerprint_sha256=place.server.fingerprint,
    )  # fmt: skip


def test_a_retry_goes_to_the_account_that_the_panel_has_by_now(scene: PanelScene, place: Place) -> None:
    place.server.troubles.append(("", Answer(503, "maintenance")))
    panel = scene.panel()
    scene.issued()
    scene.deploy()
    retry = TargetRun.unscoped.get(state="waiting")
    other = elsewhere(panel, place)
    save_panel(domain=scene.domain, chosen=other, actor=SYSTEM, place=panel)
    retry.refresh_from_db()
    assert retry.panel_account_id == other.pk
    assert retry.run_after
    assert retry.run_after <= clock.now(), "nothing is known of the new one, so there is nothing to wait for"


def test_a_run_that_is_claimed_for_the_old_account_sends_nothing(scene: PanelScene, place: Place) -> None:
    place.server.troubles.append(("", Answer(503, "maintenance")))
    panel = scene.panel()
    scene.issued()
    scene.deploy()
    other = elsewhere(panel, place)
    sent = len(place.server.requests)
    PanelTarget.unscoped.filter(pk=panel.pk).update(account=other)
    TargetRun.unscoped.filter(state="waiting").update(run_after=clock.now())
    work()
    assert len(place.server.requests) == sent
    assert PanelTarget.unscoped.get().installed_certificate is None


def test_a_new_credential_wakes_every_domain_of_the_account(scene: PanelScene, place: Place) -> None:
    panel = scene.panel(api_token="wrong-token-wrong-token")
    certificate = scene.issued()
    assert run_of(scene.deploy()).error_code == "panel_login_refused"
    given = read_given("cpanel", place.form, known=panel.account)
    save_panel(domain=scene.domain, chosen=given, actor=SYSTEM, place=panel)
    work()
    assert PanelTarget.unscoped.get().installed_certificate_id == certificate.pk


def test_testing_what_is_in_use_installs_nothing(scene: PanelScene, place: Place) -> None:
    panel = scene.panel(api_token="wrong-token-wrong-token")
    scene.issued()
    scene.deploy()
    given = read_given("cpanel", place.form, known=panel.account)
    save_panel(domain=scene.domain, chosen=given, actor=SYSTEM, place=panel, draft=True)
    work()
    assert place.server.sent("PRIVATE KEY") == []


def test_what_cannot_be_read_back_stays_installed(
    scene: PanelScene, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = place.server.respond

    def then_busy(request: Request) -> Answer:
        said = answer(request)
        if "install_ssl" in request.target:  # From the moment on at which it has the certificate.
            place.server.troubles.append(("installed_host", Answer(429, "slow down")))
        return said

    monkeypatch.setattr(place.server, "respond", then_busy)
    scene.panel()
    certificate = scene.issued()
    run = run_of(scene.deploy())
    assert (run.state, run.outcome) == ("partial", "installed"), told(run)
    assert PanelTarget.unscoped.get().installed_certificate_id == certificate.pk


def test_another_certificate_that_went_again_is_forgotten_and_news_when_it_returns(
    scene: PanelScene, place: Place
) -> None:
    scene.panel(pinned="ab" * 32)
    scene.issued()
    scene.deploy()
    account = PanelAccount.unscoped.get()
    assert account.seen_fingerprint
    PanelAccount.unscoped.update(fingerprint_sha256=place.server.fingerprint)
    scene.deploy()
    assert PanelAccount.unscoped.get().seen_fingerprint == ""
    PanelAccount.unscoped.update(fingerprint_sha256="ab" * 32)
    scene.issued()
    scene.deploy()
    assert Event.unscoped.filter(kind="panel.certificate_changed").count() == 2


@pytest.mark.parametrize("is_moved", [True, False])
def test_what_the_old_door_calls_a_site_is_not_kept_of_the_new_one(
    scene: PanelScene, place: Place, monkeypatch: pytest.MonkeyPatch, *, is_moved: bool
) -> None:
    """Somebody enters the panel anew while the old one answers: its names for things mean nothing at the other."""
    answer = place.server.respond
    panel = scene.panel()
    other = elsewhere(panel, place)

    def then_changed(request: Request) -> Answer:
        if "install_ssl" in request.target:
            if is_moved:
                PanelTarget.unscoped.filter(pk=panel.pk).update(account=other, refs={})
            else:  # At another door: the claim has lost the account.
                PanelAccount.unscoped.filter(pk=panel.account_id).update(lease_token=None, lease_until=None)
        return answer(request)

    monkeypatch.setattr(place.server, "respond", then_changed)
    scene.issued()
    scene.deploy()
    assert place.server.sent("install_ssl"), "it was installed at the old door"
    assert PanelTarget.unscoped.get().refs == {}
