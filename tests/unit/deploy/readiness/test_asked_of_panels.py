"""What is changed at a hosting panel is rehearsed as what is changed at a server is: all domains of one account."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates.models import Renewal
from config.lib import clock
from config.lib.sealed import Sealed
from deploy.models import PanelAccount, PanelTarget, Readiness
from deploy.panels.accounts import FOREIGN, Given, allow_replacement, change_account, delete_panel, trust_panel
from deploy.readiness.asking import APART, SETTLED_AFTER
from domains.models import Domain, Visit
from tests.cast import Cast
from tests.unit.deploy.readiness.conftest import renewing

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
FINGERPRINT = "AB:" * 31 + "AB"


@pytest.fixture
def places(cast: Cast) -> list[PanelTarget]:
    """Three domains that renew, by one account."""
    account = PanelAccount.objects.create(
        workspace=cast.acme, kind="cpanel", config={"host": "panel.test"}, sealed_secret=Sealed.of("token")
    )
    return [_place(cast, account, number) for number in range(3)]


def _place(cast: Cast, account: PanelAccount, number: int) -> PanelTarget:
    now = clock.now()
    renew_at = now + timedelta(days=20 + number)
    domain = Domain.objects.create(
        workspace=cast.acme, host=f"p{number}.example.net", verified_at=now, renew_at=renew_at
    )
    Visit.objects.create(workspace=cast.acme, domain=domain)
    renewing(domain)
    Readiness.objects.create(workspace=cast.acme, domain=domain, run_after=now + timedelta(days=1))
    return PanelTarget.objects.create(workspace=cast.acme, domain=domain, account=account, is_draft=False)


def trust(place: PanelTarget) -> None:
    trust_panel(account=place.account, fingerprint=FINGERPRINT, actor=SYSTEM)


def give_another_token(place: PanelTarget) -> None:
    given = Given("cpanel", place.account.config, Sealed.of("another"))
    change_account(account=place.account, given=given, actor=SYSTEM)


@pytest.mark.parametrize("change", [trust, give_another_token])
def test_a_change_of_the_account_asks_for_all_of_them_one_after_the_other(
    places: list[PanelTarget], change: Callable[[PanelTarget], None], django_capture_on_commit_callbacks: Any
) -> None:
    now = clock.now()
    with clock.frozen(now), django_capture_on_commit_callbacks(execute=True):
        change(places[1])
    rows = Readiness.unscoped.order_by("domain__renew_at").values_list("is_asked", "run_after")
    assert list(rows) == [(True, now + SETTLED_AFTER + place * APART) for place in range(3)]


def let_replace(place: PanelTarget) -> None:
    found = {"site": "a.example.net", "code": FOREIGN, "params": {"certificate": "7"}}
    PanelTarget.unscoped.filter(pk=place.pk).update(sites=[found])
    place.refresh_from_db()
    allow_replacement(place=place, site="a.example.net", actor=SYSTEM)


def delete(place: PanelTarget) -> None:
    delete_panel(place=place, actor=SYSTEM)


@pytest.mark.parametrize("change", [let_replace, delete])
def test_a_change_of_one_place_asks_for_its_domain_alone(
    places: list[PanelTarget], change: Callable[[PanelTarget], None], django_capture_on_commit_callbacks: Any
) -> None:
    domain_id = places[1].domain_id
    with django_capture_on_commit_callbacks(execute=True):
        change(places[1])
    asked = Readiness.unscoped.filter(is_asked=True).values_list("domain_id", flat=True)
    assert list(asked) == [domain_id]
    assert Renewal.unscoped.count() == 3
