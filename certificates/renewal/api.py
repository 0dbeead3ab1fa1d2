"""The API about domains that renew by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Router, Schema
from pydantic import Field

from accounts.api import ApiRequest, OneOf, bad_field, operation, routers
from certificates.renewal.plan import Automation, set_automation
from certificates.renewal.shown import WHY, renewal_of
from config.lib.errors import NeedsUser
from domains.automation import choose_who_hears
from domains.models import Domain, Mode
from domains.shapes import load_bare_domain

router = Router(tags=["Certificates"])
routers.add("automation", router)

type ModeName = Literal["monitor", "dns", "acme_auto", "upload"]


class AutomationIn(Schema):
    """Absent fields stay as they are."""

    mode: ModeName | None = Field(None, examples=["monitor"])
    auto_renew: bool | None = Field(
        None,
        description="With the mode `dns`: needs an alias to this portal or a DNS provider for every name. With "
        "`acme_auto`: a first target with all that its form asks for.",
    )
    names: list[Annotated[str, Field(max_length=300)]] | None = Field(
        None, max_length=100, description="Of the certificate that is renewed; else those of the newest one."
    )
    notify: list[Annotated[str, Field(max_length=64)]] | None = Field(
        None, max_length=60, description="Who hears of each renewal: `email`, or ids of gateways."
    )


class AutomationOut(Schema):
    """`why` says why the renewal is planned for `renew_at`; null: nobody renews it."""

    mode: Annotated[str, OneOf(Mode)]
    auto_renew: bool
    names: list[str]
    renew_at: datetime | None
    why: Annotated[str, OneOf(WHY)] | None
    explanation_url: str
    retry_at: datetime | None
    error: str


_NOT_OF_NAMES = (
    *("renewal_needs_hands", "names_not_proven", "renewal_needs_mode"),
    *("auto_renew_incomplete", "http01_wildcard"),
)


@contextmanager
def _beside_names(wanted: Automation) -> Iterator[None]:
    """Names that cannot be read are bad input; names that nobody can prove now are not."""
    try:
        yield
    except NeedsUser as error:
        if wanted.names is None or error.code in _NOT_OF_NAMES:
            raise
        with bad_field("names"):
            raise


def show_automation(domain: Domain) -> dict[str, Any]:
    shown = renewal_of(domain)
    renewal = shown.renewal
    return {
        "mode": domain.mode,
        "auto_renew": shown.is_on,
        "names": list(shown.names),
        "renew_at": renewal.renew_at if renewal else None,
        "why": (renewal.why or None) if renewal else None,
        "explanation_url": renewal.explanation_url if renewal else "",
        "retry_at": renewal.retry_at if renewal else None,
        "error": renewal.error_code if renewal else "",
    }


@operation(
    router,
    "GET",
    "/domains/{id}/automation",
    "certificate.view",
    load=load_bare_domain,
    response=AutomationOut,
    summary="Show whether a domain renews by itself",
)
def get_automation(request: ApiRequest, domain: Domain) -> dict[str, Any]:
    return show_automation(domain)


@operation(
    router,
    "PUT",
    "/domains/{id}/automation",
    "certificate.issue",
    load=load_bare_domain,
    body=AutomationIn,
    response=AutomationOut,
    errors={
        "auto_renew_incomplete": 409,
        "http01_wildcard": 409,
        "renewal_needs_hands": 409,
        "renewal_needs_mode": 409,
        "names_not_proven": 409,
        "notify_unknown": 422,
    },
    summary="Choose the mode, and whether a domain renews by itself",
)
def put_automation(request: ApiRequest, domain: Domain, body: AutomationIn) -> dict[str, Any]:
    """`notify` makes the rules that the boxes 'Notify after each renewal' make."""
    wanted = Automation(body.mode, body.auto_renew, body.names)
    with _beside_names(wanted):
        set_automation(domain=domain, actor=request.actor, wanted=wanted)
    if body.notify is not None:
        choose_who_hears(domain, request.actor, body.notify)
    return show_automation(domain)
