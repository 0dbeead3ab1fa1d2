"""The API about rehearsals of the next renewal."""

from datetime import datetime
from typing import Annotated

from ninja import Router, Schema
from pydantic import Field

from accounts.api import ApiRequest, OneOf, Status, operation, routers
from config.lib import jobs
from deploy.readiness.asking import ask_now, switch_rehearsals
from deploy.readiness.judging import LABELS, OK, UNCLEAR, WILL_FAIL
from deploy.readiness.showing import Shown, ShownCheck, ShownPlace, readiness_of
from domains.models import Domain
from domains.shapes import load_bare_domain

router = Router(tags=["Readiness"])
routers.add("readiness", router)


class ReadinessErrorOut(Schema):
    code: str
    title: str
    detail: str
    fix: str
    paste: str


class RehearsedCheckOut(Schema):
    """`unclear`: it could not be looked at, and counts as a failure when that stays so."""

    check: Annotated[str, OneOf(LABELS)]
    state: Annotated[str, OneOf((OK, UNCLEAR, WILL_FAIL))]
    detail: str
    error: ReadinessErrorOut | None


class RehearsedPlaceOut(Schema):
    """A server or a panel by its label; empty: what needs neither."""

    server: str
    at: datetime | None
    checks: list[RehearsedCheckOut]


class ReadinessOut(Schema):
    """`state` is the worst of all checks; null before the first look and where nobody renews the domain by itself."""

    enabled: bool
    running: bool
    state: Annotated[str, OneOf((OK, UNCLEAR, WILL_FAIL))] | None
    looked_at: datetime | None
    rehearsed_at: datetime | None
    next_at: datetime | None
    places: list[RehearsedPlaceOut]


class ReadinessIn(Schema):
    enabled: bool = Field(examples=[True], description="Off: nothing is rehearsed, and what was found is forgotten.")


def show_readiness(shown: Shown) -> dict[str, object]:
    return {
        "enabled": bool(shown.is_on),
        "running": shown.is_running,
        "state": shown.state or None,
        "looked_at": shown.looked_at,
        "rehearsed_at": shown.rehearsed_at,
        "next_at": shown.next_at,
        "places": [_show_place(place) for place in shown.places],
    }


def _show_place(place: ShownPlace) -> dict[str, object]:
    return {"server": place.label, "at": place.at, "checks": [_show_check(check) for check in place.checks]}


def _show_check(check: ShownCheck) -> dict[str, object]:
    words = check.wording
    error = words and {
        "code": words.code,
        "title": words.title,
        "detail": words.why,
        "fix": words.fix,
        "paste": words.paste,
    }
    return {"check": check.key, "state": check.state, "detail": check.detail, "error": error}


@operation(
    router,
    "GET",
    "/domains/{id}/readiness",
    "target.view",
    load=load_bare_domain,
    response=ReadinessOut,
    summary="Show whether the next renewal will succeed",
)
def get_readiness(request: ApiRequest, domain: Domain) -> dict[str, object]:
    return show_readiness(readiness_of(domain))


@operation(
    router,
    "POST",
    "/domains/{id}/readiness",
    "target.test",
    load=load_bare_domain,
    response={200: ReadinessOut, 202: ReadinessOut},
    errors={"renewal_is_off": 409, "rehearsals_are_off": 409},
    summary="Rehearse the next renewal now",
)
def post_readiness(request: ApiRequest, domain: Domain) -> Status:
    """Changes nothing on any server, a token that is taken away again aside. 202 while it goes on."""
    ask_now(domain=domain, actor=request.actor)
    is_over = jobs.wait_for(lambda: not readiness_of(domain).is_running)
    return Status(200 if is_over else 202, show_readiness(readiness_of(domain)))


@operation(
    router,
    "PATCH",
    "/domains/{id}/readiness",
    "target.edit",
    load=load_bare_domain,
    body=ReadinessIn,
    response=ReadinessOut,
    errors={"renewal_is_off": 409},
    summary="Turn the rehearsals of a domain on or off",
)
def patch_readiness(request: ApiRequest, domain: Domain, body: ReadinessIn) -> dict[str, object]:
    switch_rehearsals(domain=domain, is_on=body.enabled, actor=request.actor)
    return show_readiness(readiness_of(domain))
