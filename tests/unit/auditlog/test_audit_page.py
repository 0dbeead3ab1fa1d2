"""The Audit logs page: who may see it, what each filter leaves, pages without gaps, a bounded number of queries."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Membership, Workspace
from accounts.workspaces import create_workspace
from auditlog.events import Actor, record
from auditlog.kinds import KINDS, OF_NO_WORKSPACE
from auditlog.models import Event
from auditlog.pages.feed import load_lines
from auditlog.pages.wanted import SHOWS, Wanted, groups
from config.lib import clock
from deploy.models import RunStep, TargetRun
from domains.models import Domain
from tests.cast import PASSWORD, Cast, make_cast
from tests.servers.places import ROOT
from tests.unit.auditlog.test_activity import deploy, happen, issue

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
ANN = Actor("user", id=uuid.UUID(int=5), label="ann@example.net", ip="203.0.113.9")


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    return Domain.unscoped.create(workspace=cast.acme, host="shop.acme-widgets.com")


type Look = Callable[..., str]


@pytest.fixture
def look(cast: Cast) -> Look:
    client = Client()
    client.force_login(cast.admin)

    def open_page(**query: str) -> str:
        answer = client.get(f"/w/{cast.acme.pk}/audit-logs/", query)
        assert answer.status_code == 200
        return answer.content.decode()

    return open_page


def sentences(cast: Cast, **wanted: Any) -> list[str]:
    return [line.what for line in load_lines(cast.acme, Wanted(**wanted), None, 100)]


def test_members_and_strangers_do_not_see_it(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.member)
    assert client.get(f"/w/{cast.acme.pk}/audit-logs/").status_code == 403
    assert "Audit logs" not in client.get(f"/w/{cast.acme.pk}/team/").content.decode()
    client.force_login(cast.outsider)
    assert client.get(f"/w/{cast.acme.pk}/audit-logs/").status_code == 404


def test_a_line_says_who_from_where_what_and_from_what_to_what(look: Look, cast: Cast) -> None:
    data = {"email": "bob@example.net", "role": "admin", "before": "member"}
    record("member.role_changed", workspace_id=cast.acme.pk, actor=ANN, data=data)
    shown = look()
    for part in ("ann@example.net made bob@example.net admin instead of member", "203.0.113.9", "member.role_changed"):
        assert part in shown
    assert "<del>member</del> → <ins>admin</ins>" in shown


def test_of_two_settings_only_the_changed_fields_are_told(look: Look, domain: Domain) -> None:
    before = {"webroot": "/var/www", "use_sudo": False, "owner": ""}
    after = {"webroot": "/srv/www", "use_sudo": False, "owner": "root:ssl"}
    happen(domain, "target.saved", data={"server": "web-01", "before": before, "after": after})
    shown = look()
    assert "<code>webroot</code>: <del>/var/www</del> → <ins>/srv/www</ins>" in shown
    assert "<code>owner</code>: <del>—</del> → <ins>root:ssl</ins>" in shown
    assert "<code>use_sudo</code>" not in shown


def test_the_steps_of_a_deployment_stand_there_with_how_they_ended(look: Look, domain: Domain) -> None:
    deployment = deploy(domain, "failed")
    params = {"host": "web-01", "port": 22}
    RunStep.unscoped.update(state="failed", error_code="connect_refused", error_params=params)
    shown = look(show="runs")
    assert "web-00: sudo -n systemctl reload nginx · failed · web-01 refused the connection on port 22" in shown
    step = RunStep.unscoped.get()
    assert f"/activity/?open={deployment.pk}#step-{step.pk}" in shown


def test_an_event_of_an_issuance_links_to_its_run(look: Look, cast: Cast, domain: Domain) -> None:
    run = issue(domain, "failed", "done", error_code="acme_unauthorized")
    happen(domain, "issuance.failed", run_id=run.pk, data={"names": "x", "issuance": str(run.pk)})
    assert f"/activity/?open={run.pk}#run-{run.pk}" in look(show="runs")
    client = Client()
    client.force_login(cast.member)
    shown = client.get(f"/w/{cast.acme.pk}/domains/{domain.pk}/activity/", {"open": str(run.pk)}).content.decode()
    assert f'id="run-{run.pk}"' in shown


def test_a_sign_in_stands_in_the_log_of_every_workspace_that_it_opens(look: Look, cast: Cast) -> None:
    third = create_workspace(user=cast.outsider, name="Third", actor=ANN)
    Membership.objects.create(user=cast.member, workspace=third, role="member")
    Client().post("/account/login/", {"login": cast.member.email, "password": PASSWORD})
    rows = Event.unscoped.filter(kind="user.signed_in")
    assert {row.workspace_id for row in rows} == {cast.acme.pk, third.pk}
    assert {(row.actor_label, row.actor_ip) for row in rows} == {("member@example.org", "127.0.0.1")}
    assert "member@example.org signed in" in look(kind="user.signed_in", show="security")


def test_the_kind_filter_offers_only_what_a_workspace_s_log_can_hold(look: Look) -> None:
    shown = look()
    assert [kind for kind in KINDS if (f'<option value="{kind}">' in shown) == (kind in OF_NO_WORKSPACE)] == []
    written = "\n".join(path.read_text() for path in ROOT.glob("accounts/**/*.py"))
    nowhere = set(re.findall(r'record\("([a-z._]+)", workspace_id=None', written))
    assert nowhere == OF_NO_WORKSPACE - {"user.deleted", "user.lapsed"}, "those two by a variable"


def test_the_quick_filters_part_security_from_runs(cast: Cast, domain: Domain) -> None:
    deploy(domain)
    record("token.revoked", workspace_id=cast.acme.pk, actor=ANN, data={"name": "ci"})
    happen(domain, "domain.verified")
    happen(domain, "issuance.requested", actor=ANN, data={"names": "x"})
    assert "ann@example.net revoked the API token ci" in sentences(cast, show="security")
    assert not [words for words in sentences(cast, show="security") if "verified" in words or "nginx" in words]
    assert sentences(cast, show="runs") == [
        "ann@example.net asked for the certificate for x",
        "web-00: sudo -n systemctl reload nginx · succeeded",
    ]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"person": "ann@example.net"}, 1),
        ({"person": "ann"}, 2),  # The steps of what ann asked for, and nothing of ann@example.net's.
        ({"kind": "domain.verified"}, 2),
        ({"kind": "domain."}, 3),
        ({"kind": "run."}, 2),
        ({"kind": "run.step", "severity": "warning"}, 1),
        ({"kind": "run.step", "severity": "critical"}, 0),
        ({"severity": "critical"}, 1),
        ({"kind": "domain.", "show": "security"}, 0),
        ({"kind": "nobody.declared_this"}, 0),
    ],
)
def test_each_filter_leaves_what_it_names(cast: Cast, domain: Domain, wanted: dict[str, str], count: int) -> None:
    deploy(domain, runs=2)
    TargetRun.unscoped.update(requested_by="ann")
    RunStep.unscoped.filter(run__label="web-01").update(state="failed")
    happen(domain, "domain.verified")
    happen(domain, "domain.verified")
    happen(domain, "domain.added", actor=ANN)
    happen(domain, "deployment.failed", data={"names": "x", "summary": "0 of 1"})
    assert len(sentences(cast, **wanted)) == count


def test_a_domain_is_named_by_its_host_also_when_it_is_gone(look: Look, domain: Domain, cast: Cast) -> None:
    other = Domain.unscoped.create(workspace=cast.acme, host="mail.acme-widgets.com", port=8443)
    deploy(other)
    happen(domain, "domain.verified")
    happen(domain, "domain.deleted")
    domain.delete()
    gone = look(hostname="Shop.acme-widgets.com")
    assert gone.count('<tr id="line-') == 2
    assert "Ownership of shop.acme-widgets.com is proven" in gone
    assert look(hostname="mail.acme-widgets.com:8443").count('<tr id="line-') == 1
    assert "No line matches" in look(hostname="mail.acme-widgets.com:443")


def test_days_are_those_of_the_workspace(look: Look, domain: Domain, cast: Cast) -> None:
    Workspace.objects.filter(pk=cast.acme.pk).update(time_zone="Pacific/Auckland")
    for hour in (10, 12):
        # 23:00 and 01:00 of the next day in Auckland.
        with clock.frozen(clock.now().replace(year=2026, month=11, day=20, hour=hour, minute=0)):
            happen(domain, "domain.verified")
    assert look(start="2026-11-20", end="2026-11-20").count('<tr id="line-') == 1
    assert look(start="2026-11-21", end="2026-11-21").count('<tr id="line-') == 1


def test_what_is_no_day_is_said_beside_its_field(look: Look) -> None:
    assert "Enter a valid date." in look(start="yesterday")


@pytest.mark.parametrize("query", [{"before": "x"}, {"before": "bm90aGluZw"}, {"show": "x"}, {"person": "\0"}])
def test_a_mangled_address_still_answers(look: Look, query: dict[str, str]) -> None:
    look(**query)


def test_pages_meet_without_gap_or_double(cast: Cast, domain: Domain) -> None:
    deploy(domain, runs=6)
    for _ in range(6):
        happen(domain, "domain.verified")
    # All at one moment, so that only the id decides.
    moment = clock.now() + timedelta(minutes=1)
    RunStep.unscoped.update(started_at=moment)
    with clock.frozen(moment):
        for _ in range(6):
            happen(domain, "domain.verified")
    found, before = [], None
    while lines := load_lines(cast.acme, Wanted(), before, 4):
        found += [line.key for line in lines]
        before = lines[-1].place
    assert (
        len(found)
        == len(set(found))
        == RunStep.unscoped.count() + Event.unscoped.filter(workspace_id=cast.acme.pk).count()
    )


def test_older_lines_are_a_link_away_and_keep_the_filters(look: Look, domain: Domain) -> None:
    for _ in range(60):
        happen(domain, "domain.verified")
    first = look(kind="domain.verified")
    assert first.count('<tr id="line-') == 40
    cursor = first.partition("before=")[2].partition('"')[0]
    rest = look(kind="domain.verified", before=cursor)
    assert rest.count('<tr id="line-') == 20
    assert "Back to the newest" in rest
    assert "?kind=domain.verified&amp;before=" in first


def test_text_of_strangers_is_shown_and_never_run(look: Look, cast: Cast) -> None:
    record("token.revoked", workspace_id=cast.acme.pk, actor=ANN, data={"name": "<script>alert(1)</script>"})
    shown = look()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_another_workspace_s_past_stays_its_own(cast: Cast) -> None:
    theirs = Domain.unscoped.create(workspace=cast.other, host="shop.acme-widgets.com")
    deploy(theirs)
    happen(theirs, "domain.verified")
    assert sentences(cast, show="runs") == []
    assert sentences(cast, domains=frozenset({theirs.pk})) == []


@pytest.mark.parametrize("many", [1, 60])
def test_a_page_costs_the_same_however_much_happened(
    look: Look, domain: Domain, many: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    deploy(domain, runs=many)
    for _ in range(many):
        happen(domain, "domain.verified")
    with django_assert_max_num_queries(12):
        look(hostname=domain.host)


def test_an_empty_list_teaches(look: Look) -> None:
    assert "Every issuance, renewal, test and deployment is told here" in look(show="runs")


def test_every_group_and_quick_filter_can_be_chosen(look: Look) -> None:
    shown = look()
    assert [group for group in groups() if f'<option value="{group}.">' not in shown] == []
    assert all(label in shown for label in SHOWS.values())
