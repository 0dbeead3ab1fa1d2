"""Refunds and disputes: what Stripe has taken back leaves the balance too, which may go below zero by it.

Messages come in any order and one payment may have several of both, which together take no more than was paid. So each
message has all of them read anew, and entries make up what is missing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from auditlog.events import record
from billing import stripe_api
from billing.auto import DISPUTED, forget_declines, stop_auto
from billing.ledger import locked, post
from billing.models import Account, Entry, EntryKind, TopUp
from config.lib.money import dollars

# Stripe has, or is about to have, sent the money back.
_GOES_BACK = frozenset({"pending", "requires_action", "succeeded"})
_TAKEN = {EntryKind.REFUND: "Refunded to the card", EntryKind.DISPUTE: "Disputed at the bank"}
_UNDONE = {
    EntryKind.REFUND: (EntryKind.REFUND_UNDONE, "The refund failed"),
    EntryKind.DISPUTE: (EntryKind.DISPUTE_UNDONE, "The dispute was won"),
}
_EVENTS = {EntryKind.REFUND: "billing.refunded", EntryKind.DISPUTE: "billing.disputed"}


@dataclass(frozen=True)
class Claim:
    """A refund or a dispute as Stripe tells it now; `cents` is 0 for one that took nothing, or gave it back."""

    kind: EntryKind
    number: str
    cents: int
    made_at: int


def take_back(intent: str) -> None:
    """Bring the ledger in line with all that took back this payment. Blocks; repeatable; none of ours is left alone."""
    top_up = TopUp.unscoped.filter(payment_intent=intent, state=TopUp.State.SUCCEEDED).first() if intent else None
    if top_up is None:
        return
    refunds = [_refund(one) for one in stripe_api.refunds_of(intent)]
    disputes = [_dispute(one) for one in stripe_api.disputes_of(intent)]
    _bring_in_line(top_up, sorted([*refunds, *disputes], key=lambda claim: claim.made_at))


def _refund(told: Mapping[str, Any]) -> Claim:
    cents = int(told.get("amount") or 0) if told.get("status") in _GOES_BACK else 0
    return Claim(EntryKind.REFUND, str(told["id"]), max(cents, 0), int(told.get("created") or 0))


def _dispute(told: Mapping[str, Any]) -> Claim:
    """Money leaves when the bank takes it, which a warning does not, and returns when the dispute is won."""
    status = str(told.get("status", ""))
    is_taken = status != "won" and not status.startswith("warning_")
    cents = int(told.get("amount") or 0) if is_taken else 0
    return Claim(EntryKind.DISPUTE, str(told["id"]), max(cents, 0), int(told.get("created") or 0))


@transaction.atomic
def _bring_in_line(top_up: TopUp, claims: Sequence[Claim]) -> None:
    account = locked(top_up.workspace_id)
    posted = _posted(top_up)
    _heed_disputes(account, claims, posted)
    for claim in claims:
        if not claim.cents and sum(posted[claim.number]) < 0:
            _give(top_up, claim, posted)
    for claim in claims:
        left = top_up.amount_cents + sum(sum(each) for each in posted.values())
        missing = min(claim.cents + sum(posted[claim.number]), left)
        # What came back once stays: an answer that was read before it must not take it again.
        if missing > 0 and not any(cents > 0 for cents in posted[claim.number]):
            _take(top_up, claim, missing, posted)


def _posted(top_up: TopUp) -> dict[str, list[int]]:
    """By the number of the refund or dispute what was posted for it, in cents; what was taken is negative."""
    kinds = (*_TAKEN, EntryKind.REFUND_UNDONE, EntryKind.DISPUTE_UNDONE)
    rows = Entry.objects.for_workspace(top_up.workspace_id).filter(top_up_id=top_up.pk, kind__in=kinds)
    posted: dict[str, list[int]] = defaultdict(list)
    for number, cents in rows.values_list("external_id", "amount_cents"):
        posted[number.partition("/")[0]].append(cents)
    return posted


def _heed_disputes(account: Account, claims: Sequence[Claim], posted: Mapping[str, Sequence[int]]) -> None:
    """No card is charged by itself while its owner's bank wants money back. First, or an entry would do just that."""
    disputes = [claim for claim in claims if claim.kind == EntryKind.DISPUTE]
    if any(claim.cents and not posted[claim.number] for claim in disputes):
        stop_auto(account, DISPUTED)
    elif disputes and not any(claim.cents for claim in disputes) and account.auto_code == DISPUTED:
        forget_declines(account, also_dispute=True)


def _take(top_up: TopUp, claim: Claim, cents: int, posted: dict[str, list[int]]) -> None:
    entry = _post(top_up, claim.kind, -cents, claim.number, _TAKEN[claim.kind], posted)
    if entry:
        told = {"amount": dollars(cents), "balance": dollars(entry.balance_cents)}
        record(_EVENTS[claim.kind], workspace_id=top_up.workspace_id, data=told)


def _give(top_up: TopUp, claim: Claim, posted: dict[str, list[int]]) -> None:
    kind, about = _UNDONE[claim.kind]
    _post(top_up, kind, -sum(posted[claim.number]), claim.number, about, posted)


def _post(
    top_up: TopUp, kind: EntryKind, cents: int, number: str, about: str, posted: dict[str, list[int]]
) -> Entry | None:
    """A part that is taken later, when another claim let go of it, is an entry of its own."""
    before = posted[number]
    external_id = f"{number}/{len(before) + 1}" if before else number
    before.append(cents)
    told = {"about": about, "top_up_id": top_up.pk}
    return post(top_up.workspace_id, kind=kind, cents=cents, external_id=external_id, **told)
