"""Run one command on a connection: bounded in time and output, both streams drained, nothing secret kept."""

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass

import paramiko

from config.lib.errors import NeedsUser
from deploy.ssh.command import Command
from deploy.ssh.connect import Connection
from deploy.ssh.redact import redact

MAX_OUTPUT = 64 * 1024
MAX_DRAINED = 16 * 1024 * 1024  # then the window fills, the command stands still and its time runs out
GRACE_SECONDS = 10.0  # beyond the command's own time, for the server to end it and say so
_POLL_SECONDS = 0.1
# A busy server tells of the end before it has sent the last output.
_LATE_SECONDS = 1.0
_SFTP_ONLY = "this service allows sftp connections only"
TIMED_OUT = 124  # what `timeout` answers


@dataclass(frozen=True)
class Outcome:
    """`exit_code` is None when the server did not say: the command may or may not have run."""

    exit_code: int | None
    output: str
    is_cut: bool
    seconds: float

    @property
    def is_ok(self) -> bool:
        return self.exit_code == 0


def run_command(
    connection: Connection,
    command: Command,
    *,
    seconds: float,
    secrets: Iterable[str] = (),
    grace: float = GRACE_SECONDS,
    stdin: bytes = b"",
    most: int = MAX_OUTPUT,
) -> Outcome:
    """Run `command` and wait for its end, at most `seconds` and `grace`. Not repeatable by itself.

    Of what it prints the first `most` bytes are kept.

    Raises Transient ssh_timeout (the connection is gone then) or ssh_closed, NeedsUser ssh_no_shell.
    """
    started = time.monotonic()
    with connection.within(seconds + grace, "run a command"):
        channel = _begin(connection, command, seconds)
        try:
            if stdin:
                with contextlib.suppress(OSError):  # A command that has ended reads nothing; its exit says why.
                    channel.sendall(stdin)
                    channel.shutdown_write()
            raw, is_cut = _drain(channel, most)
            if not connection.transport.is_active():
                raise EOFError
            code = channel.recv_exit_status() if channel.exit_status_ready() else -1
        finally:
            channel.close()
    text = redact(raw.decode(errors="replace").replace("\0", ""), secrets).strip()
    if code and _SFTP_ONLY in text.lower():
        raise _no_shell(connection)
    return Outcome(None if code < 0 else code, text, is_cut, time.monotonic() - started)


def _begin(connection: Connection, command: Command, seconds: float) -> paramiko.Channel:
    """A server may refuse the session (MaxSessions, an SFTP account) or the command and stay connected."""
    try:
        channel = connection.transport.open_session(timeout=seconds)
    except paramiko.ChannelException as error:
        raise _no_shell(connection) from error
    channel.set_combine_stderr(True)
    try:
        channel.exec_command(command.text)
    except paramiko.SSHException as error:
        if not connection.transport.is_active():
            raise
        raise _no_shell(connection) from error
    return channel


def _no_shell(connection: Connection) -> NeedsUser:
    return NeedsUser("ssh_no_shell", host=connection.host, username=connection.username)


def _drain(channel: paramiko.Channel, most: int) -> tuple[bytes, bool]:
    """Read until the streams end, or until the command has ended and is silent (a daemon may keep them open)."""
    channel.settimeout(_POLL_SECONDS)
    kept, drained, ended_at = bytearray(), 0, 0.0
    while True:
        if drained > MAX_DRAINED:
            channel.status_event.wait()
            break
        try:
            chunk = channel.recv(32768)
        except TimeoutError:
            if channel.exit_status_ready():
                ended_at = ended_at or time.monotonic()
                if time.monotonic() - ended_at > _LATE_SECONDS:
                    break
            continue
        if not chunk:
            channel.status_event.wait(_POLL_SECONDS * 10)
            break
        drained += len(chunk)
        kept += chunk[: most - len(kept)]
    return bytes(kept), drained > len(kept)
