"""The CA's authorizations become rows."""

from collections.abc import Iterable
from datetime import datetime

from certificates import acme
from certificates.models import Authorization, Issuance
from config.lib.errors import Permanent


def authorization_rows(issuance: Issuance, found: Iterable[acme.Authorization]) -> list[Authorization]:
    """One unsaved row per authorization, in the order of the issuance's names."""
    rows = [_authorization_row(issuance, item) for item in found]
    rows.sort(key=lambda row: issuance.names.index(row.shown_name) if row.shown_name in issuance.names else 999)
    for position, row in enumerate(rows):
        row.position = position
    return rows


def _authorization_row(issuance: Issuance, found: acme.Authorization) -> Authorization:
    challenge = found.challenge(issuance.challenge)
    if challenge is None and found.status != "valid":
        raise Permanent("acme_refused", detail=f"It offers no {issuance.challenge} challenge for {found.name}.")
    return Authorization(
        workspace_id=issuance.workspace_id,
        issuance=issuance,
        identifier=found.name,
        is_wildcard=found.wildcard,
        url=found.url,
        challenge_url=challenge.url if challenge else "",
        token=challenge.token if challenge else "",
        txt_name=found.txt_name,
        txt_value=challenge.txt_value if challenge and challenge.kind == "dns-01" else "",
        key_authorization=challenge.key_authorization if challenge and challenge.kind == "http-01" else "",
        status=found.status,
        expires_at=found.expires_at,
    )


def proofs_to_give_back(issuance: Issuance) -> list[Authorization]:
    """Those that no other open issuance lives on: the last one that shares a proof gives it back."""
    others = Issuance.unscoped.filter(
        workspace=issuance.workspace_id, directory_url=issuance.directory_url, state__in=Issuance.OPEN_STATES
    ).exclude(pk=issuance.pk)
    shared = Authorization.unscoped.filter(issuance__in=others).values("url")
    mine = issuance.authorizations.filter(is_given_back=False, status__in=("pending", "valid"))
    return list(mine.exclude(url__in=shared))


def is_ordering_elsewhere(issuance: Issuance) -> bool:
    """Whether another issuance of this account may have been given proofs that it has not stored yet."""
    ordering = Issuance.unscoped.filter(
        workspace=issuance.workspace_id,
        directory_url=issuance.directory_url,
        state__in=Issuance.OPEN_STATES,
        step__in=(Issuance.Step.ORDER, Issuance.Step.LOAD_CHALLENGES),
    )
    names = set(issuance.names)
    return any(names & set(other) for other in ordering.exclude(pk=issuance.pk).values_list("names", flat=True))


def ends_at(issuance: Issuance, rows: Iterable[Authorization]) -> datetime | None:
    """When the first of the order and its pending authorizations ends."""
    ends = [issuance.order_expires_at, *(row.expires_at for row in rows if not row.is_proven)]
    return min((moment for moment in ends if moment), default=None)
