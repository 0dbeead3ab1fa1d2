"""Deployments by hosting panels at the wire: from a stored certificate to what a visitor is served."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import serializers

from auditlog.events import SYSTEM
from auditlog.models import Event
from deploy.models import PanelAccount, PanelTarget, RunStep, TargetRun
from deploy.panels.accounts import allow_replacement, change_account, delete_panel, read_given, trust_panel
from deploy.panels.installing import LOOKS_AT_MOST, PENDING_AT_MOST
from domains.models import Domain
from tests.cast import make_cast
from tests.integration.deploying import run_of, steps_of, told, work
from tests.integration.paneling import DOMAIN, KINDS, PANEL_HOST, PanelScene, Place, panel_place, resolving
from tests.servers.panels.cloudflare import Cloudflare, Zone
from tests.servers.panels.cpanel import Cpanel
from tests.servers.panels.cpanel import told as told_by_cpanel
from tests.servers.panels.wire import Answer, Done, Request

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
    failed = run_of(scene.deploy())
    assert "[hidden]" in failed.error_params["answer"], told(failed)
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
@pytest.mark.parametrize("first", [Answer(503, "maintenance"), "refused"])
def test_the_time_that_a_later_site_names_is_kept(scene: PanelScene, place: Place, first: Answer | str) -> None:
    """Whatever the first one failed of: the account wants to be left alone."""
    assert isinstance(place.server, Cpanel)
    if isinstance(first, Answer):
        place.server.troubles.append((f"domain={DOMAIN}&", first))
    else:
        place.server.refuses[DOMAIN] = "The key is too short."
    place.server.troubles.append(("domain=blog.example.net&", Answer(429, "slow down", {"Retry-After": "3600"})))
    scene.panel()
    scene.issued()
    deployment = scene.deploy()
    assert run_of(deployment).error_code == "panel_busy", told(run_of(deployment))
    retry = TargetRun.unscoped.get(state="waiting")
    assert retry.run_after is not None
    assert 3500 < (retry.run_after - deployment.created_at).total_seconds() < 3700


@at_cpanel
@pytest.mark.parametrize("manner", ["cut", Done(Answer(200, b"\x00"))], ids=["cut", "garbled"])
def test_an_installation_without_an_answer_is_found_done(scene: PanelScene, place: Place, manner: Any) -> None:
    place.server.troubles.append(("install_ssl", manner))
    scene.panel()
    certificate = scene.issued([DOMAIN])
    deployment = scene.deploy()
    if deployment.state != "deployed":  # An answer that makes no sense is looked into by the next attempt.
        assert run_of(deployment).error_code == "panel_garbled"
        TargetRun.unscoped.filter(state="waiting").update(run_after=deployment.created_at)
        work()
    deployment.refresh_from_db()
    assert deployment.state == "deployed", told(run_of(deployment))
    assert PanelTarget.unscoped.get().installed_certificate_id == certificate.pk
    assert len(place.server.sent("install_ssl")) == 1, "not sent a second time"


@at_cpanel
def test_a_panel_that_does_not_tell_of_it_yet_is_asked_less_and_less(
    scene: PanelScene, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = place.server.respond

    def behind(request: Request) -> Answer:
        return told_by_cpanel([]) if "installed_hosts" in request.target else answer(request)

    monkeypatch.setattr(place.server, "respond", behind)
    scene.panel()
    scene.issued([DOMAIN])
    run = run_of(scene.deploy())
    assert (run.state, run.error_code) == ("partial", "panel_other_certificate"), told(run)
    after = [one.target for one in place.server.requests]
    looks = len([one for one in after[after.index("/execute/SSL/install_ssl") :] if "installed_hosts" in one])
    assert 2 <= looks <= 5, "at 0, 1, 3 and 7 seconds"


@at_cloudflare
def test_an_edge_that_takes_its_time_is_asked_until_it_is_active(scene: PanelScene, place: Place) -> None:
    assert isinstance(place.server, Cloudflare)
    place.server.states = ("initializing", *["pending"] * 9, "active")
    scene.panel()
    scene.issued()
    deployment = scene.deploy()
    assert deployment.state == "running", "neither done nor given up"
    for _ in range(10):
        TargetRun.unscoped.filter(state="running").update(run_after=deployment.created_at)
        work()
    deployment.refresh_from_db()
    run = run_of(deployment)
    assert (deployment.state, run.outcome) == ("deployed", "serving"), told(run)
    assert [one["state"] for one in run.sites] == ["installed"], "its own work, however often it came back"
    assert len(place.server.sent("private_key")) == 1


@at_cloudflare
def test_an_edge_that_takes_longer_than_that_becomes_ok_by_itself(scene: PanelScene, place: Place) -> None:
    assert isinstance(place.server, Cloudflare)
    place.server.states = ("initializing", *["pending"] * 99)
    scene.panel()
    scene.issued()
    deployment = scene.deploy()
    TargetRun.unscoped.update(attempts=PENDING_AT_MOST, run_after=deployment.created_at)
    work()
    deployment.refresh_from_db()
    assert (deployment.state, run_of(deployment).error_code) == ("partial", "panel_pending")
    place.server.states = ("active",)
    retry = TargetRun.unscoped.filter(state="waiting")
    assert retry.update(run_after=deployment.created_at) == 1
    work()
    deployment.refresh_from_db()
    assert deployment.state == "deployed", told(run_of(deployment))
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
def test_what_is_installed_and_not_served_says_so_and_becomes_ok_by_itself(scene: PanelScene, place: Place) -> None:
    port = scene.domain.port
    Domain.unscoped.update(port=9)
    scene.panel()
    scene.issued()
    deployment = scene.deploy()
    run = run_of(deployment)
    assert (run.state, run.outcome, run.error_code) == ("partial", "installed", "panel_nothing_served"), told(run)
    assert place.served() != ""
    retry = TargetRun.unscoped.get(state="waiting")
    assert (retry.deployment_id, retry.panel_target_id) == (deployment.pk, run.panel_target_id)
    Domain.unscoped.update(port=port)
    TargetRun.unscoped.filter(pk=retry.pk).update(run_after=deployment.created_at)
    sent = len(place.server.sent("install_ssl"))
    work()
    deployment.refresh_from_db()
    assert (deployment.state, PanelTarget.unscoped.get().last_status) == ("deployed", "ok")
    assert len(place.server.sent("install_ssl")) == sent, "it was there already"


@at_cpanel
def test_what_is_never_served_is_not_looked_at_for_ever(scene: PanelScene, place: Place) -> None:
    Domain.unscoped.update(port=9)
    scene.panel()
    scene.issued()
    deployment = scene.deploy()
    run = run_of(deployment)
    for _ in range(LOOKS_AT_MOST - 1):
        TargetRun.objects.create(
            workspace=run.workspace, kind="deploy", state="partial", domain=run.domain, deployment=deployment,
            panel_target=run.panel_target, panel_account=run.panel_account, ended_at=run.ended_at,
            created_at=deployment.created_at,
        )  # fmt: skip
    TargetRun.unscoped.filter(state="waiting").update(run_after=deployment.created_at)
    work()
    assert run_of(deployment).error_code == "panel_nothing_served"
    assert not TargetRun.unscoped.filter(state__in=TargetRun.OPEN_STATES).exists()


@at_cpanel
def test_the_credential_goes_with_the_last_domain_and_what_was_done_stays(scene: PanelScene, place: Place) -> None:
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
