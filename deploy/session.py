"""One run's way onto its server: connect, compare the host key, sign in; each a step of the trail."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from auditlog.events import record
from config.lib import clock
from config.lib.errors import ExpectedError, NeedsUser
from config.lib.prepared import change
from deploy import unseal
from deploy.models import Server, Target, TargetRun
from deploy.ssh import connect
from deploy.ssh.connect import Connection
from deploy.ssh.files import RemoteFiles
from deploy.trail import Trail, keep_on_run
from domains.models import Domain


@dataclass
class SignedIn:
    """A claimed run on the server of its target: signed in, SFTP open, as `plain` without sudo."""

    run: TargetRun
    trail: Trail
    target: Target
    server: Server
    connection: Connection
    plain: RemoteFiles


@contextlib.contextmanager
def opened(run: TargetRun, trail: Trail, server: Server, *, must_be_trusted: bool) -> Iterator[Connection]:
    """A signed-in connection for the length of the block.

    With `must_be_trusted` (every deploy) an unpinned server is refused before a socket is opened. A test may sign
    in there all the same: a signature by public key gives a stranger nothing that could be used elsewhere.
    """
    if must_be_trusted and not server.is_trusted:
        raise NeedsUser("ssh_host_key_untrusted", host=server.host, port=server.port, seen=server.seen_host_key or "…")
    key = unseal.login_key(server)
    with contextlib.ExitStack() as stack:
        with trail.step(f"Connect to {server.host} port {server.port}", seconds=4 * connect.CONNECT_SECONDS) as note:
            connection = stack.enter_context(_greeted(server, run))
            note.detail = _about_host_key(connection, server.seen_host_key)
            note.data = {"host_key_fingerprint": connection.host_key_fingerprint, "address": connection.address}
        keep_on_run(run, host_key_fingerprint=connection.host_key_fingerprint)
        _remember_host_key(server, connection.host_key_fingerprint)
        with trail.step(f"Sign in as {server.username}", seconds=connect.SIGN_IN_SECONDS) as note:
            connection.sign_in(server.username, key)
            note.detail = f"with the key {key.fingerprint}"
        yield connection


@contextlib.contextmanager
def _greeted(server: Server, run: TargetRun) -> Iterator[Connection]:
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(
                connect.greeted(server.host, server.port, pinned=server.host_key_fingerprint)
            )
        except ExpectedError as error:
            if error.code == "ssh_host_key_changed":
                note_change(server, run.domain, str(error.params["seen"]), run_id=run.deployment_id or run.pk)
            raise
        yield connection


def _about_host_key(connection: Connection, seen_before: str) -> str:
    shown = f"host key {connection.host_key_fingerprint}"
    if connection.is_pinned:
        return f"{shown}, as trusted"
    is_new = seen_before and seen_before != connection.host_key_fingerprint
    return f"{shown}, not trusted yet" + (", and not the one that it showed last time" if is_new else "")


def _remember_host_key(server: Server, fingerprint: str) -> None:
    change(Server, {"pk": server.pk}, {"seen_host_key": fingerprint, "seen_host_key_at": clock.now()})
    server.seen_host_key = fingerprint


@transaction.atomic
def note_change(server: Server, domain: Domain, seen: str, *, run_id: uuid.UUID | None = None) -> None:
    """Tell of another host key. Once per new key: a ladder of retries must not send a mail each."""
    known = Server.unscoped.filter(pk=server.pk).exclude(seen_host_key=seen)
    if known.update(seen_host_key=seen, seen_host_key_at=clock.now()):
        record(
            "server.host_key_changed",
            workspace_id=server.workspace_id,
            domain_id=domain.pk,
            domain_label=domain.label,
            run_id=run_id,
            data={"host": server.label, "expected": server.host_key_fingerprint, "seen": seen},
        )
