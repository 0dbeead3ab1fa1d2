"""Servers: found or made, changed, trusted, removed."""

import re
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.models import Workspace
from auditlog.events import Actor, difference, record
from config.lib import egress
from config.lib.errors import NeedsUser
from config.lib.sealed import Sealed
from deploy.models import Server
from deploy.readiness.asking import ask_after_server_change
from deploy.reconcile import reconcile_server
from deploy.server_lease import refuse_half_done
from deploy.ssh.keys import load_key, new_key, public_line

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
MAX_PASSPHRASE = 1000


@dataclass(frozen=True)
class Access:
    """How to reach and enter a server, checked. `private_key` None: keep the one on file."""

    host: str
    port: int
    username: str
    private_key: Sealed | None = None
    passphrase: Sealed | None = None
    public_key: str = ""
    name: str = ""


def check_host(text: str) -> str:
    """A name or an address, in the one spelling that is stored; NeedsUser host_malformed and its kin."""
    return egress.parse_host(text)


def check_port(number: int) -> int:
    if not 1 <= number <= 65535:
        raise NeedsUser("ssh_port_not_allowed", port=number)
    return number


def check_key(private_key: str, passphrase: str) -> str:
    """The public half of a pasted key; NeedsUser with the exact ssh_key_… code when it cannot be used."""
    if len(passphrase) > MAX_PASSPHRASE:
        raise NeedsUser("ssh_key_passphrase_wrong")
    return public_line(load_key(private_key, passphrase))


def refuse_passphrase_alone(passphrase: str) -> None:
    """Where no key came with it: whoever typed it believes that it was taken."""
    if passphrase:
        raise NeedsUser("ssh_key_passphrase_alone")


def made_key() -> dict[str, Any]:
    """A key pair of the portal's own, as Access takes it: the private half leaves it only to sign in."""
    text = new_key()
    return {"private_key": Sealed.of(text), "passphrase": None, "public_key": check_key(text, "")}


def check_fingerprint(text: str) -> str:
    """`SHA256:…` as ssh-keygen -l prints it, with or without what stands around it there."""
    found = _FINGERPRINT.search(text.strip())
    if not found:
        raise NeedsUser("fingerprint_malformed")
    return found[0]


def find_server(workspace: Workspace, access: Access) -> Server | None:
    rows = Server.objects.for_workspace(workspace)
    return rows.filter(host=access.host, port=access.port, username=access.username).first()


@transaction.atomic
def find_or_make_server(*, workspace: Workspace, access: Access, actor: Actor, draft: bool = False) -> Server:
    """The workspace's server with this host, port and user; a key that is given replaces the one on file.

    With `draft` nothing is deployed for that, as by `change_server`.
    """
    server = find_server(workspace, access)
    if server is None:
        server = Server(workspace=workspace, host=access.host, port=access.port, username=access.username)
        _put_key(server, access)
        server.name = access.name
        server.save(force_insert=True)
        _record_saved(server, actor, ["added"], {}, _shown(server, access))
    else:
        server = change_server(server=server, access=access, actor=actor, draft=draft)
    return server


@transaction.atomic
def change_server(*, server: Server, access: Access, actor: Actor, draft: bool = False) -> Server:
    """Change where a server is or how it is entered; the row as it is now, `server` itself stays as it was.

    Another host or port is another machine: the pin goes, and all that was known of the old one. Targets that wait
    for another key or user are deployed by themselves, unless this is only to be tried (`draft`).

    Raises NeedsUser server_exists, target_half_done.
    """
    server = Server.unscoped.select_for_update(no_key=True).get(pk=server.pk)
    changed = [
        name
        for name in ("host", "port", "username", "name")
        if getattr(access, name) != getattr(server, name) and (name != "name" or access.name)
    ]
    _refuse_double(server, access)
    before, fields = _shown(server), list(changed)
    if {"host", "port"} & set(changed):
        refuse_half_done(server)
        _forget_machine(server)
        fields += ["host_key_fingerprint", "seen_host_key", "lease_token", "lease_until"]
    for name in changed:
        setattr(server, name, getattr(access, name))
    if access.private_key is not None:
        _put_key(server, access)
        changed.append("private key")
        fields += ["sealed_private_key", "sealed_passphrase", "public_key"]
    if changed:
        server.save(update_fields=fields)
        _record_saved(server, actor, changed, before, _shown(server, access))
        ask_after_server_change(server)
    if not draft and {"username", "private key"} & set(changed):
        reconcile_server(server)
    return server


def _forget_machine(server: Server) -> None:
    """What lies on the old machine is not to be repaired on the new one. A run that is there now loses its lease."""
    server.host_key_fingerprint = server.seen_host_key = ""
    server.lease_token = server.lease_until = None
    server.targets.update(journal=None, installed_certificate=None, last_status="")


def _refuse_double(server: Server, access: Access) -> None:
    twins = Server.objects.for_workspace(server.workspace_id).exclude(pk=server.pk)
    if twins.filter(host=access.host, port=access.port, username=access.username).exists():
        raise NeedsUser("server_exists", host=access.host, username=access.username)


def _put_key(server: Server, access: Access) -> None:
    if access.private_key is not None:
        server.sealed_private_key = access.private_key
        server.sealed_passphrase = access.passphrase or ""
        server.public_key = access.public_key


def _shown(server: Server, access: Access | None = None) -> dict[str, Any]:
    """What the audit log compares; of keys the public half, and that a private one was given."""
    shown = {name: getattr(server, name) for name in ("host", "port", "username", "name", "public_key")}
    shown["host_key"] = server.host_key_fingerprint
    return shown | {"private_key": "given"} if access and access.private_key else shown


def _record_saved(
    server: Server, actor: Actor, changed: list[str], before: dict[str, Any], after: dict[str, Any]
) -> None:
    told = {"server": str(server.pk), "address": server.address, "changes": ", ".join(changed)}
    record(
        "server.saved",
        workspace_id=server.workspace_id,
        actor=actor,
        data=told | difference(before, after),
    )


@transaction.atomic
def trust_server(*, server: Server, fingerprint: str, actor: Actor) -> Server:
    """Pin a host key; from now on any other one stops every connection before sign-in. Repeatable.

    Targets that wait for it are deployed by themselves. Raises NeedsUser fingerprint_malformed.
    """
    pinned = check_fingerprint(fingerprint)
    if pinned == server.host_key_fingerprint:
        return server
    changed = difference({"host_key": server.host_key_fingerprint}, {"host_key": pinned})
    server.host_key_fingerprint = pinned
    if server.seen_host_key != pinned:
        server.seen_host_key = ""  # Else another one that was seen before it was pinned would be told of to nobody.
    server.save(update_fields=["host_key_fingerprint", "seen_host_key"])
    record(
        "server.trusted",
        workspace_id=server.workspace_id,
        actor=actor,
        data={"server": str(server.pk), "address": server.address, "fingerprint": pinned, **changed},
    )
    reconcile_server(server)
    ask_after_server_change(server)
    return server


@transaction.atomic
def delete_server(*, server: Server, actor: Actor) -> None:
    """Forget a server and destroy its key. Raises NeedsUser server_in_use while targets name it."""
    if server.targets.exists():
        raise NeedsUser("server_in_use", host=server.label, count=server.targets.count())
    data = {"server": str(server.pk), "address": server.address, **difference(_shown(server), {})}
    record("server.deleted", workspace_id=server.workspace_id, actor=actor, data=data)
    server.delete()
