"""What the API takes about servers and targets, and how it becomes checked values; bad input names its field."""

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from ninja import Schema
from pydantic import Field

from accounts.api import Problem, bad_field
from config.lib.errors import NeedsUser
from config.lib.sealed import Sealed
from deploy.http01.inputs import Http01In, read_http01
from deploy.models import Server, Target
from deploy.servers import (
    Access,
    check_fingerprint,
    check_host,
    check_key,
    check_port,
    made_key,
    refuse_passphrase_alone,
)
from deploy.ssh import placement
from deploy.targets import DIRECTORIES, PRIVATE_KEY, Placement, check_custom_names, check_ports

# The bounds are documented here and judged with words of their own.
type Port = Annotated[int, Field(json_schema_extra={"minimum": 1, "maximum": 65535})]
type Path = Annotated[str, Field(max_length=300)]
type FileName = Annotated[str, Field(max_length=100)]
type Command = Annotated[str, Field(max_length=600)]
KEY_HEAD = "-----BEGIN OPENSSH PRIVATE KEY-----"


class ServerIn(Schema):
    """Absent fields stay as they are. `private_key` and `passphrase` are never shown again."""

    name: str | None = Field(None, max_length=80)
    host: str | None = Field(None, max_length=300, description="A name or an address.", examples=["web-01.example.net"])
    port: Port | None = Field(None, description="Of SSH; 22 for a new server.")
    username: str | None = Field(None, max_length=100, examples=["mmc-deploy"])
    private_key: str | None = Field(
        None, max_length=20_000, description="PEM or OpenSSH; write-only.", examples=[f"{KEY_HEAD}\n…"]
    )
    passphrase: str | None = Field(None, max_length=1000, description="Write-only.")
    make_key: bool = Field(False, description="Instead of `private_key`: make a pair here, and show `public_key`.")


class TargetIn(ServerIn, Http01In):
    """A server's fields flat, found or created, or `server`. Absent fields stay as they are."""

    server: uuid.UUID | None = Field(None, description="A known server's id.")
    host_key_fingerprint: str | None = Field(None, max_length=200, description="`SHA256:…`; pins the host key.")
    draft: bool | None = Field(None, description="Kept and tested, never deployed to.")
    certificate_directories: list[Path] | None = Field(
        None, max_length=100, description="Absolute paths on the server.", examples=[["/etc/nginx/ssl/shop"]]
    )
    file_names: dict[str, FileName] | None = Field(
        None, max_length=10, description="By `cert`, `key`, `chain`, `fullchain`.", examples=[{"key": "privkey.pem"}]
    )
    reload_commands: list[Command] | None = Field(
        None, max_length=100, description="Run in this order.", examples=[["sudo -n systemctl reload nginx"]]
    )
    verify_ports: list[Port] | None = Field(
        None, max_length=100, description="Where to look afterwards; null: the domain's port, empty: nowhere."
    )
    use_sudo: bool | None = Field(None, description="Put the files in place by sudo, into directories that are root's.")
    chown: str | None = Field(
        None, max_length=100, description="Give the files to this owner.", examples=["opensips:opensips"]
    )


class TrustIn(Schema):
    fingerprint: str = Field(
        max_length=200, description="As `ssh-keygen -lf` prints it.", examples=["SHA256:" + "a1" * 21 + "A"]
    )


class DeployIn(Schema):
    """Without `certificate`: the newest."""

    certificate: uuid.UUID | None = Field(None, description="One of the domain's certificates.")


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
        with bad_field("passphrase"):
            refuse_passphrase_alone(passphrase)
        return made_key() if body.make_key else {}
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
    with bad_field("chown"):
        owner = placement.check_owner(body.chown if body.chown is not None else (known.owner if known else ""))
    use_sudo = body.use_sudo if body.use_sudo is not None else bool(known and known.use_sudo)
    http01 = read_http01(body, known)
    return Placement(directories, names, commands, ports, use_sudo, owner, http01)


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
