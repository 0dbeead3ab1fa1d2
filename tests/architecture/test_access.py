"""No row of one workspace is readable or writable through another, and no role does more than the table says.

Generated over every URL and every API operation, so that a new one is asked too, and fails when it
states no policy. The policy table is the oracle.
"""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver, path
from django.urls.resolvers import RegexPattern
from pytest_django import Settings

from accounts import api_limits, policy
from accounts.models import Membership, User
from accounts.policy import ACTIONS_NEEDING_VERIFIED_EMAIL, POLICY, is_allowed
from billing.ledger import post
from billing.models import EntryKind
from config.lib import clock
from tests.architecture.access import THIRD_PARTY, ApiOperation, Page, operations, pages, unstated
from tests.cast import PASSWORD, Cast, make_cast, make_user
from tests.rows import Rows
from tests.servers.places import ROOT

pytestmark = pytest.mark.django_db

PAGES = list(pages())
WORKSPACE_PAGES = [page for page in PAGES if page.access and page.access.kind == "workspace"]
ACCOUNT_PAGES = [page for page in PAGES if page.access and page.access.kind == "account"]
FRESH_PAGES = [page for page in (*WORKSPACE_PAGES, *ACCOUNT_PAGES) if page.access and page.access.fresh]
OPERATIONS = list(operations())
WRONG_METHOD = 405


@dataclass
class World:
    """The cast, one row of every model in acme, and a person who has just been removed from it."""

    cast: Cast
    rows: Rows
    removed: User

    def values(self, page: Page, **others: Any) -> dict[str, Any]:
        named = {name: self.rows.called(name.removesuffix("_id")).pk for name in page.names if name != "workspace_id"}
        return {**named, "workspace_id": self.cast.acme.pk, **others}


@pytest.fixture
def world(settings: Settings) -> World:
    # Its pages are there where payments are connected.
    settings.STRIPE_SECRET_KEY = "sk_test_pages"
    cache.clear()
    api_limits.forget_counts()
    cast = make_cast()
    removed = make_user("removed@example.org")
    Membership.objects.create(user=removed, workspace=cast.acme, role="admin")
    return World(cast, Rows(cast.acme, cast.admin), removed)


def signed_in(user: User, *, fresh: bool = False) -> Client:
    client = Client()
    client.force_login(user)
    if fresh:
        client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def answers(client: Client, url: str) -> set[int]:
    """What GET, a fragment's GET and POST get, without 'wrong method' when another method is right."""
    fragment = {"HX-Request": "true"}
    looks = {final_status(client, client.get(url, headers=headers)) for headers in ({}, fragment)}
    return (looks | {final_status(client, client.post(url))}) - {WRONG_METHOD}


def final_status(client: Client, answer: Any) -> int:
    """Redirects within a workspace are followed: only their end tells who is let in."""
    if answer.headers.get("HX-Redirect"):
        return 302
    if answer.status_code == 302 and answer.headers["Location"].startswith("/w/"):
        return client.get(answer.headers["Location"]).status_code
    return int(answer.status_code)


def _names(page: Page) -> str:
    return page.route


def test_every_page_states_its_policy() -> None:
    assert unstated(iter(PAGES)) == []


def test_every_operation_states_its_policy() -> None:
    assert [f"{op.method} {op.path}" for op in OPERATIONS if not op.access or op.access.action not in POLICY] == []


def test_every_third_party_is_there() -> None:
    modules = {page.module for page in PAGES}
    assert [name for name in THIRD_PARTY if not any(module.startswith(name) for module in modules)] == []


def test_a_page_without_a_policy_is_found() -> None:
    def forgotten(request: Any) -> HttpResponse:
        return HttpResponse("everything")

    resolver = URLResolver(RegexPattern(r"^/"), [path("w/forgotten/", forgotten)])
    assert [route.rpartition("w/")[2] for route in unstated(pages(resolver))] == ["forgotten/"]


def test_every_action_is_stated_once_and_used() -> None:
    used = {page.access.action for page in WORKSPACE_PAGES if page.access}
    used |= {op.access.action for op in OPERATIONS if op.access}
    stated = re.findall(r'^    "(\w+\.\w+)":', Path(policy.__file__).read_text(), re.MULTILINE)
    assert sorted(stated) == sorted(POLICY), "a key that is stated twice silently overrules itself"
    assert used - set(POLICY) == set()
    unused = set(POLICY) - used
    assert {action for action in unused if not _is_named_in_code(action)} == set()
    assert set(POLICY) >= ACTIONS_NEEDING_VERIFIED_EMAIL


def _is_named_in_code(action: str) -> bool:
    """Whether a template or an operation asks for `action` beside the pages and the API."""
    files = (path for kind in ("*.py", "*.html") for path in ROOT.glob(f"[!.tv]*/**/{kind}"))
    named = (path for path in (*files, *ROOT.glob("templates/**/*.html")) if path.name != "policy.py")
    return any(f'"{action}"' in path.read_text() for path in named)


@pytest.mark.parametrize("page", WORKSPACE_PAGES, ids=_names)
def test_a_page_lets_in_nobody_from_outside(page: Page, world: World) -> None:
    url = page.path(world.values(page))
    clients = {"removed": signed_in(world.removed), "outsider": signed_in(world.cast.outsider, fresh=True)}
    Membership.objects.filter(user=world.removed).delete()
    assert answers(Client(), url) == {302}
    assert answers(clients["removed"], url) == {404}
    assert answers(clients["outsider"], url) == {404}


@pytest.mark.parametrize("page", [page for page in WORKSPACE_PAGES if len(page.names) > 1], ids=_names)
def test_a_page_finds_no_row_of_another_workspace(page: Page, world: World) -> None:
    """The outsider opens their own workspace's address with each of acme's ids in turn, and with all."""
    outsider = signed_in(world.cast.outsider, fresh=True)
    acme = world.values(page)
    own = {name: row.pk for name, row in _own_rows(page, world).items()}
    mixes = [acme] + [{**own, name: acme[name]} for name in own]
    for mixed in mixes:
        assert answers(outsider, page.path({**mixed, "workspace_id": world.cast.other.pk})) == {404}


@pytest.mark.parametrize("page", WORKSPACE_PAGES, ids=_names)
def test_a_page_obeys_the_table(page: Page, world: World) -> None:
    assert page.access
    url = page.path(world.values(page))
    member = answers(signed_in(world.cast.member, fresh=True), url)
    assert (member == {403}) is not is_allowed("member", page.access.action)
    admin = answers(signed_in(world.cast.admin, fresh=True), url)
    assert admin
    assert not admin & {403, 500}, "the admin must get through, or the refusals above prove nothing"
    assert 404 not in admin


@pytest.mark.parametrize("page", ACCOUNT_PAGES, ids=_names)
def test_an_account_page_asks_for_sign_in(page: Page, world: World) -> None:
    assert answers(Client(), page.path(world.values(page))) == {302}


@pytest.mark.parametrize("page", [page for page in ACCOUNT_PAGES if page.names], ids=_names)
def test_an_account_page_finds_no_row_that_is_not_ones_own(page: Page, world: World) -> None:
    for user in (world.cast.outsider, world.cast.member, world.cast.admin):
        assert answers(signed_in(user, fresh=True), page.path(world.values(page))) == {404}


@pytest.mark.parametrize("page", FRESH_PAGES, ids=_names)
def test_a_fresh_page_asks_again_who_is_there(page: Page, world: World) -> None:
    client = signed_in(world.cast.admin)
    url = page.path(world.values(page))
    asked = [answer for answer in (client.get(url), client.post(url)) if answer.status_code != WRONG_METHOD]
    assert asked
    for answer in asked:
        assert answer.headers["Location"].startswith("/account/reauthenticate/")


def _own_rows(page: Page, world: World) -> dict[str, Any]:
    rows = Rows(world.cast.other, world.cast.outsider)
    return {name: rows.called(name.removesuffix("_id")) for name in page.names if name != "workspace_id"}


# The API


def _operation_name(op: ApiOperation) -> str:
    return f"{op.method} {op.path}"


def ask(op: ApiOperation, url: str, secret: str = "", client: Client | None = None, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    data = "" if body is None else json.dumps(body)
    return (client or Client()).generic(op.method, url, data, content_type="application/json", headers=headers)


def said(answer: Any) -> str:
    """Also of what is streamed."""
    content: bytes = answer.getvalue() if answer.streaming else answer.content
    return content.decode(errors="replace")


def address(op: ApiOperation, rows: Rows) -> str:
    """`/api/…` with each `{id}` replaced by the row that the word before it names."""

    def fill(found: re.Match[str]) -> str:
        return f"{found[1]}/{rows.called(_singular(found[1])).pk}"

    return "/api" + re.sub(r"([\w-]+)/{\w+}", fill, op.path)


def _singular(word: str) -> str:
    return word.removesuffix("s")


@pytest.mark.parametrize("op", OPERATIONS, ids=_operation_name)
def test_an_operation_lets_in_nobody_from_outside(op: ApiOperation, world: World) -> None:
    url = address(op, world.rows)
    secret = world.cast.token(world.removed)
    Membership.objects.filter(user=world.removed).delete()
    assert ask(op, url).status_code == 401
    assert ask(op, url, secret).status_code == 401
    session = signed_in(world.cast.outsider, fresh=True)
    assert ask(op, f"{url}?workspace={world.cast.acme.pk}", client=session).status_code == 404


@pytest.mark.parametrize("op", [op for op in OPERATIONS if "{" in op.path], ids=_operation_name)
def test_an_operation_finds_no_row_of_another_workspace(op: ApiOperation, world: World) -> None:
    url = address(op, world.rows)
    secret = world.cast.token(world.cast.outsider)
    assert ask(op, url, secret).status_code == 404
    assert ask(op, url, client=signed_in(world.cast.outsider, fresh=True)).status_code == 404
    unknown = re.sub(r"[0-9a-f-]{36}", str(uuid.uuid4()), url)
    assert ask(op, unknown, secret).status_code == 404
    assert ask(op, re.sub(r"[0-9a-f-]{36}", "nonsense", url), secret).status_code == 404


@pytest.mark.parametrize("op", [op for op in OPERATIONS if "{" not in op.path], ids=_operation_name)
def test_an_operation_without_ids_tells_nothing_of_another_workspace(op: ApiOperation, world: World) -> None:
    names = {str(row.pk) for row in _every_row(world)}
    answer = ask(op, address(op, world.rows), world.cast.token(world.cast.outsider), body={})
    assert answer.status_code not in (401, 403, 500)
    assert [name for name in names if name in said(answer)] == []


@pytest.mark.parametrize("op", OPERATIONS, ids=_operation_name)
def test_an_operation_obeys_the_table_and_the_scopes(op: ApiOperation, world: World) -> None:
    assert op.access
    url = address(op, world.rows)
    may = is_allowed("member", op.access.action)
    member = ask(op, url, world.cast.token(world.cast.member, role="member"), body={})
    assert (member.status_code == 403) is not may, member.content
    scopeless = "read" if op.method != "GET" or op.access.fresh else "write"
    assert ask(op, url, world.cast.token(world.cast.admin, scopeless), body={}).status_code == 403
    if op.method == "GET":
        admin = ask(op, url, world.cast.token(world.cast.admin))
        assert admin.status_code not in (401, 403, 404, 500), "or the refusals above prove nothing"


@pytest.mark.parametrize("op", [op for op in OPERATIONS if op.access and op.access.fresh], ids=_operation_name)
def test_private_keys_need_a_fresh_session(op: ApiOperation, world: World) -> None:
    answer = ask(op, address(op, world.rows), client=signed_in(world.cast.admin))
    assert answer.json()["code"] == "reauthentication_needed"


def _every_row(world: World) -> Iterator[Any]:
    for op in OPERATIONS:
        for word in re.findall(r"([\w-]+)/{\w+}", op.path):
            yield world.rows.called(_singular(word))
    yield world.cast.acme
    yield world.cast.admin
    yield world.cast.member


# Ids in bodies


def _ids_in(schema: dict[str, Any] | None) -> list[str]:
    """The fields of a body that take an id."""
    properties = (schema or {}).get("properties", {})
    return [name for name, details in properties.items() if "uuid" in json.dumps(details)]


BODY_IDS = [(op, name) for op in OPERATIONS for name in _ids_in(op.body)]


@pytest.mark.parametrize(("op", "name"), BODY_IDS, ids=[f"{op.method} {op.path} {name}" for op, name in BODY_IDS])
def test_an_id_in_a_body_finds_no_row_of_another_workspace(op: ApiOperation, name: str, world: World) -> None:
    own = Rows(world.cast.other, world.cast.outsider)
    _make_deployable(own)
    foreign = world.rows.called(name)
    body = {**_smallest(op.body), name: str(foreign.pk)}
    answer = ask(op, address(op, own), world.cast.token(world.cast.outsider), body=body)
    assert answer.status_code == 404, answer.content


QUERY_IDS = [(op, name) for op in OPERATIONS for name in op.query_ids]


def test_ids_in_queries_are_found() -> None:
    assert ("/logs", "domain_id") in {(op.path, name) for op, name in QUERY_IDS}


@pytest.mark.parametrize(("op", "name"), QUERY_IDS, ids=[f"{op.method} {op.path} {name}" for op, name in QUERY_IDS])
def test_an_id_in_a_query_finds_no_row_of_another_workspace(op: ApiOperation, name: str, world: World) -> None:
    foreign = world.rows.called(name.removesuffix("_id"))
    known = {str(row.pk) for row in _every_row(world)} | {str(foreign.pk)}
    url = f"{address(op, Rows(world.cast.other, world.cast.outsider))}?{name}={foreign.pk}"
    answer = ask(op, url, world.cast.token(world.cast.outsider))
    assert answer.status_code in (200, 404)
    assert [key for key in known if key in said(answer)] == []


def test_a_token_is_refused_rather_than_used_for_another_workspace(world: World) -> None:
    secret = world.cast.token(world.cast.outsider)
    for op in OPERATIONS:
        url = f"{address(op, world.rows)}?workspace={world.cast.acme.pk}"
        assert ask(op, url, secret, body={}).status_code == 404, op.path


def _make_deployable(own: Rows) -> None:
    """Nothing but the foreign id may stand in the way."""
    post(own.workspace.pk, kind=EntryKind.ADJUSTMENT, cents=1000, external_id=str(uuid.uuid4()))
    certificate, target = own.called("certificate"), own.called("target")
    certificate.private_key, certificate.not_after = own.called("private_key"), clock.now() + timedelta(days=30)
    certificate.save(update_fields=["private_key", "not_after"])
    target.is_draft = False
    target.save(update_fields=["is_draft"])


def _smallest(schema: dict[str, Any] | None) -> dict[str, Any]:
    """A body with every required field that is not an id."""
    known = schema or {}
    return {name: _least(known["properties"][name]) for name in known.get("required", ())}


def _least(details: dict[str, Any]) -> Any:
    """The field's own example where its value is one of a few."""
    if "$ref" in details or "enum" in details:
        return details["examples"][0]
    return 1 if details.get("type") == "integer" else "x"
