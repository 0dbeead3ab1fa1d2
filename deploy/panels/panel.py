"""What a hosting panel is to us: its form, and three verbs. Each panel is one file beside this one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from certificates.dns.providers.kinds import Field
from config.lib import egress
from config.lib.errors import ExpectedError, NeedsUser, Transient

# One verb as a whole; a single request has less.
SECONDS = 300.0

type SiteState = Literal["installed", "unchanged", "pending", "failed"]


@dataclass(frozen=True)
class Access:
    """The way to one account, for the length of one visit; `secret` in clear.

    `pinned` is the SHA-256 of the panel's own certificate in lower-case hex; empty: it is verified like any other.
    `refs` are what the panel called what we put there earlier, by site (`SiteResult.ref`). `web_port` is where the
    panel's machine serves its sites. One request has `request_seconds`, the visit `deadline`.
    """

    panel: str
    host: str
    port: int
    user: str = ""
    secret: str = field(default="", repr=False)
    pinned: str = ""
    refs: Mapping[str, str] = field(default_factory=dict)
    web_port: int = 443
    request_seconds: float = 60.0
    deadline: egress.Deadline = field(default_factory=lambda: egress.Deadline(SECONDS), repr=False, compare=False)


@dataclass(frozen=True)
class Bundle:
    """A certificate with its key, as `read_bundle` makes it; PEM as text.

    `label` stays the same when it is renewed: the host that it is kept for. `signed` is what its issuer signed with.
    """

    label: str
    names: tuple[str, ...]
    leaf: str
    chain: str
    key: str = field(repr=False)
    fingerprint: str
    not_after: datetime
    signed: Literal["rsa", "ecdsa"]


@dataclass(frozen=True)
class Seen:
    """What a test found: every site of the account, those that the names cover, and sentences for a person."""

    sites: tuple[str, ...]
    matching: tuple[str, ...]
    may: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SiteResult:
    """What became of one site. `pending`: the panel has it and will serve it soon; ask `read_back` again.

    `uncovered` are names of the site that the certificate does not cover. `ref` is to be kept for `Access.refs`.
    """

    site: str
    state: SiteState
    error: ExpectedError | None = None
    said: str = ""
    uncovered: tuple[str, ...] = ()
    ref: str = ""


@dataclass(frozen=True)
class Installed:
    """What one site has now. `fingerprint` is empty where the panel does not tell which certificate it is.

    `state` is active, pending or the panel's own word for anything else; `signed` as the bundle's, where it is told.
    """

    site: str
    fingerprint: str = ""
    state: str = "active"
    expires_at: datetime | None = None
    ref: str = ""
    names: tuple[str, ...] = ()
    signed: str = ""


@dataclass(frozen=True)
class Panel:
    """`test` changes nothing, `install` may be repeated, `read_back` looks; each blocks up to the access's deadline.

    They raise NeedsUser, Transient (with `retry_at` where the panel named a time), Refused and Unreachable, and
    `LoginRefused` where another attempt could lock the account. Once sites are worked on, an error is its site's.
    `host` is set where everybody's panel is at the same address. `advice` stands beside the form.
    """

    name: str
    label: str
    fields: Sequence[Field]
    rights: str
    test: Callable[[Access, Sequence[str]], Seen]
    install: Callable[[Access, Bundle], list[SiteResult]]
    read_back: Callable[[Access, Sequence[str]], list[Installed]]
    host: str = ""
    port: int = 443
    secret_field: str = "api_token"  # noqa: S105  (the field's name)
    advice: tuple[str, ...] = ()


class LoginRefused(NeedsUser):
    """The panel does not take the credential: not to be tried again before somebody has changed it."""


class Unsure(Transient):
    """The request went out and no answer came: it may have been done."""

    def __init__(self, **params: Any) -> None:
        super().__init__("panel_unsure", may_have_arrived=True, **params)


def each(sites: Sequence[str], act: Callable[[str], SiteResult]) -> list[SiteResult]:
    """One result per site, in order; what one of them is refused for stops no other.

    Unless it is the login, or the panel asked to be left alone: then the rest is not tried.
    """
    results: list[SiteResult] = []
    over: ExpectedError | None = None
    for site in sites:
        if over is None:
            try:
                results.append(act(site))
                continue
            except ExpectedError as error:
                over = error
        results.append(SiteResult(site, "failed", over))
        over = over if _is_for_all(over) else None
    return results


def _is_for_all(error: ExpectedError) -> bool:
    is_asked_to_wait = isinstance(error, Transient) and error.retry_at is not None
    return isinstance(error, LoginRefused) or is_asked_to_wait or error.code == "deadline_exceeded"
