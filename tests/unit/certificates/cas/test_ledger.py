"""What a CA's limits leave, counted here before the CA is asked."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from auditlog.events import SYSTEM
from certificates.cas import known, ledger
from certificates.cas.known import Ca, Counted, Limit
from certificates.cas.ledger import RENEWAL, SUGGESTED, Ordered
from certificates.gates import read_wish
from certificates.issuance import start_issuance
from certificates.models import CaEntry, Issuance, Renewal
from config.lib import clock, errors
from config.lib.errors import Transient
from domains.models import Domain
from tests.unit.certificates.conftest import DIRECTORY, HOST

pytestmark = pytest.mark.django_db
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
LIMITS = (
    Limit(Counted.ORDERS, 3, 3 * HOUR),
    Limit(Counted.OF_DOMAIN, 4, WEEK),
    Limit(Counted.OF_NAMES, 2, WEEK),
    Limit(Counted.FAILURES, 2, HOUR),
    Limit(Counted.ACCOUNTS, 1, 3 * HOUR),
)
NAMES = [HOST, f"*.{HOST}"]


@pytest.fixture(autouse=True)
def _limited_ca(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(known._BY_URL, DIRECTORY, Ca("Limited CA", DIRECTORY, limits=LIMITS))


def ordered(**more: Any) -> Ordered:
    return Ordered(more.pop("workspace_id", uuid4()), DIRECTORY, more.pop("names", NAMES), **more)


def left(one: Ordered) -> dict[tuple[str, str], int]:
    return {(budget.limit.counted, budget.subject): budget.left for budget in ledger.budgets(one)}


def refused_until(one: Ordered) -> datetime:
    with pytest.raises(Transient) as caught:
        ledger.require_room(one)
    assert caught.value.code == "ca_limit"
    assert caught.value.retry_at
    return caught.value.retry_at


@pytest.mark.both_databases
def test_orders_are_counted_for_each_workspace() -> None:
    mine, other = ordered(), ordered()
    for _ in range(3):
        ledger.require_room(mine)
        ledger.note_order(mine)
    first = CaEntry.objects.order_by("at").first()
    assert first
    assert refused_until(mine) == first.at + 3 * HOUR
    ledger.require_room(other)


@pytest.mark.both_databases
def test_certificates_are_counted_by_name_set_and_by_registered_domain_of_all_workspaces() -> None:
    for names in (NAMES, NAMES, ["a.acme-tools.net"], ["b.acme-tools.net", "c.other.net"]):
        ledger.note_certificate(ordered(names=names))
    one = ordered(names=["d.acme-tools.net"])
    assert left(one)[Counted.OF_DOMAIN, "acme-tools.net"] == 0
    assert refused_until(one)
    assert left(ordered(names=["d.other.net"]))[Counted.OF_DOMAIN, "other.net"] == 3
    assert {budget.limit.counted for budget in ledger.budgets(ordered()) if budget.free_at} == {
        Counted.OF_DOMAIN,
        Counted.OF_NAMES,
    }


def test_a_renewal_of_a_name_set_is_spared_by_orders_and_domains_alone() -> None:
    renewal = ordered(spared=RENEWAL)
    assert {counted for counted, _ in left(renewal)} == {Counted.OF_NAMES, Counted.FAILURES}
    ledger.note_order(renewal)
    ledger.note_certificate(renewal)
    assert set(CaEntry.objects.values_list("counted", flat=True)) == {Counted.OF_NAMES}


def test_one_that_the_ca_suggested_counts_as_nothing_but_failures() -> None:
    suggested = ordered(spared=SUGGESTED)
    assert {counted for counted, _ in left(suggested)} == {Counted.FAILURES}
    ledger.note_order(suggested)
    ledger.note_certificate(suggested)
    assert not CaEntry.objects.exists()


def test_failures_are_counted_by_workspace_and_name() -> None:
    mine = ordered(names=[HOST])
    for _ in range(2):
        ledger.note_failure(mine, HOST)
    assert refused_until(mine)
    ledger.require_room(replace(mine, names=["other.acme-tools.net"]))
    ledger.require_room(ordered(names=[HOST]))
    assert left(mine)[Counted.FAILURES, HOST] == 0, "people read the name, not the workspace's id"


def test_accounts_are_counted_for_the_whole_installation() -> None:
    ledger.require_room_for_account(DIRECTORY)
    ledger.note_account(DIRECTORY)
    with pytest.raises(Transient, match="ca_limit"):
        ledger.require_room_for_account(DIRECTORY)
    ledger.require_room_for_account("https://elsewhere.acme-tools.net/dir")


def test_what_lies_back_longer_than_the_limit_looks_is_free_again() -> None:
    mine = ordered()
    for _ in range(3):
        ledger.note_order(mine)
    CaEntry.objects.update(at=clock.now() - 3 * HOUR)
    ledger.require_room(mine)
    CaEntry.objects.update(at=clock.now() - ledger.KEPT - HOUR)
    ledger.forget_old()
    assert not CaEntry.objects.exists()


def test_a_ca_without_known_limits_has_none() -> None:
    assert ledger.budgets(replace(ordered(), directory_url="https://elsewhere.acme-tools.net/dir")) == []


def test_the_refusal_names_limit_and_moment() -> None:
    mine = ordered()
    for _ in range(3):
        ledger.note_order(mine)
    with pytest.raises(Transient) as caught:
        ledger.require_room(mine)
    words = errors.describe(caught.value.code, caught.value.params)
    assert words.title == "A limit of Limited CA is used up: 3 orders of this workspace in 3 hours"
    assert f"{caught.value.retry_at:%Y-%m-%d %H:%M} UTC" in words.fix


def test_nothing_is_started_that_would_go_over(domain: Domain) -> None:
    mine = ordered(workspace_id=domain.workspace_id, names=[HOST])
    for _ in range(2):
        ledger.note_failure(mine, HOST)
    with pytest.raises(Transient, match="ca_limit"):
        start_issuance(domain=domain, wish=read_wish([HOST]), actor=SYSTEM)
    assert not Issuance.unscoped.exists()


def test_only_inside_the_window_the_ca_s_suggestion_spares(domain: Domain) -> None:
    now = clock.now()
    one = ordered(workspace_id=domain.workspace_id, names=[HOST])
    renewal = Renewal.objects.create(workspace=domain.workspace, domain=domain, names=[HOST], directory_url=DIRECTORY)
    for start, end, spared in ((-1, 1, SUGGESTED), (1, 2, ""), (-2, -1, "")):
        renewal.window_start, renewal.window_end = now + start * HOUR, now + end * HOUR
        renewal.save()
        assert ledger.spare_of(one, replaces="a.b", domain_id=domain.pk) == spared
    renewal.window_end = now + HOUR
    renewal.save()
    assert ledger.spare_of(one, replaces="", domain_id=domain.pk) == "", "the CA was not told what is replaced"


def test_a_certificate_on_file_makes_the_next_one_a_renewal(domain: Domain, store: Any) -> None:
    one = ordered(workspace_id=domain.workspace_id, names=[HOST])
    store([HOST])
    assert ledger.spare_of(one, replaces="", domain_id=domain.pk) == RENEWAL
    assert ledger.spare_of(replace(one, names=NAMES), replaces="", domain_id=domain.pk) == ""
