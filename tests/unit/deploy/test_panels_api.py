"""Panels over the API: flat fields, secrets that are never shown, refusals that name the field."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib.sealed import Sealed
from deploy.models import PanelAccount, PanelTarget, TargetRun
from deploy.unseal import panel_access
from domains.add import delete_domain
from domains.batches.starting import begin_batch
from domains.models import Domain
from tests.cast import Cast
from tests.unit.deploy.test_api import Api
from tests.unit.domains.test_batches import act, actor_of
from tests.unit.domains.test_batches import work as work_batch

pytestmark = pytest.mark.both_databases

DIGEST = "ab" * 32


@pytest.fixture
def api(client: Client, cast: Cast) -> Api:
    return Api(client, cast)


def body(**changes: object) -> dict[str, Any]:
    return {
        "kind": "cpanel",
        "host": "Server12.hoster.example",
        "username": "acmeuser",
        "api_token": "very-secret-token",
        **changes,
    }


def add(api: Api, domain: Domain, **changes: object) -> dict[str, Any]:
    status, panel = api("POST", f"/domains/{domain.pk}/panels", body(**changes))
    assert status == 201, panel
    return dict(panel)


def secret_of(account: PanelAccount) -> str:
    return panel_access(account, refs={}, web_port=443).secret


def test_a_panel_takes_the_vendors_fields_flat(api: Api, domain: Domain) -> None:
    panel = add(api, domain, fingerprint_sha256=":".join(["AB"] * 32), draft=True)
    assert {name: panel[name] for name in ("kind", "host", "port", "username", "draft", "label")} == {
        "kind": "cpanel",
        "host": "server12.hoster.example",
        "port": 2083,
        "username": "acmeuser",
        "draft": True,
        "label": "cPanel server12.hoster.example",
    }
    assert panel["fingerprint_sha256"] == DIGEST
    assert "very-secret-token" not in str(panel)
    account = PanelAccount.unscoped.get()
    assert secret_of(account) == "very-secret-token"
    assert "very-secret-token" not in str(account.config)
    status, listed = api("GET", f"/domains/{domain.pk}/panels")
    assert (status, listed["items"]) == (200, [panel])
    assert api("GET", f"/panels/{panel['id']}") == (200, panel)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"kind": "directadmin"}, "kind", "panel_unknown"),
        ({"host": "not a host"}, "host", "host_malformed"),
        ({"api_token": ""}, "api_token", "panel_value_missing"),
        ({"password": "x"}, "password", "panel_field_unknown"),
        ({"port": 99999}, "port", "panel_port_malformed"),
        ({"fingerprint_sha256": "AB"}, "fingerprint_sha256", "panel_fingerprint_malformed"),
        ({"username": "a\nb"}, "username", "panel_value_malformed"),
    ],
)
def test_bad_input_names_its_field(api: Api, domain: Domain, changes: dict[str, Any], field: str, code: str) -> None:
    status, problem = api("POST", f"/domains/{domain.pk}/panels", body(**changes))
    assert (status, problem["code"], list(problem["fields"])) == (422, code, [field])
    assert not PanelTarget.unscoped.exists()


def test_a_credential_does_not_go_to_another_host(api: Api, domain: Domain) -> None:
    panel = add(api, domain, fingerprint_sha256=DIGEST)
    status, problem = api("PATCH", f"/panels/{panel['id']}", {"host": "evil.example"})
    assert (status, problem["code"], list(problem["fields"])) == (422, "panel_secret_again", ["api_token"])
    assert PanelAccount.unscoped.get().config["host"] == "server12.hoster.example"
    moved = api("PATCH", f"/panels/{panel['id']}", {"host": "new.hoster.example", "api_token": "another"})[1]
    assert (moved["host"], moved["fingerprint_sha256"]) == ("new.hoster.example", None), "the pin was the old machine's"


def test_a_new_credential_keeps_all_else_and_ends_the_waiting(api: Api, domain: Domain) -> None:
    panel = add(api, domain, fingerprint_sha256=DIGEST)
    PanelAccount.unscoped.update(refused_at="2026-01-01T00:00:00Z")
    changed = api("PATCH", f"/panels/{panel['id']}", {"api_token": "another"})[1]
    assert (changed["fingerprint_sha256"], changed["login_refused_at"]) == (DIGEST, None)
    assert secret_of(PanelAccount.unscoped.get()) == "another"


def test_two_domains_share_an_account_until_the_last_of_them_is_gone(api: Api, domain: Domain, cast: Cast) -> None:
    other = Domain.objects.create(workspace=cast.acme, host="other.example.net")
    first, second = add(api, domain), add(api, other, for_all=True)
    assert first["account"] == second["account"]
    assert api("POST", f"/domains/{other.pk}/panels", {"account": first["account"]})[1]["id"] == second["id"]
    moved = api("PATCH", f"/panels/{second['id']}", {"username": "other", "api_token": "theirs"})[1]
    assert moved["account"] != first["account"], "the first one's is not moved from under it"
    assert api("DELETE", f"/panels/{second['id']}")[0] == 204
    assert str(PanelAccount.unscoped.get().pk) == first["account"]
    assert api("DELETE", f"/panels/{first['id']}")[0] == 204
    assert not PanelAccount.unscoped.exists()


def test_a_credential_that_others_live_on_is_not_replaced_in_passing(api: Api, domain: Domain, cast: Cast) -> None:
    other = Domain.objects.create(workspace=cast.acme, host="other.example.net")
    add(api, domain)
    status, problem = api("POST", f"/domains/{other.pk}/panels", body(api_token="a-wrong-one"))
    assert (status, problem["code"]) == (409, "panel_account_shared")
    assert "shop.example.net" in str(problem)
    assert secret_of(PanelAccount.unscoped.get()) == "very-secret-token"
    assert PanelTarget.unscoped.count() == 1
    add(api, domain, api_token="its-own")
    assert secret_of(PanelAccount.unscoped.get()) == "its-own", "nobody else uses it"
    add(api, other, api_token="a-new-one", for_all=True)
    assert secret_of(PanelAccount.unscoped.get()) == "a-new-one"


def test_nobody_uses_the_account_of_another_workspace(api: Api, domain: Domain, cast: Cast) -> None:
    panel = add(api, domain)
    foreign = Domain.objects.create(workspace=cast.other, host="theirs.example.net")
    theirs = PanelAccount.objects.create(workspace=cast.other, kind="cpanel", sealed_secret=Sealed.of("theirs"))
    assert api("POST", f"/domains/{foreign.pk}/panels", body())[0] == 404
    assert api("POST", f"/domains/{domain.pk}/panels", {"account": str(theirs.pk)})[0] == 404
    assert PanelTarget.unscoped.count() == 1
    assert panel["account"] != str(theirs.pk)


def test_a_test_is_a_run_of_its_own(api: Api, domain: Domain, settings: Settings) -> None:
    settings.ANSWER_WITHIN_SECONDS = 0
    panel = add(api, domain, draft=True)
    status, answer = api("POST", f"/panels/{panel['id']}/test")
    assert status == 202
    run = TargetRun.unscoped.get()
    assert answer == {"id": str(run.pk), "url": f"/api/runs/{run.pk}"}
    shown = api("GET", f"/runs/{run.pk}")[1]
    assert (shown["kind"], shown["panel"], shown["target"]) == ("test", panel["id"], None)
    assert run.label == panel["label"]


def test_there_is_nothing_to_replace_where_nothing_was_found(api: Api, domain: Domain) -> None:
    panel = add(api, domain)
    status, problem = api("PATCH", f"/panels/{panel['id']}", {"replace": "example.net"})
    assert (status, problem["code"]) == (409, "panel_nothing_to_replace")


def test_an_emptied_pin_is_forgotten_and_an_absent_one_stays(api: Api, domain: Domain) -> None:
    panel = add(api, domain, fingerprint_sha256=DIGEST)
    assert api("PATCH", f"/panels/{panel['id']}", {"name": "Hoster"})[1]["fingerprint_sha256"] == DIGEST
    assert api("PATCH", f"/panels/{panel['id']}", {"fingerprint_sha256": ""})[1]["fingerprint_sha256"] is None


def test_a_panel_does_not_move_to_an_account_that_the_domain_has(api: Api, domain: Domain) -> None:
    first, second = add(api, domain), add(api, domain, username="second")
    status, problem = api("PATCH", f"/panels/{second['id']}", {"username": "acmeuser", "api_token": "stolen"})
    assert (status, problem["code"]) == (409, "panel_there_already")
    assert secret_of(PanelAccount.unscoped.get(pk=first["account"])) == "very-secret-token"
    assert PanelTarget.unscoped.count() == 2


def test_a_panel_that_moves_to_a_known_door_joins_the_account_there(api: Api, domain: Domain, cast: Cast) -> None:
    other = Domain.objects.create(workspace=cast.acme, host="other.example.net")
    first, second = add(api, domain), add(api, other, username="second")
    known = {"username": "acmeuser", "api_token": "very-secret-token"}
    status, problem = api("PATCH", f"/panels/{second['id']}", known)
    assert (status, problem["code"]) == (409, "panel_account_shared")
    moved = api("PATCH", f"/panels/{second['id']}", {**known, "for_all": True})[1]
    assert moved["account"] == first["account"]
    assert PanelAccount.unscoped.count() == 1, "never two at one door, and what nobody uses is gone"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "plesk"),
        ("name", "Mine"),
        ("host", "evil.example"),
        ("port", 2087),
        ("username", "other"),
        ("api_token", "another"),
        ("password", "another"),
        ("fingerprint_sha256", DIGEST),
        ("for_all", True),
    ],
)
def test_what_stands_beside_an_account_is_refused(
    api: Api, domain: Domain, cast: Cast, field: str, value: object
) -> None:
    other = Domain.objects.create(workspace=cast.acme, host="other.example.net")
    account = add(api, domain)["account"]
    status, problem = api("POST", f"/domains/{other.pk}/panels", {"account": account, field: value})
    assert (status, problem["code"], list(problem["fields"])) == (422, "panel_account_alone", [field])
    assert PanelTarget.unscoped.count() == 1
    assert api("POST", f"/domains/{other.pk}/panels", {"account": account, "kind": "cpanel"})[0] == 201


def test_a_change_of_the_account_is_told_without_its_secret(api: Api, domain: Domain) -> None:
    panel = add(api, domain, fingerprint_sha256=DIGEST)
    assert not Event.unscoped.filter(kind="panel.changed").exists()
    api("PATCH", f"/panels/{panel['id']}", {"draft": False})
    assert not Event.unscoped.filter(kind="panel.changed").exists(), "nothing of the account has changed"
    api("PATCH", f"/panels/{panel['id']}", {"host": "new.hoster.example", "api_token": "another-secret"})
    api("PATCH", f"/panels/{panel['id']}", {"fingerprint_sha256": "cd" * 32})
    moved, pinned = Event.unscoped.filter(kind="panel.changed").order_by("at")
    assert (moved.data["changes"], moved.data["before"], moved.data["after"]) == (
        "host, fingerprint_sha256, credential",
        {"host": "server12.hoster.example", "fingerprint_sha256": DIGEST},
        {"host": "new.hoster.example", "fingerprint_sha256": ""},
    )
    assert (pinned.data["before"], pinned.data["after"]) == (
        {"fingerprint_sha256": ""},
        {"fingerprint_sha256": "cd" * 32},
    )
    assert "secret" not in str(list(Event.unscoped.values_list("data", flat=True)))


def test_a_deleted_domain_takes_the_credential_with_it(api: Api, domain: Domain, cast: Cast) -> None:
    other = Domain.objects.create(workspace=cast.acme, host="other.example.net")
    add(api, domain)
    add(api, other, for_all=True)
    add(api, domain, username="alone")
    delete_domain(domain=domain, actor=SYSTEM)
    assert [one.config["username"] for one in PanelAccount.unscoped.all()] == ["acmeuser"], "the other one uses it"
    delete_domain(domain=other, actor=SYSTEM)
    assert not PanelAccount.unscoped.exists()


def test_domains_that_are_deleted_together_do_so_too(api: Api, domain: Domain, cast: Cast) -> None:
    hosts = [f"shop-{number}.example.net" for number in range(3)]
    for host in hosts:
        add(api, Domain.objects.create(workspace=cast.acme, host=host), for_all=True)
    add(api, domain, username="stays")
    batch = act(cast, "delete", hosts)
    begin_batch(batch=batch, actor=actor_of(cast), user=cast.admin)
    assert work_batch(batch).state == "done"
    assert [one.config["username"] for one in PanelAccount.unscoped.all()] == ["stays"]
