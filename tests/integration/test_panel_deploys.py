"""Deployments by hosting panels at the wire: from a stored certificate to what a visitor is served."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import serializers

from auditlog.events import SYSTEM
from auditlog.models import Event
from deploy.models import PanelAccount, PanelTarget, RunStep, TargetRun
from deploy.panels.accounts import allow_replacement, change_account, delete_panel, read_given, trust_panel
from tests.cast import make_cast
from tests.integration.deploying import run_of, steps_of, told, work
from tests.integration.paneling import DOMAIN, KINDS, PANEL_HOST, PanelScene, Place, panel_place, resolving
from tests.servers.panels.cloudflare import Cloudflare, Zone
from tests.servers.panels.cpanel import Cpanel
from tests.servers.panels.wire import Answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place(request: pytest.FixtureRequest, settings: Any) -> Iterator[Place]:
    with resolving(settings) as names, panel_place(request.param, names) as made:
        yield made


@pytest.fixture
def scene(settings: Any, place: Place) -> PanelScene:
    return PanelScene(settings, make_cast().acme, place)


each = pytest.mark.parametrize("place", KINDS, indirect=True)
at_cpanel = pytest.mark.parametrize("place", ["cpanel"], indirect=True)
at_cloudflare = pytest.mark.parametrize("place", ["cloudflare"], indirect=True)


@each
def test_a_certificate_is_installed_read_back_and_seen_being_served(scene: PanelScene, place: Place) -> None:
    scene.panel()
    certificate = scene.issued()
    deployment = scene.deploy()
    run = run_of(deployment)
    assert (deployment.state, run.state, run.outcome) == ("deployed", "succeeded", "serving"), told(run)
    assert run.served_fingerprint_sha256 == certificate.fingerprint_sha256
    assert place.served().startswith(certificate.leaf_pem.strip()[:200])
    assert {one["state"] for one in run.sites} == {"installed"}
    row = PanelTarget.unscoped.get()
    assert (row.installed_certificate_id, row.last_status, row.failures) == (certificate.pk, "ok", 0)
    assert set(row.refs) == {one["site"] for one in run.sites}


@each
def test_a_renewal_takes_the_place_of_what_was_put_there(scene: PanelScene, place: Place) -> None:
    scene.panel()
    scene.issued()
    first = scene.deploy()
    newer = scene.issued()
    second = scene.deploy()
    assert (first.state, second.state) == ("deployed", "deployed"), told(run_of(second))
    assert run_of(second).served_fingerprint_sha256 == newer.fingerprint_sha256
    if isinstance(place.server, Cloudflare):
        assert len(place.server.zones["a" * 32].certificates) == 1
    writes = len(place.server.sent("PRIVATE KEY"))
    again = scene.deploy()
    assert again.state == "deployed"
    assert len(place.server.sent("PRIVATE KEY")) == writes, "what is there is left alone"


@each
def test_no_secret_is_kept_where_people_look(scene: PanelScene, place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    panel = scene.panel()
    scene.issued()
    scene.try_out(panel)
    scene.deploy()
    place.server.troubles.append(("", Answer(400, f"no {place.secret}")))
    scene.issued()
    scene.deploy()
    kept = serializers.serialize(
        "json",
        [*TargetRun.unscoped.all(), *RunStep.unscoped.all(), *Event.unscoped.all(), *PanelAccount.unscoped.all()],
    )
    assert place.secret not in kept + caplog.text
    assert "PRIVATE KEY" not in kept + caplog.text


@each
def test_another_certificate_than_the_pinned_one_gets_nothing(scene: PanelScene, place: Place) -> None:
    scene.panel(pinned="ab" * 32)
    scene.issued()
    for _ in range(2):
        deployment = scene.deploy()
        run = run_of(deployment)
        assert (deployment.state, run.error_code) == ("failed", "panel_certificate_changed"), told(run)
    assert place.server.requests == [], "not a byte of HTTP, so none of the credential"
    assert Event.unscoped.filter(kind="panel.certificate_changed").count() == 1
    account = PanelAccount.unscoped.get()
    assert account.seen_fingerprint == place.server.fingerprint
    trust_panel(account=account, fingerprint=place.server.fingerprint, actor=SYSTEM)
    work()
    assert PanelTarget.unscoped.get().last_status == "ok", "what waited for it goes on by itself"


@at_cpanel
def test_a_certificate_that_nobody_vouches_for_is_shown_and_gets_nothing(scene: PanelScene, place: Place) -> None:
    run = scene.try_out(scene.panel(pinned="", draft=True))
    assert (run.state, run.error_code) == ("failed", "panel_certificate_untrusted"), told(run)
    assert run.error_params["seen"] == place.server.fingerprint
    assert PanelAccount.unscoped.get().seen_fingerprint == place.server.fingerprint
    assert place.server.requests == []


@at_cpanel
def test_a_test_looks_and_writes_nothing(scene: PanelScene, place: Place) -> None:
    run = scene.try_out(scene.panel(draft=True))
    assert run.state == "succeeded", told(run)
    assert [one.method for one in place.server.requests] == ["GET"] * len(place.server.requests)
    assert [state for _, state in steps_of(run)] == ["succeeded", "succeeded"]
    assert Event.unscoped.filter(kind="panel.tested").count() == 1
    assert PanelTarget.unscoped.get().is_draft


@each
@pytest.mark.parametrize("names", [["example.org.evil.test"], ["notexample.net"], ["a.b.shop.example.test"]])
def test_names_that_are_not_the_accounts_send_nothing(scene: PanelScene, place: Place, names: list[str]) -> None:
    scene.panel()
    scene.issued(names)
    run = run_of(scene.deploy())
    code = "cloudflare_no_zone" if place.kind == "cloudflare" else "panel_no_site"
    assert (run.state, run.error_code) == ("failed", code), told(run)
    assert place.server.sent("PRIVATE KEY") == []


@at_cpanel
def test_what_one_site_refuses_does_not_keep_the_others_from_it(scene: PanelScene, place: Place) -> None:
    assert isinstance(place.server, Cpanel)
    place.server.refuses["blog.example.net"] = "The certificate is not for this site."
    scene.panel()
    certificate = scene.issued()
    deployment = scene.deploy()
    run = run_of(deployment)
    assert (deployment.state, run.state, run.outcome) == ("partial", "partial", "installed"), told(run)
    assert run.error_code == "panel_refused"
    assert [(one["site"], one["state"]) for one in run.sites] == [(DOMAIN, "installed"), ("blog.example.net", "failed")]
    assert run.served_fingerprint_sha256 == certificate.fingerprint_sha256
    assert ("blog.example.net", "failed") in steps_of(run)


@at_cpanel
def test_a_refused_login_is_not_tried_again_by_itself(scene: PanelScene, place: Place) -> None:
    panel = scene.panel(api_token="wrong-token-wrong-token")
    scene.issued()
    first = run_of(scene.deploy())
    asked = len(place.server.requests)
    second = run_of(scene.deploy())
    assert (first.error_code, second.error_code) == ("panel_login_refused", "panel_login_waits"), told(second)
    assert len(place.server.requests) == asked == 1
    assert not TargetRun.unscoped.filter(state="waiting").exists()
    given = read_given("cpanel", place.form, known=panel.account)
    change_account(account=panel.account, given=given, actor=SYSTEM)
    assert scene.deploy().state == "deployed"


@at_cpanel
def test_a_panel_that_is_busy_is_asked_again_when_it_said(scene: PanelScene, place: Place) -> None:
    place.server.troubles.append(("", Answer(429, "slow down", {"Retry-After": "3600"})))
    scene.panel()
    scene.issued()
    deployment = scene.deploy()
    retry = TargetRun.unscoped.get(state="waiting")
    assert retry.run_after is not None
    assert (retry.run_after - deployment.created_at).total_seconds() > 3500
    TargetRun.unscoped.filter(pk=retry.pk).update(run_after=deployment.created_at)
    work()
    deployment.refresh_from_db()
    assert deployment.state == "deployed"


@at_cpanel
def test_an_installation_without_an_answer_is_found_done(scene: PanelScene, place: Place, settings: Any) -> None:
    place.server.troubles.append(("install_ssl", Answer(200, b"\x00")))
    scene.panel()
    scene.issued()
    run = run_of(scene.deploy())
    assert run.error_code == "panel_garbled", told(run)
    assert TargetRun.unscoped.filter(state="waiting").count() == 1


@at_cloudflare
def test_an_edge_that_takes_its_time_is_asked_until_it_is_active(scene: PanelScene, place: Place) -> None:
    assert isinstance(place.server, Cloudflare)
    place.server.states = ("initializing", *["pending"] * 1, "pending_deployment", "active")
    scene.panel()
    scene.issued()
    deployment = scene.deploy()
    assert deployment.state in ("running", "deployed")
    for _ in range(10):
        TargetRun.unscoped.filter(state="running").update(run_after=deployment.created_at)
        work()
    deployment.refresh_from_db()
    run = run_of(deployment)
    assert (deployment.state, run.outcome) == ("deployed", "serving"), told(run)
    assert [one["state"] for one in run.sites] == ["installed"], "its own work, however often it came back"
    assert len(place.server.sent("private_key")) == 1


@at_cloudflare
def test_somebody_elses_certificate_is_replaced_only_when_a_person_says_so(scene: PanelScene, place: Place) -> None:
    assert isinstance(place.server, Cloudflare)
    first, second = scene.panel(), scene.issued()
    scene.deploy()
    PanelTarget.unscoped.update(refs={})
    scene.issued()
    run = run_of(scene.deploy())
    assert run.error_code == "cloudflare_foreign", told(run)
    row = PanelTarget.unscoped.select_related("account", "domain").get(pk=first.pk)
    allow_replacement(place=row, site=DOMAIN, actor=SYSTEM)
    work()
    row.refresh_from_db()
    assert row.last_status == "ok"
    assert row.installed_certificate_id != second.pk
    assert len(place.server.zones["a" * 32].certificates) == 1


@at_cloudflare
def test_a_zone_whose_plan_is_too_low_gets_no_key(scene: PanelScene, place: Place) -> None:
    assert isinstance(place.server, Cloudflare)
    place.server.zones = {"a" * 32: Zone(DOMAIN, plan="free")}
    scene.panel()
    scene.issued()
    assert run_of(scene.deploy()).error_code == "cloudflare_plan"
    assert place.server.sent("private_key") == []


@at_cpanel
def test_what_is_installed_and_not_served_says_so(scene: PanelScene, place: Place, settings: Any) -> None:
    scene.domain.port = 9
    scene.domain.save(update_fields=["port"])
    scene.panel()
    scene.issued()
    run = run_of(scene.deploy())
    assert (run.state, run.outcome, run.error_code) == ("partial", "installed", "panel_nothing_served"), told(run)
    assert place.served() != ""


@at_cpanel
def test_servers_and_panels_take_a_deployment_together(scene: PanelScene, place: Place) -> None:
    panel = scene.panel()
    scene.issued()
    deployment = scene.deploy()
    assert [run.place_id for run in deployment.runs.all()] == [panel.pk]
    delete_panel(place=panel, actor=SYSTEM)
    assert not PanelAccount.unscoped.exists(), "the credential goes with the last domain"
    assert run_of(deployment).label == f"cPanel {PANEL_HOST}"


@at_cpanel
def test_a_saved_panel_gets_the_last_deployment_by_itself(scene: PanelScene, place: Place) -> None:
    scene.panel()
    certificate = scene.issued()
    scene.deploy()
    PanelTarget.unscoped.all().delete()
    place.server.installed.clear()  # type: ignore[union-attr]
    scene.domain.mode = "upload"
    scene.domain.save(update_fields=["mode"])
    scene.panel()
    work()
    assert PanelTarget.unscoped.get().installed_certificate_id == certificate.pk
    assert place.served() != ""
