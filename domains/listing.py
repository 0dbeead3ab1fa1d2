"""The domain list: filters that are totals, search, order, pages by cursor. A constant number of queries."""

import base64
import json
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, DateTimeField, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import Workspace
from config.lib.errors import describe
from config.lib.moments import parse_moment
from domains.models import Domain, DomainTag, Finding, Ownership, Severity, State
from domains.ownership import enclosing
from domains.protocols import HTTPS

PAGE = 40
_FAR = datetime(9999, 1, 1, tzinfo=UTC)

EXPIRING = (State.EXPIRING, State.RENEWAL_DUE)
FAILING = (State.EXPIRED, State.UNREACHABLE, State.RENEWAL_FAILED, State.PROBLEM, State.PARTIAL_DEPLOY)


@dataclass(frozen=True)
class Filter:
    """Shows domains in one of `states` (empty: in any), and only those that need action if it says so."""

    key: str
    label: str
    tone: str
    states: tuple[str, ...] = ()
    needs_action: bool = False

    @property
    def condition(self) -> Q:
        condition = Q(state__in=self.states) if self.states else Q()
        return condition & Q(needs_action=True) if self.needs_action else condition

    def holds(self, state: str, needs_action: bool) -> bool:
        """`condition` of one row's columns."""
        return (not self.states or state in self.states) and (needs_action or not self.needs_action)


FILTERS = (
    Filter("", "All", ""),
    Filter("action", "Needs action", "bad", needs_action=True),
    Filter("expiring", "Expiring", "due", EXPIRING),
    Filter("failing", "Failing", "bad", FAILING),
    Filter("unverified", "Unverified", "idle", (State.UNVERIFIED,)),
)

COLUMNS = (
    "id",
    "host",
    "readable",
    "port",
    "protocol",
    "state",
    "needs_action",
    "verified_at",
    "renew_at",
    "visit__not_before",
    "visit__not_after",
    "visit__issuer_name",
    "visit__visited_at",
    "visit__asked_at",
    "visit__error_code",
    "visit__error_params",
    "visit__inspection_id",
)

# Each order ends in something unique. A leading minus is descending, as in order_by.
SORTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "urgency": ("Most urgent first", ("urgency", "host", "id")),
    "name": ("By name", ("host", "id")),
    "expires": ("Next to expire", ("ends_at", "id")),
    "newest": ("Newest first", ("-created_at", "-id")),
}


@dataclass(frozen=True)
class Wanted:
    """What the query string asks for; anything unknown counts as absent."""

    show: str = ""
    q: str = ""
    tag: str = ""
    state: str = ""
    sort: str = "urgency"
    cursor: str = ""

    @classmethod
    def of(cls, query: Any) -> "Wanted":
        sort = query.get("sort", "")
        # PostgreSQL refuses NUL in any text.
        given = {name: query.get(name, "").replace("\0", "") for name in ("show", "q", "tag", "state", "cursor")}
        return cls(
            show=given["show"],
            q=searched(given["q"]),
            tag=given["tag"].strip().lower()[:40],
            state=given["state"],
            sort=sort if sort in SORTS else "urgency",
            cursor=given["cursor"],
        )


def searched(text: str) -> str:
    """A search as hosts are stored: lower case, composed letters."""
    return unicodedata.normalize("NFC", text.strip().lower())[:253]


@dataclass(slots=True)
class Row:
    """One line of the list: a domain, its visit, its tags in order and its open findings, as plain values."""

    domain: Any
    tags: list[str] = field(default_factory=list)
    findings: list[Any] = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.domain.host if self.domain.port == HTTPS else f"{self.domain.host}:{self.domain.port}"

    @property
    def is_under_way(self) -> bool:
        """As of a visit: somebody asked and no answer has come since."""
        asked_at, visited_at = self.domain.visit__asked_at, self.domain.visit__visited_at
        return asked_at is not None and (visited_at is None or visited_at < asked_at)


@dataclass
class Shown:
    """One page, and `next` the cursor after it."""

    rows: list[Row]
    next: str
    totals: dict[str, int]
    is_empty_workspace: bool = False


def matching(*, workspace: Workspace, wanted: Wanted) -> QuerySet[Domain]:
    """Domains by search, tag and state, without order."""
    rows = Domain.objects.for_workspace(workspace)
    if wanted.q:
        rows = rows.filter(Q(host__contains=wanted.q) | Q(readable__contains=wanted.q))
    if wanted.tag:
        rows = rows.filter(tag_rows__name=wanted.tag)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    return rows


def wanted_rows(*, workspace: Workspace, wanted: Wanted) -> QuerySet[Domain]:
    """All that match, on whatever page: by search, tag, state and filter, without order."""
    condition = next((one.condition for one in FILTERS if one.key == wanted.show), Q())
    return matching(workspace=workspace, wanted=wanted).filter(condition)


def list_domains(*, workspace: Workspace, wanted: Wanted) -> Shown:
    """One page in the wanted order, with the totals of every filter under the same search. Four queries."""
    totals = totals_of(matching(workspace=workspace, wanted=wanted))
    order = SORTS[wanted.sort][1]
    rows = _after(wanted_rows(workspace=workspace, wanted=wanted), wanted)
    names = dict.fromkeys((*COLUMNS, *(name.removeprefix("-") for name in order)))
    # Plain values: whole rows would cost three times as much.
    page = list(rows.values_list(*names, named=True)[: PAGE + 1])
    following = _cursor(page[PAGE - 1], order) if len(page) > PAGE else ""
    is_plain = not (wanted.q or wanted.tag or wanted.state)
    shown = [Row(one) for one in page[:PAGE]]
    _add_tags_and_findings(workspace, shown)
    return Shown(shown, following, totals, is_empty_workspace=is_plain and not totals["all"])


def totals_of(found: QuerySet[Domain]) -> dict[str, int]:
    """How many of these each filter shows, by the filter's key (`all` for the first). One look at one index."""
    groups = list(found.order_by().values_list("state", "needs_action").annotate(count=Count("*")))
    return {
        one.key or "all": sum(count for state, needs, count in groups if one.holds(state, needs)) for one in FILTERS
    }


def _add_tags_and_findings(workspace: Workspace, rows: Sequence[Row]) -> None:
    by_id = {row.domain.id: row for row in rows}
    tags = DomainTag.objects.for_workspace(workspace).filter(domain_id__in=by_id).order_by("name")
    for key, name in tags.values_list("domain_id", "name"):
        by_id[key].tags.append(name)
    findings = Finding.objects.for_workspace(workspace).filter(domain_id__in=by_id, closed_at=None)
    for one in findings.values_list("domain_id", "code", "params", "severity", "opened_at", named=True):
        by_id[one.domain_id].findings.append(one)


def by_weight(findings: Iterable[Any]) -> list[Any]:
    """Most severe first, then oldest."""
    weights = [Severity.CRITICAL, Severity.WARNING, Severity.INFO]
    return sorted(findings, key=lambda one: (weights.index(Severity(one.severity)), one.opened_at))


def ownerships_for(domains: Sequence[Domain]) -> dict[Any, Ownership]:
    """The ownership row that decides about each domain, by the domain's id; one query for all."""
    if not domains:
        return {}
    hosts = {host for domain in domains for host in enclosing(domain.host)}
    found = Ownership.objects.for_workspace(domains[0].workspace_id).filter(host__in=hosts)
    rows = {row.host: row for row in found}
    return {domain.pk: chosen for domain in domains if (chosen := _closest(domain, rows))}


def _closest(domain: Domain, rows: dict[str, Ownership]) -> Ownership | None:
    above = [rows[host] for host in enclosing(domain.host) if host in rows]
    proven = [row for row in above if row.proven_at]
    return next(iter(proven), rows.get(domain.host))


def note_of(row: Row) -> str:
    """The few words beside a domain's lifeline; empty leaves them to the lifeline itself."""
    domain = row.domain
    if domain.verified_at is None:
        return "publish one TXT record to start monitoring"
    telling = [one for one in by_weight(row.findings) if one.code not in ("expired", "expiring")]
    if telling:
        return describe(telling[0].code, telling[0].params).title
    if domain.visit__error_code and not domain.visit__inspection_id:
        return describe(domain.visit__error_code, domain.visit__error_params).title
    return ""


def _after(rows: QuerySet[Domain], wanted: Wanted) -> QuerySet[Domain]:
    order = SORTS[wanted.sort][1]
    if "ends_at" in order:
        rows = rows.annotate(ends_at=Coalesce(F("expires_at"), Value(_FAR, output_field=DateTimeField())))
    values = _opened(wanted.cursor, order)
    if values:
        rows = rows.filter(_beyond(order, values))
    return rows.order_by(*order)


def _beyond(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows after the given one: the first differing column decides."""
    beyond, equal = Q(), Q()
    for name, value in zip(order, values, strict=True):
        column = name.removeprefix("-")
        direction = "lt" if name.startswith("-") else "gt"
        beyond |= equal & Q(**{f"{column}__{direction}": value})
        equal &= Q(**{column: value})
    return beyond


def _cursor(row: Any, order: Sequence[str]) -> str:
    values = [getattr(row, name.removeprefix("-")) for name in order]
    return base64.urlsafe_b64encode(json.dumps(values, default=str).encode()).decode().rstrip("=")


def _opened(cursor: str, order: Sequence[str]) -> list[Any] | None:
    """The values of a cursor, or None for one that is not ours: the list then starts anew."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(order):
            return None
        return [_READ[name.removeprefix("-")](value) for name, value in zip(order, values, strict=True)]
    except (ValueError, TypeError, RecursionError):
        return None


def _place(value: Any) -> int:
    if value in range(len(State.values)):
        return int(value)
    raise ValueError("no place in the order of states")


def _host(value: Any) -> str:
    # ASCII, as hosts are: JSON can also write half a surrogate pair, which no database takes.
    if isinstance(value, str) and value.isascii() and "\0" not in value:
        return value
    raise ValueError("no host name")


# A cursor is anybody's text: each value is read as what its column holds.
_READ: dict[str, Callable[[Any], Any]] = {
    "urgency": _place,
    "host": _host,
    "id": lambda value: uuid.UUID(str(value)),
    "ends_at": parse_moment,
    "created_at": parse_moment,
}
