"""What the API takes about servers and targets, and how it becomes checked values; bad input names its field."""

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from ninja import Schema
from pydantic import Field

from accounts.api import Problem, bad_field
from config.lib.errors import NeedsUser
from config.lib.sealed import Sealed
from deploy.models import Server, Target
from deploy.servers import Access, check_fingerprint, check_host, check_key, check_port
from deploy.ssh import placement
from deploy.targets import DIRECTORIES, PRIVATE_KEY, Placement, check_custom_names, check_ports


class ServerIn(Schema):
    """Absent fields stay as they are. `private_key` and `passphrase` are never shown again."""

    name: str | None = Field(None, max_length=80)
    host: str | None = Field(None, max_length=300)
    port: int | None = None
    username: str | None = Field(None, max_length=100)
    private_key: str | None = Field(None, max_length=20_000)
    passphrase: str | None = Field(None, max_length=1000)


class TargetIn(ServerIn):
    """A server's fields flat, found or created, or `server`. Absent fields stay as they are."""

    server: uuid.UUID | None = None
    host_key_fingerprint: str | None = None
    draft: bool | None = None
    certificate_directories: list[str] | None = None
    file_names: dict[str, str] | None = None
    reload_commands: list[str] | None = None
    verify_ports: list[int] | None = None
    use_sudo: bool = False
    chown: str = ""
    webroot: str = ""
    standalone: bool = False
    standalone_port: int | None = None
    standalone_use_sudo: bool = False


class TrustIn(Schema):
    fingerprint: str = Field(max_length=200)


class DeployIn(Schema):
    """Without `certificate`: the newest."""

    certificate: uuid.UUID | None = None


# Kept in the rows for what comes later; until then a setting that would be ignored is refused.
_NOT_OFFERED = {
    "use_sudo": "Use sudo for cert install (root-owned directories)",
    "chown": "Set owner:group",
    "webroot": "Webroot",
    "standalone": "Use standalone HTTP listener",
    "standalone_use_sudo": "Use sudo for the standalone listener",
}


def refuse_not_offered(body: TargetIn) -> None:
    for field, label in _NOT_OFFERED.items():
        if getattr(body, field):
            with bad_field(field):
                raise NeedsUser("setting_not_offered", setting=label)


def read_access(body: ServerIn, known: Server | None = None) -> Access:
    """The server's fields over those of `known`; 422 naming the first field that is wrong."""
    host = body.host if body.host is not None else (known.host if known else "")
    port = body.port if body.port is not None else (known.port if known else 22)
    username = body.username if body.username is not None else (known.username if known else "")
    with bad_field("host"):
        host = check_host(host)
    with bad_field("port"):
        port = check_port(port)
    with bad_field("username"):
        username = placement.check_username(username)
    return Access(host, port, username, name=(body.name or "").strip(), **_read_key(body))


def _read_key(body: ServerIn) -> dict[str, Any]:
    text, passphrase = (body.private_key or "").strip(), body.passphrase or ""
    if not text:
        return {}
    with bad_field("passphrase" if passphrase else "private_key"):
        public_key = check_key(text, passphrase)
    sealed = Sealed.of(passphrase) if passphrase else None
    return {"private_key": Sealed.of(f"{text}\n"), "passphrase": sealed, "public_key": public_key}


def read_placement(body: TargetIn, known: Target | None = None) -> Placement:
    """Where files go, over what `known` has; 422 naming the first field that is wrong."""
    given = body.model_fields_set
    with bad_field("certificate_directories"):
        directories = placement.check_directories(
            _given(body.certificate_directories, known, "certificate_directories")
        )
    with bad_field("file_names"):
        names = check_custom_names(_given_names(body, known))
    with bad_field("reload_commands"):
        commands = placement.check_commands(_given(body.reload_commands, known, "reload_commands"))
    with bad_field("verify_ports"):
        ports = check_ports(body.verify_ports if "verify_ports" in given or not known else known.verify_ports)
    return Placement(directories, names, commands, ports)


def _given(value: list[str] | None, known: Target | None, field: str) -> list[str]:
    if value is not None:
        return value
    return list(getattr(known, field)) if known else []


def _given_names(body: TargetIn, known: Target | None) -> Mapping[str, str]:
    if body.file_names is None:
        return known.file_names if known else {}
    unknown = sorted(set(body.file_names) - set(placement.DEFAULT_NAMES))
    if unknown:
        raise Problem(
            422, "input_invalid", fields={f"file_names.{unknown[0]}": "Not one of cert, key, chain, fullchain."}
        )
    return body.file_names


def read_fingerprint(text: str, field: str) -> str:
    with bad_field(field):
        return check_fingerprint(text)


_FIELDS_OF_PARTS = {PRIVATE_KEY: "private_key", DIRECTORIES: "certificate_directories"}


@contextlib.contextmanager
def naming_missing_parts() -> Iterator[None]:
    """A target that is saved before it is complete is bad input, under the fields that are missing."""
    try:
        yield
    except NeedsUser as error:
        if error.code != "target_incomplete":
            raise
        fields = {_FIELDS_OF_PARTS[part]: "A deployment needs this." for part in error.params["missing"]}
        raise Problem(422, error.code, fields=fields, **error.params) from error
