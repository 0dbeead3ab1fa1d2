"""The activity log: runs with their steps, events between them, nothing of other workspaces, bounded queries."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Workspace
from auditlog.events import record
from auditlog.pages.activity import load_timeline
from certificates.models import Authorization, Certificate, Issuance
from config.lib import clock
from deploy.models import Deployment, RunStep, Server, Target, TargetRun
from domains.models import Domain
from tests.cast import Cast, make_cast

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    return Domain.unscoped.create(workspace=cast.acme, host="shop.acme-widgets.com")


def happen(domain: Domain, kind: str, **more: Any) -> None:
    record(kind, workspace_id=domain.workspace_id, domain_id=domain.pk, domain_label=domain.label, **more)


def deploy(domain: Domain, state: str = "deployed", *, minutes_ago: int = 0, runs: int = 1) -> Deployment:
    at = clock.now() - timedelta(minutes=minutes_ago)
    owner: dict[str, Any] = {"workspace_id": domain.workspace_id}
    server, _ = Server.unscoped.get_or_create(host="web-01", username="deploy", **owner)
    target = Target.unscoped.create(domain=domain, server=server, **owner)
    deployment = Deployment.unscoped.create(
        domain=domain, fingerprint_sha256="4f" * 32, state=state, requested_by="ann", created_at=at, **owner
    )
    for number in range(runs):
        run = TargetRun.unscoped.create(
            kind="deploy", state="succeeded", outcome="serving", domain=domain, target=target, server=server,
            deployment=deployment, label=f"web-0{number}", files=["/etc/ssl/cert.pem"], created_at=at, **owner,
        )  # fmt: skip
        step = {
            "name": "sudo -n systemctl reload nginx",
            "state": "succeeded",
            "data": {"exit_code": 0, "output": "fine"},
        }
        RunStep.unscoped.create(run=run, position=0, **step, **owner)
    return deployment


def issue(domain: Domain, state: str, step: str, **fields: Any) -> Issuance:
    issuance = Issuance.unscoped.create(
        workspace_id=domain.workspace_id, domain=domain, names=["shop.acme-widgets.com"], names_key=uuid.uuid4().hex,
        directory_url="https://ca/dir", state=state, step=step, **fields,
    )  # fmt: skip
    Authorization.unscoped.create(
        workspace_id=domain.workspace_id, issuance=issuance, position=0, identifier="shop.acme-widgets.com", url="u",
        challenge_url="c", token="t", txt_name="_acme-challenge.shop.acme-widgets.com", txt_value="v",
    )  # fmt: skip
    data = {"issuance": str(issuance.pk), "names": "shop.acme-widgets.com", "records": 1}
    for kind in ("issuance.started", "issuance.challenge_shown"):
        happen(domain, kind, data=data)
    return issuance


def page(client: Client, domain: Domain, path: str = "", **query: str) -> str:
    answer = client.get(f"/w/{domain.workspace_id}/domains/{domain.pk}/activity/{path}", query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def admin(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


def test_an_empty_log_says_what_it_is_for(admin: Client, domain: Domain) -> None:
    assert "Nothing happened yet" in page(admin, domain)


def test_a_deployment_shows_target_files_commands_and_output(admin: Client, domain: Domain) -> None:
    deploy(domain)
    shown = page(admin, domain)
    for part in (
        "web-00",
        "/etc/ssl/cert.pem",
        "<code>sudo -n systemctl reload nginx</code>",
        "fine",
        "by ann",
        "Serving",
    ):
        assert part in shown


def test_a_failure_shows_why_and_what_to_do(admin: Client, domain: Domain) -> None:
    deployment = deploy(domain, "failed")
    params = {"host": "web-01", "port": 22}
    TargetRun.unscoped.filter(deployment=deployment).update(
        state="failed", outcome="failed", error_code="connect_refused", error_params=params
    )
    shown = page(admin, domain)
    assert "web-01 refused the connection on port 22" in shown
    assert "Start the service, or correct the port." in shown


def test_an_issuance_shows_its_events_names_and_what_it_does_now(admin: Client, domain: Domain) -> None:
    issue(domain, "validating", "watch_validation")
    shown = page(admin, domain)
    assert "started a DNS challenge" in shown
    assert "the TXT record is not published yet" in shown
    assert "The CA looks for the records, from several places" in shown
    assert 'hx-trigger="every 2s"' in shown


def test_over_http_nobody_speaks_of_dns(admin: Client, domain: Domain) -> None:
    issue(domain, "pending_challenge", "present", challenge="http-01", solver="http01", is_renewal=True)
    shown = page(admin, domain)
    assert "Putting the token on the first server" in shown
    assert "Waiting for DNS records" not in shown


def test_a_log_at_rest_is_asked_rarely(admin: Client, domain: Domain) -> None:
    deploy(domain)
    issue(domain, "issued", "done")
    assert 'hx-trigger="every 15s"' in page(admin, domain)


def test_each_filter_leaves_its_kind(admin: Client, domain: Domain) -> None:
    deploy(domain)
    issue(domain, "issued", "done")
    happen(domain, "domain.verified")
    titles = {
        "": 3,
        "deployments": "Deploy 4f4f4f4f4f4f4f4f… to 1 target",
        "issuing": "Certificate for shop.acme-widgets.com",
        "events": "Ownership of shop.acme-widgets.com is proven",
    }
    assert len(load_timeline(domain).entries) == titles.pop("")
    for show, title in titles.items():
        assert [entry.title for entry in load_timeline(domain, show=show).entries] == [title]
    assert "Nothing of this kind" in page(admin, domain, show="tests")
    assert '/activity/live/?show=events" hx-trigger' in page(admin, domain, show="events"), "polling keeps the filter"


def test_problems_only_leaves_what_failed_or_warns(admin: Client, domain: Domain) -> None:
    deploy(domain)
    failed = [deploy(domain, state).pk for state in ("failed", "partial")]
    lost = issue(domain, "failed", "done", error_code="connect_refused").pk
    issue(domain, "issued", "done")
    happen(domain, "domain.verified")
    happen(domain, "domain.deleted")
    found = load_timeline(domain, problems=True).entries
    assert {entry.key for entry in found if entry.is_run} == {*failed, lost}
    assert [entry.state for entry in found if not entry.is_run] == ["warning"]
    shown = page(admin, domain, problems="1", show="deployments")
    assert 'href="?show=deployments" aria-current="true">Problems only' in shown
    assert 'href="?problems=1"' in shown


def test_every_step_can_be_linked_to(admin: Client, domain: Domain) -> None:
    oldest, *_ = [deploy(domain, minutes_ago=minutes) for minutes in (30, 20, 10)]
    step = RunStep.unscoped.get(run__deployment=oldest)
    assert f'id="step-{step.pk}"' not in page(admin, domain)
    shown = page(admin, domain, open=str(oldest.pk))
    assert f'<li id="step-{step.pk}"' in shown
    assert f'href="?open={oldest.pk}#step-{step.pk}"' in shown


def renew(domain: Domain, state: str = "deployed") -> tuple[Issuance, Deployment]:
    """A renewal to its end: two targets, of which one fails where it is `partial`."""
    certificate = Certificate.unscoped.create(
        workspace_id=domain.workspace_id, domain=domain, names=[domain.host], names_key="x", leaf_pem="x",
        fingerprint_sha256=uuid.uuid4().hex * 2, serial="1", issuer="CA", not_before=clock.now(),
        not_after=clock.now() + timedelta(days=90), source="acme",
    )  # fmt: skip
    issuance = issue(domain, "issued", "done", is_renewal=True, certificate=certificate)
    deployment = deploy(domain, state, runs=2)
    Deployment.unscoped.filter(pk=deployment.pk).update(certificate=certificate, ended_at=clock.now())
    commands = [{"command": "nginx -t", "exit_code": 0}, {"command": "nginx -s reload", "exit_code": 0}]
    told = {"server": "web-00", "state": "serving", "files": ["a", "b", "c", "d"], "commands": commands}
    other = {**told, "files": [], "commands": []} if state == "partial" else told
    data = {"names": "shop.acme-widgets.com", "summary": "as it went", "targets": [told, {**other, "server": "web-01"}]}
    happen(domain, f"deployment.{state.replace('deployed', 'succeeded')}", run_id=deployment.pk, data=data)
    return issuance, deployment


def test_a_renewal_is_one_run_from_the_order_to_the_outcome(admin: Client, domain: Domain) -> None:
    issuance, deployment = renew(domain)
    (entry,) = load_timeline(domain).entries
    assert (entry.key, entry.title, entry.state) == (issuance.pk, "Renewal for shop.acme-widgets.com", "deployed")
    first, *places, end = [part.label for part in entry.parts]
    assert (first, sorted(places), end) == ("Certificate", ["web-00", "web-01"], "")
    (last,) = entry.parts[-1].steps
    assert last.name == "The certificate for shop.acme-widgets.com was deployed to shop.acme-widgets.com: as it went"
    assert (last.detail, last.state) == ("web-00, web-01: 8 files written, 4 commands run", "succeeded")
    shown = page(admin, domain, open=str(deployment.pk))
    assert f'id="run-{deployment.pk}"' in shown, "where mails lead to"
    assert shown.count('<details class="trail__run"') == 1


def test_what_somebody_deploys_later_is_a_run_of_its_own(domain: Domain) -> None:
    issuance, deployment = renew(domain)
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        again = deploy(domain)
    Deployment.unscoped.filter(pk=again.pk).update(certificate=issuance.certificate)
    assert [entry.key for entry in load_timeline(domain).entries] == [again.pk, issuance.pk]
    assert {entry.key for entry in load_timeline(domain, show="deployments").entries} == {again.pk, deployment.pk}
    assert [entry.key for entry in load_timeline(domain, show="renewals").entries] == [issuance.pk]


def test_a_renewal_that_was_deployed_in_part_is_a_problem(domain: Domain) -> None:
    renew(domain)
    issuance, _ = renew(domain, "partial")
    failed = issue(domain, "failed", "done", is_renewal=True, error_code="connect_refused")
    found = load_timeline(domain, problems=True).entries
    assert {entry.key for entry in found if entry.is_run} == {issuance.pk, failed.pk}
    (entry,) = (entry for entry in found if entry.key == issuance.pk)
    assert entry.parts[-1].steps[0].state == "partial"


def test_a_renewal_that_is_being_deployed_is_watched(domain: Domain) -> None:
    issuance, deployment = renew(domain)
    Deployment.unscoped.filter(pk=deployment.pk).update(state="running", ended_at=None)
    for minutes in range(1, 4):
        with clock.frozen(clock.now() + timedelta(minutes=minutes)):
            issue(domain, "issued", "done")
    (entry,) = (entry for entry in load_timeline(domain).entries if entry.key == issuance.pk)
    assert (entry.is_open, entry.is_folded, entry.state) == (True, False, "running")


def test_an_event_of_a_run_is_not_told_twice(domain: Domain) -> None:
    issue(domain, "issued", "done")
    happen(domain, "deployment.started", run_id=uuid.uuid4(), data={"names": "x"})
    happen(domain, "domain.verified")
    titles = [entry.title for entry in load_timeline(domain).entries]
    assert titles == ["Ownership of shop.acme-widgets.com is proven", "Certificate for shop.acme-widgets.com"]


def test_older_runs_unfold_by_their_link(admin: Client, domain: Domain) -> None:
    oldest, *_ = [deploy(domain, minutes_ago=minutes) for minutes in (30, 20, 10)]
    assert f'<details class="trail__run" id="run-{oldest.pk}"' not in page(admin, domain)
    assert f'<details class="trail__run" id="run-{oldest.pk}"' in page(admin, domain, open=str(oldest.pk))


def test_a_link_shows_its_run_however_old_and_whatever_the_filter(admin: Client, domain: Domain) -> None:
    old = deploy(domain, minutes_ago=500)
    for number in range(25):
        deploy(domain, minutes_ago=number)
    url = f"/w/{domain.workspace_id}/domains/{domain.pk}/activity/"
    for query in (f"?open={old.pk}", f"?open={old.pk}&show=issuing"):
        assert str(old.pk) in admin.get(url + query).content.decode()
    assert str(old.pk) not in admin.get(url).content.decode()


def test_a_retry_that_waits_says_when_it_comes_and_needs_no_watching(domain: Domain) -> None:
    deployment = deploy(domain, "failed")
    run = TargetRun.unscoped.get(deployment=deployment)
    TargetRun.unscoped.create(
        workspace_id=domain.workspace_id, kind="deploy", domain=domain, target=run.target, server=run.server,
        deployment=deployment, label="web-01", run_after=clock.now() + timedelta(minutes=30),
    )  # fmt: skip
    (entry,) = load_timeline(domain).entries
    assert not entry.is_open
    assert entry.parts[-1].next_try_at is not None


def test_pages_meet_without_gap_or_double(domain: Domain) -> None:
    for minutes in range(9):
        deploy(domain, minutes_ago=10 * minutes + 5)
        with clock.frozen(clock.now() - timedelta(minutes=10 * minutes)):
            happen(domain, "domain.verified")
    seen, before = [], None
    while True:
        timeline = load_timeline(domain, before=before, limit=4)
        seen += [entry.key for entry in timeline.entries]
        before = timeline.older
        if before is None:
            break
    assert len(seen) == len(set(seen)) == 18


@pytest.mark.parametrize("runs", [1, 12])
def test_a_page_costs_the_same_however_much_happened(
    domain: Domain, runs: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(runs):
        deploy(domain, runs=runs)
        issue(domain, "issued", "done")
        renew(domain)
        happen(domain, "domain.verified")
    with django_assert_max_num_queries(21):
        assert load_timeline(domain).entries


@pytest.mark.parametrize(
    "query",
    [{"before": "x"}, {"before": "2026-13-40T99:00:00"}, {"open": "x"}, {"before": "2026-11-23"}, {"show": "x"}],
)
def test_a_mangled_address_shows_the_newest_page(admin: Client, domain: Domain, query: dict[str, str]) -> None:
    assert "Nothing happened yet" in page(admin, domain, **query)


def test_another_workspace_s_runs_stay_its_own(cast: Cast, domain: Domain) -> None:
    theirs = Domain.unscoped.create(workspace=cast.other, host="shop.acme-widgets.com")
    deploy(theirs)
    issue(theirs, "issued", "done")
    happen(theirs, "domain.verified")
    assert load_timeline(domain).entries == []


def test_a_fragment_is_only_for_the_page_that_polls(admin: Client, domain: Domain) -> None:
    path = f"/w/{domain.workspace_id}/domains/{domain.pk}/activity/live/"
    assert admin.get(path).status_code == 302
    assert b"<html" not in admin.get(path, headers={"HX-Request": "true"}).content


Call = Callable[..., Any]


@pytest.fixture
def logs(cast: Cast) -> Call:
    secret = cast.token(cast.admin, "read")

    def call(**query: str) -> Any:
        return Client().get("/api/logs", query, headers={"Authorization": f"Bearer {secret}"})

    return call


def test_the_api_lists_events_newest_first_by_domain_and_day(logs: Call, domain: Domain, cast: Cast) -> None:
    Workspace.objects.filter(pk=cast.acme.pk).update(time_zone="Pacific/Auckland")
    for hour in (10, 12):
        # 23:00 and 01:00 of the next day in Auckland.
        with clock.frozen(clock.now().replace(year=2026, month=11, day=20, hour=hour, minute=0)):
            happen(domain, "domain.verified")
    found = logs(domain_id=str(domain.pk)).json()
    assert [item["kind"] for item in found["items"]] == ["domain.verified"] * 2
    assert found["items"][0]["at"] > found["items"][1]["at"]
    assert found["items"][0]["hostname"] == "shop.acme-widgets.com"
    assert len(logs(domain_id=str(domain.pk), end="2026-11-20").json()["items"]) == 1
    assert len(logs(domain_id=str(domain.pk), start="2026-11-21", end="2026-11-21").json()["items"]) == 1
    assert (
        len(logs(domain_id=str(domain.pk), start="2026-11-20T10:00:00Z", end="2026-11-20T12:00:00Z").json()["items"])
        == 1
    )


def test_the_api_pages_through_all_events(logs: Call, domain: Domain) -> None:
    for _ in range(7):
        happen(domain, "domain.verified")
    first = logs(limit="5", domain_id=str(domain.pk)).json()
    rest = logs(limit="5", domain_id=str(domain.pk), cursor=first["next"]).json()
    assert len({item["id"] for item in first["items"] + rest["items"]}) == 7
    assert rest["next"] is None


@pytest.mark.parametrize(
    "query", [{"start": "yesterday"}, {"end": "2026-11-23T10:00:00"}, {"domain_id": "x"}, {"end": "9999-12-31"}]
)
def test_the_api_names_the_field_that_is_no_time(logs: Call, query: dict[str, str]) -> None:
    answer = logs(**query)
    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == list(query)
