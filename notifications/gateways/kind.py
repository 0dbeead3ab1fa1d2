"""What a kind of gateway is: its form, and how it sends. Each kind is one file beside this one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.models import Workspace
from config.lib import egress
from config.lib.errors import Permanent, Transient
from config.lib.registry import Registry
from notifications.message import Message

# Connecting and the whole exchange, in seconds; the lease of a delivery is longer.
SECONDS = 30.0
ANSWER_CHARACTERS = 500


@dataclass(frozen=True)
class Field:
    """One input of the guided form, and of `config` in the API.

    `where` says where to find the value. `is_secret` fields are sealed and never shown again; `is_host` fields
    decide where the secrets go: when one changes, all secrets have to be given again. `is_private` ones are shown to
    admins, and the audit log holds no more than that they changed. `kind` is text, url, email, number, phone, choice
    or lines; `choices` are (value, label).
    """

    name: str
    label: str
    where: str = ""
    kind: str = "text"
    is_secret: bool = False
    is_host: bool = False
    is_private: bool = False
    is_required: bool = True
    default: str = ""
    choices: Sequence[tuple[str, str]] = ()
    placeholder: str = ""


@dataclass(frozen=True)
class Sending:
    """One attempt. `id` stays the same when it is repeated; `at` is the moment of this attempt.

    `values` are the gateway's fields, secrets in clear; `to` is an address or a number, empty where the gateway
    leads to one place. What the other side has changed of the plain values goes into `learned`, and is kept.
    """

    id: str
    message: Message
    to: str
    values: Mapping[str, str] = field(repr=False)
    at: datetime
    deadline: egress.Deadline
    workspace: Workspace
    is_test: bool = False
    learned: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """What the other side calls what it opened, its answer in words, and where a person looks at it."""

    ref: str
    answer: str
    url: str = ""


@dataclass(frozen=True)
class Ticketing:
    """For kinds where something lives: opened once, added to, and closed again with its cause.

    `find` looks for an open one of the message's thread, which an earlier attempt may have made without hearing of it;
    None where the vendor itself knows a repetition by the thread, which is then the `ref`. `update` and `resolve` take
    the `ref`; one that is gone there is no failure of `resolve`. They raise as `GatewayKind.send` does.
    """

    open: Callable[[Sending], Opened]
    update: Callable[[Sending, str], str]
    resolve: Callable[[Sending, str], str]
    find: Callable[[Sending], Opened | None] | None


@dataclass(frozen=True)
class GatewayKind:
    """`send` answers what the other side said, in its words. Blocks up to SECONDS.

    It raises Transient where another attempt may succeed (with `retry_at` where the other side named one), Unsure
    where the request had gone out and nothing came back, RecipientRefused where only this address or number will
    never work, and GatewayRefused where nothing will before somebody changes the gateway. `check` refuses values
    that cannot work: it raises `InvalidValue`. `is_addressed`: rules name recipients. `repeats_safely`: the
    receiver can tell a repetition by `id`, so that an unsure attempt is repeated. Kinds with
    `ticketing` are sent through it (`notifications.tickets`).
    """

    channel: str
    label: str
    about: str
    fields: Sequence[Field]
    send: Callable[[Sending], str]
    check: Callable[[Mapping[str, str]], None]
    is_addressed: bool = False
    repeats_safely: bool = False
    has_subject: bool = True
    ticketing: Ticketing | None = None


class GatewayRefused(Permanent):
    """The other side will refuse everything that comes this way: the gateway is switched off and the admins told."""

    def __init__(self, **params: Any) -> None:
        super().__init__("gateway_refused", **params)


class RecipientRefused(Permanent):
    """This address or number will never work; the gateway may well."""

    def __init__(self, **params: Any) -> None:
        super().__init__("recipient_refused", **params)


class Unsure(Transient):
    """The request went out, and no answer came: it may have arrived."""

    def __init__(self, **params: Any) -> None:
        super().__init__("delivery_unsure", **params)


class NotYet(Transient):
    """Another message is on its way to the same ticket; waiting for it is no attempt."""

    def __init__(self, retry_at: datetime) -> None:
        super().__init__("ticket_opening", retry_at=retry_at)


kinds: Registry[GatewayKind] = Registry("gateway kinds")


def register(kind: GatewayKind) -> None:
    """At most one secret: it is replaced as a whole, so that the web process never has to open what it keeps."""
    if sum(field.is_secret for field in kind.fields) > 1:
        raise LookupError(f"{kind.channel} has more than one secret field")
    kinds.add(kind.channel, kind)
