"""What the Renew & deploy tab and the API show of the rehearsals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from certificates.models import Renewal
from config.lib import clock
from config.lib.errors import Wording, describe
from deploy.models import Readiness, TargetRun
from deploy.readiness.judging import LABELS, OK, UNCLEAR, WILL_FAIL
from domains.models import Domain


@dataclass(frozen=True)
class ShownCheck:
    """`state` is ok, unclear or will_fail; with the words of what is in the way."""

    key: str
    label: str
    state: str
    detail: str
    wording: Wording | None


@dataclass(frozen=True)
class ShownPlace:
    """The checks of one server or panel, or of what needs neither (no label)."""

    label: str
    at: datetime | None
    checks: Sequence[ShownCheck]

    @property
    def is_well(self) -> bool:
        return all(check.state == OK for check in self.checks)


@dataclass(frozen=True)
class Shown:
    """`is_on` is None where nobody renews the domain by itself: there is nothing to rehearse."""

    is_on: bool | None
    is_running: bool = False
    looked_at: datetime | None = None
    rehearsed_at: datetime | None = None
    next_at: datetime | None = None
    places: Sequence[ShownPlace] = ()
    trouble: Wording | None = None

    @property
    def state(self) -> str:
        """The worst of all that was looked at; empty before anything was."""
        found = {check.state for place in self.places for check in place.checks}
        return next((state for state in (WILL_FAIL, UNCLEAR, OK) if state in found), "")

    @property
    def failing(self) -> int:
        return sum(check.state == WILL_FAIL for place in self.places for check in place.checks)


def readiness_of(domain: Domain) -> Shown:
    row = Readiness.objects.for_workspace(domain.workspace_id).filter(domain=domain).first()
    renews = Renewal.objects.for_workspace(domain.workspace_id).filter(domain=domain).exists()
    if not renews:
        return Shown(None)
    if row is None:
        return Shown(is_on=True)
    if row.is_off:
        return Shown(is_on=False)
    return Shown(
        is_on=True,
        is_running=_is_running(row),
        looked_at=row.looked_at,
        rehearsed_at=row.rehearsed_at,
        next_at=row.run_after,
        places=_places_of(row),
        trouble=describe(row.error_code, row.error_params) if row.error_code else None,
    )


def _is_running(row: Readiness) -> bool:
    if row.is_asked and row.run_after is not None and row.run_after <= clock.now():
        return True
    rows = TargetRun.objects.for_workspace(row.workspace_id).filter(domain=row.domain_id)
    return rows.filter(kind=TargetRun.Kind.REHEARSE, state__in=TargetRun.OPEN_STATES).exists()


def _places_of(row: Readiness) -> list[ShownPlace]:
    everywhere = [ShownPlace("", row.looked_at, _checks_of(row.checks))] if row.checks else []
    return everywhere + [_place_of(place) for place in row.places.values()]


def _place_of(place: dict[str, Any]) -> ShownPlace:
    return ShownPlace(place["label"], datetime.fromisoformat(place["at"]), _checks_of(place["checks"]))


def _checks_of(found: Sequence[dict[str, Any]]) -> list[ShownCheck]:
    return [
        ShownCheck(
            key=one["key"],
            label=LABELS.get(one["key"], one["key"]),
            state=one["state"],
            detail=one["detail"],
            wording=describe(one["code"], one["params"]) if one["code"] else None,
        )
        for one in found
    ]
