"""The API about hosting panels."""

import contextlib
import uuid
from collections.abc import Iterator

from django.shortcuts import get_object_or_404
from ninja import Router

from accounts.api import Accepted, ApiRequest, ListQuery, Page, Status, bad_field, operation, page_of, routers
from config.lib.errors import InvalidValue
from deploy.models import PanelAccount, PanelTarget
from deploy.panels.accounts import Given, allow_replacement, delete_panel, read_given, save_panel, start_try
from deploy.panels.known import panels
from deploy.panels.shapes import CONNECTION, PanelChange, PanelFields, PanelIn, PanelOut, show_panel
from deploy.shapes import RunOut
from deploy.waiting import settled_run
from domains.models import Domain
from domains.shapes import load_bare_domain

router = Router(tags=["Panels"])
routers.add("panels", router)


def load_panel(request: ApiRequest, key: uuid.UUID) -> PanelTarget:
    rows = PanelTarget.objects.for_workspace(request.workspace).select_related("account", "domain__workspace")
    return get_object_or_404(rows, pk=key)


@operation(
    router,
    "GET",
    "/domains/{id}/panels",
    "panel.view",
    load=load_bare_domain,
    query=ListQuery,
    response=Page[PanelOut],
    summary="List a domain's hosting panels",
)
def list_panels(request: ApiRequest, domain: Domain, query: ListQuery) -> dict[str, object]:
    rows = PanelTarget.objects.for_workspace(request.workspace).filter(domain=domain).select_related("account")
    return page_of(rows, query, show_panel)


@operation(
    router,
    "POST",
    "/domains/{id}/panels",
    "panel.edit",
    load=load_bare_domain,
    body=PanelIn,
    response=PanelOut,
    status=201,
    errors={"panels_full": 409, "panel_account_shared": 409},
    summary="Add a hosting panel",
)
def post_panel(request: ApiRequest, domain: Domain, body: PanelIn) -> dict[str, object]:
    """Takes the vendor's fields flat, or the id of a known `account`. What is no draft gets the certificate at once."""
    chosen: Given | PanelAccount
    with naming_fields():
        if body.account:
            chosen = get_object_or_404(PanelAccount.objects.for_workspace(request.workspace), pk=body.account)
            _refuse_beside(chosen, body)
        else:
            chosen = read_panel(body.kind or "", body)
        place = save_panel(
            domain=domain, chosen=chosen, actor=request.actor, draft=bool(body.draft), for_all=body.for_all
        )
    return show_panel(place)


@operation(
    router,
    "GET",
    "/panels/{id}",
    "panel.view",
    load=load_panel,
    response=PanelOut,
    summary="Show a domain's hosting panel",
)
def get_panel(request: ApiRequest, panel: PanelTarget) -> dict[str, object]:
    return show_panel(panel)


@operation(
    router,
    "PATCH",
    "/panels/{id}",
    "panel.edit",
    load=load_panel,
    body=PanelChange,
    response=PanelOut,
    errors={"panel_nothing_to_replace": 409, "panel_there_already": 409, "panel_account_shared": 409},
    summary="Change a domain's hosting panel",
)
def patch_panel(request: ApiRequest, panel: PanelTarget, body: PanelChange) -> dict[str, object]:
    """At another host, port or user the credential has to come along, and the pinned certificate goes."""
    with naming_fields():
        given = read_panel(panel.account.kind, body, panel.account)
        draft = panel.is_draft if body.draft is None else body.draft
        if body.replace:
            allow_replacement(place=panel, site=body.replace, actor=request.actor)
        place = save_panel(
            domain=panel.domain, chosen=given, actor=request.actor, place=panel, draft=draft, for_all=body.for_all
        )
    return show_panel(place)


@operation(
    router,
    "DELETE",
    "/panels/{id}",
    "panel.edit",
    load=load_panel,
    status=204,
    errors={},
    summary="Stop installing by a hosting panel",
)
def remove_panel(request: ApiRequest, panel: PanelTarget) -> None:
    """What is installed there stays; the credential is destroyed with the last domain that needs it."""
    delete_panel(place=panel, actor=request.actor)


@operation(
    router,
    "POST",
    "/panels/{id}/test",
    "panel.test",
    load=load_panel,
    response={200: RunOut, 202: Accepted},
    errors={},
    summary="Test a hosting panel",
)
def post_panel_test(request: ApiRequest, panel: PanelTarget) -> Status:
    """Signs in and looks; changes nothing and pins nothing. The run says how each step went."""
    return settled_run(start_try(place=panel, actor=request.actor))


def _refuse_beside(account: PanelAccount, body: PanelIn) -> None:
    """An account is used as it is: what would be ignored is refused."""
    if body.kind not in (None, account.kind):
        raise InvalidValue("kind", "panel_account_alone", field="kind")
    for name in ("name", *CONNECTION, "fingerprint_sha256", "for_all"):
        if (value := getattr(body, name)) is not None and value is not False:
            raise InvalidValue(name, "panel_account_alone", field=name)


def read_panel(kind: str, body: PanelFields, known: PanelAccount | None = None) -> Given:
    """The vendor's fields over those on file. Raises InvalidValue."""
    values = dict(known.config) if known else {}
    given = {name: str(value) for name in CONNECTION if (value := getattr(body, name)) is not None}
    _refuse_foreign(kind, set(given))
    values |= given
    return read_given(kind, values, pinned=body.fingerprint_sha256, name=body.name or "", known=known)


def _refuse_foreign(kind: str, given: set[str]) -> None:
    """A setting that would be ignored is refused: above all a password where a token is wanted."""
    known = {field.name for field in panels.get(kind).fields} if kind in panels else given
    for name in sorted(given - known):
        raise InvalidValue(name, "panel_field_unknown", field=name, panel=panels.get(kind).label)


@contextlib.contextmanager
def naming_fields() -> Iterator[None]:
    """A value that cannot work is bad input, under its field."""
    try:
        yield
    except InvalidValue as error:
        with bad_field(error.field_name):
            raise
