"""No page and no list costs more queries when there is more to show.

Every page and every reading operation is asked twice: with one row of each kind, and with many.
"""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import Membership
from domains.models import Domain
from tests.architecture.access import ApiOperation, Page
from tests.architecture.test_access import OPERATIONS, WORKSPACE_PAGES, address, signed_in
from tests.cast import Cast, make_cast, make_user
from tests.rows import Rows, owned_models

pytestmark = pytest.mark.django_db

SETS = 5
# The session, the membership and a page's own rows, with room for the twentieth part of a page.
CAP = 40
# One may come by chance: what is looked at only when there is something to look at.
SLACK = 2

READING = [op for op in OPERATIONS if op.method == "GET"]


@pytest.fixture
def cast(settings: Settings) -> Cast:
    settings.STRIPE_SECRET_KEY = "sk_test_pages"
    cache.clear()
    return make_cast()


def fill(rows: Rows) -> None:
    """One row of every model; a second one is left out where the database allows only one."""
    for model in owned_models():
        try:
            with transaction.atomic():
                rows.of(model)
        except IntegrityError:
            rows.made.pop(model, None)


def add_many(cast: Cast, domain: Domain) -> None:
    for number in range(1, SETS):
        colleague = make_user(f"colleague{number}@example.org")
        Membership.objects.create(user=colleague, workspace=cast.acme, role="member")
        fill(Rows(cast.acme, cast.admin, number))
        fill(Rows(cast.acme, cast.admin, number, shared=[domain]))


# A workspace has one.
ONLY_ONE = {"billing.Account"}


def queries(client: Client, url: str, **options: Any) -> int:
    client.get(url, **options)  # what is made at first sight is made
    with CaptureQueriesContext(
        connection,
    ) as seen:
        answer = client.get(url, **options)
    assert answer.status_code in (200, 302, 409)
    return len(seen)


def assert_steady(cast: Cast, rows: Rows, client: Client, url: str, **options: Any) -> None:
    few = queries(client, url, **options)
    add_many(cast, rows.of(Domain))
    many = queries(client, url, **options)
    assert many <= few + SLACK, f"{few} queries with little to show, {many} with more"
    assert many <= CAP


def can_be_opened(page: Page, client: Client, url: str) -> bool:
    return client.get(url).status_code != 405


def test_there_is_more_to_show(cast: Cast) -> None:
    """Or a growing page would pass."""
    rows = Rows(cast.acme, cast.admin)
    fill(rows)
    add_many(cast, rows.of(Domain))
    counts = {model._meta.label: model.unscoped.filter(workspace=cast.acme).count() for model in owned_models()}
    assert [label for label, count in counts.items() if count < SETS and label not in ONLY_ONE] == []


@pytest.mark.parametrize("page", WORKSPACE_PAGES, ids=lambda page: page.route)
def test_a_pages_queries_do_not_grow(page: Page, cast: Cast) -> None:
    rows = Rows(cast.acme, cast.admin)
    fill(rows)
    named = {name: rows.called(name.removesuffix("_id")).pk for name in page.names if name != "workspace_id"}
    url = page.path({**named, "workspace_id": cast.acme.pk})
    client = signed_in(cast.admin, fresh=True)
    if can_be_opened(page, client, url):
        assert_steady(cast, rows, client, url)


@pytest.mark.parametrize("op", READING, ids=lambda op: op.path)
def test_an_operations_queries_do_not_grow(op: ApiOperation, cast: Cast) -> None:
    rows = Rows(cast.acme, cast.admin)
    fill(rows)
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    assert_steady(cast, rows, Client(), address(op, rows), headers=headers)
