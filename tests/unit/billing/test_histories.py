"""Thousands of invented histories of an account: whatever happens, charges are credits and the balance is their sum."""

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import Workspace
from billing.charging import gate, settle
from billing.ledger import account_of, post
from billing.messages import keep
from billing.models import Charge, Entry, EntryKind, TopUp
from billing.wishes import abandon, add_funds
from config.lib.egress import HttpAnswer
from config.lib.errors import NeedsUser, Transient
from tests.cast import Cast
from tests.servers.stripe_api import ASKS, BROKE, GOOD, LOST, Stripe
from tests.unit.billing.paying import ANN, AnyRun, auto_on, look_for_lost, use_card, work, work_all

pytestmark = pytest.mark.django_db
TAKES_BACK = (EntryKind.REFUND, EntryKind.DISPUTE)


class History:
    """One workspace, Stripe, and what may happen between them."""

    def __init__(self, workspace: Workspace, there: Stripe, dice: random.Random) -> None:
        self.workspace, self.there, self.dice = workspace, there, dice
        self.runs: list[AnyRun] = []

    def begin(self) -> None:
        with suppress(NeedsUser):
            add_funds(workspace=self.workspace, cents=self.dice.choice([500, 1000, 2500]), actor=ANN)

    def pay(self) -> None:
        open_ = [one for one in self.there.of("cs") if one["status"] == "open"]
        if open_:
            self.there.pay(self.dice.choice(open_)["id"])

    def hear(self) -> None:
        """Some of what was said, more than once and in no order."""
        if self.there.events:
            keep(self.dice.choices(self.there.events, k=5))

    def ask(self) -> None:
        with suppress(Transient):
            look_for_lost()

    def toil(self) -> None:
        work()

    def wait(self) -> None:
        work_all()

    def trouble(self) -> None:
        self.there.fails = [self.dice.choice([429, 500])]

    def wish(self) -> None:
        auto_on(self.workspace, threshold=self.dice.choice([0, 400, 5000]), amount=500)

    def swap(self) -> None:
        if account_of(self.workspace.pk).customer:
            use_card(self.there, self.workspace, self.dice.choice([GOOD, BROKE, LOST, ASKS]))

    def refund(self) -> None:
        if self.there.paid():
            paid = self.dice.choice(self.there.paid())
            self.there.refund(paid["id"], self.dice.randrange(1, paid["amount"] + 500))

    def unrefund(self) -> None:
        for refund in self.there.of("re"):
            refund["status"] = "failed"
            self.there.happened("refund.failed", refund)

    def dispute(self) -> None:
        if self.there.paid():
            self.there.dispute(self.dice.choice(self.there.paid())["id"])

    def win(self) -> None:
        for dispute in self.there.of("du"):
            dispute["status"] = "won"
            self.there.happened("charge.dispute.closed", dispute)

    def deploy(self) -> None:
        run = AnyRun(self.workspace.pk, f"d:{self.dice.randrange(8)}")
        if gate(run, "ssh", is_late=self.dice.random() < 0.2).is_open:
            self.runs.append(run)

    def end(self) -> None:
        if self.runs:
            settle(self.runs.pop(), did_its_work=self.dice.random() < 0.7)

    def adjust(self) -> None:
        told: dict[str, Any] = {"kind": EntryKind.ADJUSTMENT, "external_id": str(uuid.uuid4())}
        post(self.workspace.pk, cents=self.dice.choice([-50, 50]), **told)

    def abandon(self) -> None:
        rows = list(TopUp.objects.for_workspace(self.workspace).filter(state__in=TopUp.OPEN_STATES))
        if rows:
            abandon(top_up=self.dice.choice(rows))

    def check(self) -> None:
        account = account_of(self.workspace.pk)
        entries = list(Entry.objects.for_workspace(self.workspace))
        assert account.balance_cents == sum(entry.amount_cents for entry in entries)
        held = Charge.objects.for_workspace(self.workspace).filter(state="held")
        assert account.held_cents == sum(charge.cents for charge in held) >= 0
        credited = {
            e.external_id: e.amount_cents for e in entries if e.kind in (EntryKind.TOP_UP, EntryKind.AUTO_TOP_UP)
        }
        paid = {one["id"]: one["amount"] for one in self.there.paid()}
        assert credited.items() <= paid.items(), "nothing is credited that was not paid"
        self._check_taken_back(entries)
        charged = sum(-e.amount_cents for e in entries if e.kind == EntryKind.CHARGE)
        captured = Charge.objects.for_workspace(self.workspace).filter(state="captured")
        assert charged == sum(charge.cents for charge in captured)
        if account.balance_cents < 0:
            may = any(e.kind in (*TAKES_BACK, EntryKind.ADJUSTMENT) for e in entries)
            assert may or Charge.objects.for_workspace(self.workspace).filter(is_mercy=True).exists()

    def _check_taken_back(self, entries: list[Entry]) -> None:
        for top_up in TopUp.objects.for_workspace(self.workspace):
            mine = sum(e.amount_cents for e in entries if e.top_up_id == top_up.pk)
            assert 0 <= mine <= top_up.amount_cents or not mine

    def live(self, acts: "Sequence[Callable[[History], None]]") -> None:
        for act in acts:
            act(self)
            self.check()
        self.close()

    def close(self) -> None:
        """Once everything was heard, every payment is credited."""
        self.there.fails = []
        look_for_lost()
        for _ in range(3):
            work_all()
        credited = Entry.objects.for_workspace(self.workspace).filter(
            kind__in=(EntryKind.TOP_UP, EntryKind.AUTO_TOP_UP)
        )
        assert {entry.external_id for entry in credited} == {one["id"] for one in self.there.paid()}
        self.check()
        for paid in self.there.paid():
            self._check_all_taken_back(paid["id"], paid["amount"])

    def _check_all_taken_back(self, intent: str, amount: int) -> None:
        """In whatever order it was heard of: all that went back, and no more than was paid."""
        gone = ("failed", "canceled", "won")
        claims = [one for one in (*self.there.of("re"), *self.there.of("du")) if one["payment_intent"] == intent]
        wanted = min(sum(one["amount"] for one in claims if one["status"] not in gone), amount)
        top_up = TopUp.objects.for_workspace(self.workspace).get(payment_intent=intent)
        rows = Entry.objects.for_workspace(self.workspace).filter(top_up_id=top_up.pk)
        assert sum(rows.values_list("amount_cents", flat=True)) == amount - wanted


ACTS: tuple[Callable[[History], None], ...] = (
    *(History.begin, History.pay, History.hear, History.ask, History.toil, History.wait, History.trouble),
    *(History.wish, History.swap, History.refund, History.unrefund, History.dispute, History.win),
    *(History.deploy, History.deploy, History.end, History.end, History.adjust, History.abandon),
)


@pytest.fixture
def without_a_wire(settings: Settings, billing_on: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Stripe]:
    """The same stand-in, asked without sockets: thousands of histories are many requests."""
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    at: dict[str, Stripe] = {}

    def http(method: str, url: str, *, headers: Mapping[str, str], body: bytes, **_more: Any) -> HttpAnswer:
        import json

        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        told = {name.lower(): value for name, value in headers.items()}
        there = at["there"]
        if there.fails:
            return HttpAnswer(there.fails.pop(0), {}, b'{"error": {"type": "api_error"}}', url)
        status, said = there.respond(method, target, told, body)
        return HttpAnswer(status, {}, json.dumps(said).encode(), url)

    monkeypatch.setattr("config.lib.egress.http", http)
    return at


@pytest.mark.parametrize("examples", [40, pytest.param(10_000, marks=[pytest.mark.proof, pytest.mark.timeout(7200)])])
def test_whatever_happens_the_books_are_right(cast: Cast, without_a_wire: dict[str, Stripe], examples: int) -> None:
    class Undone(Exception):
        """The history is over, and nothing of it stays."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.sampled_from(ACTS), min_size=3, max_size=14), st.integers(0, 2**32))
    def live(acts: list[Callable[[History], None]], seed: int) -> None:
        without_a_wire["there"] = Stripe()
        history = History(cast.acme, without_a_wire["there"], random.Random(seed))
        try:
            with transaction.atomic():
                history.live(acts)
                raise Undone
        except Undone:
            return

    live()
