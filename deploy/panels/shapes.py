"""What the API takes and answers about hosting panels."""

import uuid
from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field

from accounts.api import OneOf
from deploy.models import PanelTarget
from deploy.panels.known import panels
from deploy.panels.naming import panel_label
from deploy.shapes import SiteOut, show_site

KINDS = tuple(panels.keys())
DIGEST = "a1" * 32


class PanelFields(Schema):
    """`api_token` and `password` are never shown again."""

    name: str | None = Field(None, max_length=80)
    host: str | None = Field(
        None,
        max_length=300,
        description="Where the panel is opened; not for Cloudflare.",
        examples=["server12.hoster.example"],
    )
    port: Annotated[int, Field(json_schema_extra={"minimum": 1, "maximum": 65535})] | None = Field(
        None, description="cPanel 2083, Plesk 8443."
    )
    username: str | None = Field(None, max_length=512, description="cPanel and Plesk.", examples=["acmeuser"])
    api_token: str | None = Field(
        None, max_length=512, description="cPanel and Cloudflare; write-only.", examples=["…"]
    )
    password: str | None = Field(None, max_length=512, description="Plesk: password or secret key; write-only.")
    fingerprint_sha256: str | None = Field(
        None, max_length=200, description="Pins the panel's own certificate; empty forgets it.", examples=[DIGEST]
    )
    draft: bool | None = Field(None, description="Kept and tested, never installed to.")
    for_all: bool = Field(
        False,
        description="Replace the credential of an account that is on file also for the other domains that use it.",
        examples=[True],
    )


_BESIDE = ("name", "fingerprint_sha256", "draft", "for_all")
# How a panel is reached and entered.
CONNECTION = tuple(name for name in PanelFields.model_fields if name not in _BESIDE)


class PanelChange(PanelFields):
    """Absent fields stay as they are. A credential counts for every domain that uses the account."""

    replace: str | None = Field(
        None, max_length=253, description="A zone in which the last run found another certificate: it may be replaced."
    )


class PanelIn(PanelFields):
    """The vendor's fields flat, or `account` alone: one that the workspace has already, used as it is.

    The same user at the same host is one account: where other domains use it, its credential is replaced only
    `for_all`.
    """

    kind: Annotated[str, OneOf(KINDS)] | None = Field(None, examples=["cpanel"])
    account: uuid.UUID | None = Field(None, description="A known account's id.")


class PanelOut(Schema):
    """A domain at a panel. `seen_fingerprint_sha256` is what the panel showed that is not trusted.

    `login_refused_at`: the credential waits for a person. `sites` is what became of each in the last run.
    """

    id: uuid.UUID
    domain: uuid.UUID
    account: uuid.UUID
    kind: Annotated[str, OneOf(KINDS)]
    name: str
    label: str
    host: str
    port: int
    username: str
    fingerprint_sha256: str | None
    seen_fingerprint_sha256: str | None
    login_refused_at: datetime | None
    draft: bool
    last_status: Annotated[str, OneOf(PanelTarget.Status)] | None
    sites: list[SiteOut]


def show_panel(place: PanelTarget) -> dict[str, object]:
    account = place.account
    panel = panels.get(account.kind)
    return {
        "id": place.pk,
        "domain": place.domain_id,
        "account": account.pk,
        "kind": account.kind,
        "name": account.name,
        "label": panel_label(account),
        "host": panel.host or account.config.get("host", ""),
        "port": int(account.config.get("port") or panel.port),
        "username": account.config.get("username", ""),
        "fingerprint_sha256": account.fingerprint_sha256 or None,
        "seen_fingerprint_sha256": account.seen_fingerprint or None,
        "login_refused_at": account.refused_at,
        "draft": place.is_draft,
        "last_status": place.last_status or None,
        "sites": [show_site(one) for one in place.sites],
    }
