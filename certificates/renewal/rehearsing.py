"""What stands between the next renewal and its CA, looked at while there is time: asks DNS and CA, orders nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from certificates.caa import Issuer, refusal_of
from certificates.cas.known import ca_label
from certificates.cas.ledger import require_room
from certificates.dnssec import broken_dnssec
from certificates.gates import Wish, require_proofs, was_issued
from certificates.issuance import ordered_like
from certificates.line import connect_as
from certificates.models import AcmeAccount, Renewal
from certificates.renewal.checks import Check
from certificates.renewal.requirements import require_ready
from certificates.renewal.sweep import wish_of
from certificates.solvers import MANUAL, OVER_SSH, solvers
from config.lib import clock, egress
from config.lib.errors import ExpectedError, NeedsUser, Transient
from config.lib.side_by_side import side_by_side
from domains.ownership import LAPSES_AFTER, is_lapsed

LEASE_SECONDS = 120.0
ADDRESS_SECONDS = 15.0
ADDRESSES_AT_ONCE = 8


@dataclass(frozen=True)
class Order:
    """What would be ordered. `hold` keeps the lease, and is called before each look that takes long."""

    renewal: Renewal
    wish: Wish
    hold: Callable[[], None]

    @property
    def account(self) -> AcmeAccount | None:
        rows = AcmeAccount.unscoped.filter(workspace=self.renewal.workspace_id)
        return rows.filter(directory_url=self.wish.directory_url).first()


def rehearse_order(renewal: Renewal, hold: Callable[[], None]) -> list[Check]:
    """Every look at what needs no server. Blocks; repeatable; nothing is counted against a limit of the CA."""
    order = Order(renewal, wish_of(renewal), hold)
    return [_checked(key, partial(look, order)) for key, look in LOOKS.items()]


def _checked(key: str, look: Callable[[], str]) -> Check:
    try:
        return Check(key, look())
    except ExpectedError as error:
        return Check(key, error=error)


def _look_at_ownership(order: Order) -> str:
    """The CA proves control itself at each renewal, so only a record that is gone for long stops one.

    What was never issued here for all of these names is no renewal, and does not begin without it.
    """
    renewal = order.renewal
    try:
        require_proofs(renewal.workspace, order.wish.names, order.hold)
    except NeedsUser:
        if not was_issued(renewal.workspace, order.wish.names):
            raise
        at = max(renewal.renew_at or clock.now(), clock.now())
        lapses = is_lapsed(workspace=renewal.workspace, names=order.wish.names, now=at)
        if lapses or at - clock.now() > LAPSES_AFTER:
            raise
        return "the record is gone; this renewal still goes on without it"
    return "the record is there"


def _look_at_dnssec(order: Order) -> str:
    order.hold()
    broken = broken_dnssec(order.wish.names)
    if broken:
        raise broken
    return "resolvers that check signatures believe the names' zones"


def _look_at_caa(order: Order) -> str:
    account = order.account
    identities = tuple((account.facts if account else {}).get("caa_identities", ()))
    if not identities:
        return "the CA has named no identity for CAA records yet"
    order.hold()
    issuer = Issuer(identities, account.uri if account else "", order.wish.challenge)
    refusal = refusal_of(order.wish.names, issuer)
    if refusal:
        raise refusal
    return f"{identities[0]} may issue"


def _look_at_ca(order: Order) -> str:
    """Asked at most once in five minutes by each worker, however many domains renew there."""
    account = order.account
    if account is None:
        return "there is no account yet; the first order opens one"
    order.hold()
    with connect_as(account, in_line=False) as ca:  # The line is for those who want a certificate.
        ca.directory()
    return f"{ca_label(account.directory_url)} answers"


def _look_at_budget(order: Order) -> str:
    try:
        require_room(ordered_like(order.renewal.domain, order.wish))
    except Transient as error:
        if error.retry_at and error.retry_at > max(order.renewal.renew_at or clock.now(), clock.now()):
            raise NeedsUser(error.code, **error.params) from error
        return "used up for the moment, and free again before the renewal"
    return "there is room for it"


def _look_at_proof(order: Order) -> str:
    """Whether somebody proves the names without hands, and has been given all that it takes."""
    if order.wish.solver == MANUAL:
        raise NeedsUser("renewal_needs_hands", names=list(order.wish.names))
    if order.wish.solver == OVER_SSH:
        require_ready(order.renewal.domain)
    return solvers.get(order.wish.solver).label


def _look_at_addresses(order: Order) -> str:
    if order.wish.challenge != "http-01":
        return "not needed: no CA connects to these names"
    order.hold()
    deadline = egress.Deadline(ADDRESS_SECONDS)
    found = side_by_side(lambda name: _addresses_of(name, deadline), order.wish.names, at_once=ADDRESSES_AT_ONCE)
    told = [", ".join(sorted(addresses)[:6]) for addresses in found]
    if len(set(told)) < 2:
        return told[0]
    return "; ".join(f"{name}: {addresses}" for name, addresses in zip(order.wish.names, told, strict=True))


def _addresses_of(name: str, deadline: egress.Deadline) -> list[str]:
    """That there is none is certain; that nobody answered is not."""
    try:
        return egress.resolve_all(name, deadline)
    except egress.Unreachable as error:
        if error.code == "dns_failed":
            raise
        raise NeedsUser(error.code, **error.params) from error


LOOKS: Mapping[str, Callable[[Order], str]] = {
    "proof": _look_at_proof,
    "ownership": _look_at_ownership,
    "address": _look_at_addresses,
    "dnssec": _look_at_dnssec,
    "ca": _look_at_ca,
    "caa": _look_at_caa,
    "budget": _look_at_budget,
}
