"""What a CA says, as plain values. Unknown fields are ignored, unknown statuses kept as text."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from config.lib.errors import Permanent, Transient
from config.lib.sealed import Sealed

# The token becomes a file name with HTTP-01, and the library only refuses ".." and "/"; RFC 8555,
# section 8.3 asks for base64url and at least 128 bits.
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")
PROBLEM_PREFIX = "urn:ietf:params:acme:error:"


@dataclass(frozen=True)
class Problem:
    """A problem document. `kind` is its type without the ACME prefix, `name` the identifier it is about."""

    kind: str
    detail: str = ""
    name: str = ""
    status: int = 0
    instance: str = ""
    parts: "tuple[Problem, ...]" = ()


@dataclass(frozen=True)
class Directory:
    """The CA's front door. `profiles` maps a profile's name to its description."""

    url: str
    endpoints: Mapping[str, str]
    terms_url: str = ""
    website: str = ""
    caa_identities: tuple[str, ...] = ()
    profiles: Mapping[str, str] = field(default_factory=dict)
    needs_external_account: bool = False


@dataclass(frozen=True)
class ExternalAccount:
    """External account binding: the key id and the MAC key (base64url) that the CA handed out."""

    key_id: str
    mac_key: Sealed


@dataclass(frozen=True)
class RenewalInfo:
    """When the CA suggests to renew a certificate, and a page that says why, where there is something to say."""

    start: datetime
    end: datetime
    explanation_url: str = ""
    retry_at: datetime | None = None


@dataclass(frozen=True)
class Challenge:
    """One way to prove one name. `txt_value` is what DNS-01 wants published."""

    kind: str
    url: str
    status: str
    token: str
    key_authorization: str
    problem: Problem | None = None

    @property
    def txt_value(self) -> str:
        digest = hashlib.sha256(self.key_authorization.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class Authorization:
    """One name to prove. `name` never carries the `*.` of a wildcard."""

    url: str
    name: str
    wildcard: bool
    status: str
    expires_at: datetime | None
    challenges: tuple[Challenge, ...]
    retry_at: datetime | None = None

    @property
    def txt_name(self) -> str:
        return f"_acme-challenge.{self.name}"

    @property
    def problem(self) -> Problem | None:
        return next((item.problem for item in self.challenges if item.problem), None)

    def challenge(self, kind: str) -> Challenge | None:
        return next((item for item in self.challenges if item.kind == kind), None)


@dataclass(frozen=True)
class Order:
    """status: pending, ready, processing, valid or invalid."""

    url: str
    status: str
    names: tuple[str, ...]
    expires_at: datetime | None
    authorization_urls: tuple[str, ...]
    finalize_url: str
    certificate_url: str = ""
    profile: str = ""
    problem: Problem | None = None
    retry_at: datetime | None = None


def read_problem(body: Any, status: int = 0) -> Problem:
    """A problem document in any shape a server may send; never raises."""
    if not isinstance(body, Mapping):
        return Problem("", status=status)
    identifier = body.get("identifier")
    parts = body.get("subproblems")
    return Problem(
        kind=str(body.get("type") or "").removeprefix(PROBLEM_PREFIX),
        detail=str(body.get("detail") or body.get("title") or "")[:500],
        name=str(identifier.get("value") or "") if isinstance(identifier, Mapping) else "",
        status=status,
        instance=str(body.get("instance") or "")[:500],
        parts=tuple(read_problem(part) for part in parts[:100]) if isinstance(parts, list) else (),
    )


def read_directory(url: str, body: Mapping[str, Any]) -> Directory:
    meta = body.get("meta") or {}
    endpoints = {key: str(value) for key, value in body.items() if isinstance(value, str)}
    missing = {"newNonce", "newAccount", "newOrder"} - endpoints.keys()
    if missing:
        raise bad_answer(f"The directory lacks {', '.join(sorted(missing))}.")
    return Directory(
        url=url,
        endpoints=endpoints,
        terms_url=_web_page(meta.get("termsOfService")),
        website=_web_page(meta.get("website")),
        caa_identities=tuple(str(item) for item in meta.get("caaIdentities") or ()),
        profiles={str(name): str(text) for name, text in (meta.get("profiles") or {}).items()},
        needs_external_account=bool(meta.get("externalAccountRequired")),
    )


def read_order(url: str, body: Mapping[str, Any], retry_at: datetime | None) -> Order:
    try:
        return Order(
            url=url,
            status=str(body["status"]),
            names=tuple(str(item["value"]) for item in body["identifiers"]),
            expires_at=_moment(body.get("expires")),
            authorization_urls=tuple(str(item) for item in body["authorizations"]),
            finalize_url=str(body["finalize"]),
            certificate_url=str(body.get("certificate") or ""),
            profile=str(body.get("profile") or ""),
            problem=read_problem(body["error"]) if body.get("error") else None,
            retry_at=retry_at,
        )
    except (KeyError, TypeError) as error:
        raise bad_answer("An order lacks what RFC 8555 asks for.") from error


def read_renewal_info(body: Mapping[str, Any], retry_at: datetime | None) -> RenewalInfo:
    window = body.get("suggestedWindow")
    start, end = (_moment(window.get(name)) if isinstance(window, Mapping) else None for name in ("start", "end"))
    if start is None or end is None or end <= start:
        # RFC 9773, section 4.2: such an answer is to be ignored.
        raise bad_answer("The suggested renewal window makes no sense.")
    return RenewalInfo(start, end, _web_page(body.get("explanationURL")), retry_at)


def _web_page(text: Any) -> str:
    """It is shown as a link: nothing but https gets there."""
    return text if isinstance(text, str) and text.startswith("https://") and len(text) <= 500 else ""


def read_authorization(url: str, body: Mapping[str, Any], thumbprint: str, retry_at: datetime | None) -> Authorization:
    """`thumbprint` is the account key's (RFC 7638); key authorizations are made from it."""
    try:
        return Authorization(
            url=url,
            name=str(body["identifier"]["value"]).removeprefix("*."),
            wildcard=bool(body.get("wildcard")),
            status=str(body["status"]),
            expires_at=_moment(body.get("expires")),
            challenges=tuple(_read_challenge(item, thumbprint) for item in body["challenges"] if item.get("token")),
            retry_at=retry_at,
        )
    except (KeyError, TypeError) as error:
        raise bad_answer("An authorization lacks what RFC 8555 asks for.") from error


def _read_challenge(body: Mapping[str, Any], thumbprint: str) -> Challenge:
    token = str(body["token"])
    if not TOKEN.fullmatch(token):
        raise Permanent("acme_bad_answer", detail="A challenge token is not base64url of a sane length.")
    return Challenge(
        kind=str(body["type"]),
        url=str(body["url"]),
        status=str(body.get("status") or "pending"),
        token=token,
        key_authorization=f"{token}.{thumbprint}",
        problem=read_problem(body["error"]) if body.get("error") else None,
    )


def _moment(text: Any) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise bad_answer("A time is not RFC 3339.") from error
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def bad_answer(detail: str) -> Transient:
    """A proxy's error page and a half-written answer look alike, so this is worth another try."""
    return Transient("acme_bad_answer", detail=detail)
