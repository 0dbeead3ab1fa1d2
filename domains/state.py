"""The one word for a domain, from everything that is known about it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domains.models import State

# A host is unreachable only after a second try: one lost packet must not wake anybody.
TRIES_BEFORE_ALARM = 2

# What open findings beside those of the visit ask for; any other finding speaks for itself in the list.
STATES_OF_FINDINGS: dict[str, State] = {
    "renewal_failed": State.RENEWAL_FAILED,
    "renewal_overdue": State.RENEWAL_FAILED,
    "partial_deploy": State.PARTIAL_DEPLOY,
    "revoked": State.PROBLEM,
}

OWN_WORDS = {"expired", "expiring"}


@dataclass(frozen=True, slots=True)
class Known:
    """`problems` are (code, severity) of the certificate last seen; `failures` visits in a row saw none."""

    is_verified: bool
    has_certificate: bool
    not_after: datetime | None = None
    problems: tuple[tuple[str, str], ...] = ()
    failures: int = 0
    renew_at: datetime | None = None
    reported_state: str = ""


def domain_state(known: Known, now: datetime) -> State:
    """The most urgent of all states that apply; before ownership is proven always 'unverified'."""
    if not known.is_verified:
        return State.UNVERIFIED
    if not known.has_certificate:
        return most_urgent([State.NO_CERTIFICATE, known.reported_state])
    return most_urgent([*_own_states(known, now), known.reported_state])


def most_urgent(states: Iterable[str]) -> State:
    """The first in the order of State; 'ok' when there is none."""
    return min((State(name) for name in states if name), key=urgency, default=State.OK)


def urgency(state: str) -> int:
    """The place of a state in the list's order, 0 first."""
    return State.values.index(state)


def reported_state(codes: Iterable[str]) -> str:
    """What a domain's open findings ask for; empty when they ask for nothing."""
    asked = [STATES_OF_FINDINGS[code] for code in codes if code in STATES_OF_FINDINGS]
    return most_urgent(asked) if asked else ""


def end_in(codes: Iterable[str]) -> str:
    """'expired' or 'expiring' when the problems say so, else empty."""
    return max(OWN_WORDS.intersection(codes), key=lambda word: word == State.EXPIRED, default="")


def _own_states(known: Known, now: datetime) -> list[State]:
    codes = {code for code, _ in known.problems}
    is_over = known.not_after is not None and known.not_after < now
    is_renewed_by_somebody = known.renew_at is not None
    applies = {
        State.EXPIRED: is_over or "expired" in codes,
        State.UNREACHABLE: known.failures >= TRIES_BEFORE_ALARM,
        State.PROBLEM: any(severity == "critical" and code not in OWN_WORDS for code, severity in known.problems),
        # With a renewal planned, a short rest of life is the plan; its being late is a finding of its own.
        State.EXPIRING: "expiring" in codes and not is_renewed_by_somebody,
        State.RENEWAL_DUE: known.renew_at is not None and known.renew_at <= now,
    }
    return [state for state, holds in applies.items() if holds]
