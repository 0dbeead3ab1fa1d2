"""One SSH connection: greet, compare the host key, only then sign in. Never a known_hosts file, agent or default key.

Each step has a total deadline. paramiko's own timeouts are per read, so a watchdog closes the
transport when the time of a step is over, whatever the library is waiting for.
"""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from config.lib import egress
from config.lib.errors import ExpectedError, NeedsUser, Transient
from deploy.ssh.watchdog import Watchdog

CONNECT_SECONDS = 15.0
SIGN_IN_SECONDS = 20.0
MAX_BYTES = 64 * 1024 * 1024  # of one connection; what we send and fetch is some kilobytes
GREETING_KEPT = 512

# Tried in this order when the pinned key is not the one that the server shows first: a server has
# a key of each kind, and which one comes first changes when it gets another one.
_HOST_KEY_KINDS = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)

# Its threads write tracebacks for everything that a hostile or broken server does.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


class ByteStream(Protocol):
    """What a connected socket can do, as far as paramiko asks."""

    def recv(self, size: int, /) -> bytes: ...
    def send(self, content: bytes, /) -> int: ...
    def settimeout(self, seconds: float | None, /) -> None: ...
    def close(self) -> None: ...


class WatchedSocket:
    """A socket that remembers how the other side began and stops at a byte cap."""

    def __init__(self, sock: ByteStream) -> None:
        self._sock = sock
        self._received = 0
        self.greeting = b""
        self._closed = False  # paramiko asks sockets for this private attribute when it stops

    def recv(self, size: int) -> bytes:
        content = self._sock.recv(size)
        self._received += len(content)
        if len(self.greeting) < GREETING_KEPT:
            self.greeting += content[: GREETING_KEPT - len(self.greeting)]
        if self._received > MAX_BYTES:
            raise EOFError("the server sent more than one connection may")
        return content

    def send(self, content: bytes) -> int:
        return self._sock.send(content)

    def settimeout(self, seconds: float | None) -> None:
        self._sock.settimeout(seconds)

    def close(self) -> None:
        self._closed = True
        self._sock.close()


@dataclass
class Connection:
    """A server that has been greeted. `is_pinned`: its host key is the one an admin trusted."""

    transport: paramiko.Transport
    host: str
    port: int
    address: str
    host_key_fingerprint: str
    is_pinned: bool
    username: str = ""

    @contextlib.contextmanager
    def within(self, seconds: float, step: str) -> Iterator[None]:
        """At most `seconds` for the block: then the connection is closed and Transient('ssh_timeout') raised."""
        with Watchdog(self.transport, seconds) as watchdog:
            try:
                yield
                if watchdog.has_fired:  # paramiko ends a read on a closed transport like one at its end
                    raise TimeoutError
            except ExpectedError as error:
                if watchdog.has_fired:  # A step within this one saw no more than the closed connection.
                    raise self._failure("ssh_timeout", step=step, seconds=round(seconds)) from error
                raise
            except (paramiko.SSHException, EOFError, OSError) as error:
                if watchdog.has_fired or isinstance(error, TimeoutError):
                    raise self._failure("ssh_timeout", step=step, seconds=round(seconds)) from error
                # A channel that ends under a transport that lives on is as lost as one that ended with it.
                if not self.transport.is_active() or not isinstance(error, OSError):
                    raise self._failure("ssh_closed", step=step) from error
                raise

    def sign_in(self, username: str, key: paramiko.PKey) -> None:
        """Authenticate by public key, and by nothing else.

        Raises NeedsUser ssh_auth_failed, ssh_publickey_off, ssh_second_factor; Transient ssh_timeout, ssh_closed.
        """
        self.username = username
        self.transport.auth_timeout = SIGN_IN_SECONDS
        with self.within(SIGN_IN_SECONDS, "sign in"):
            try:
                still_wanted = self.transport.auth_publickey(username, key)
            except paramiko.BadAuthenticationType as error:
                raise self._refusal("ssh_publickey_off", offered=error.allowed_types) from error
            except paramiko.AuthenticationException as error:
                if not self.transport.is_active():
                    raise EOFError from error
                raise self._refusal("ssh_auth_failed", public_key=key.fingerprint) from error
        if still_wanted:
            raise self._refusal("ssh_second_factor", offered=still_wanted)

    def check_alive(self, step: str) -> None:
        """Raises Transient('ssh_closed') when the connection has ended meanwhile."""
        if not self.transport.is_active():
            raise self._failure("ssh_closed", step=step)

    def close(self) -> None:
        self.transport.close()

    def _failure(self, code: str, **params: Any) -> Transient:
        return Transient(code, host=self.host, port=self.port, **params)

    def _refusal(self, code: str, **params: Any) -> NeedsUser:
        return NeedsUser(code, host=self.host, port=self.port, username=self.username, **params)


@contextlib.contextmanager
def greeted(host: str, port: int, *, pinned: str = "", seconds: float = CONNECT_SECONDS) -> Iterator[Connection]:
    """Connect and exchange keys with `host`; nothing is authenticated yet. Blocks up to `seconds` per try.

    With `pinned` (SHA256:…) the server must prove that very host key, else NeedsUser('ssh_host_key_changed')
    with no authentication attempted. Without it whatever key the server has is reported.
    Raises Transient ssh_refused, ssh_timeout, ssh_unreachable, ssh_closed; NeedsUser ssh_not_ssh,
    ssh_host_not_found, ssh_no_common_algorithm, egress_refused.
    """
    connection = _greet(host, port, seconds)
    try:
        if pinned and connection.host_key_fingerprint != pinned:
            connection.close()
            connection = _greet_as_pinned(connection, pinned, seconds)
        connection.is_pinned = bool(pinned)
        yield connection
    finally:
        connection.close()


def _greet_as_pinned(stranger: Connection, pinned: str, seconds: float) -> Connection:
    """Ask for each kind of host key in turn: the pinned one may be another than the server's first."""
    host, port = stranger.host, stranger.port
    for kinds in _HOST_KEY_KINDS:
        try:
            connection = _greet(host, port, seconds, kinds)
        except NeedsUser as error:
            if error.code == "ssh_no_common_algorithm":
                continue
            raise
        if connection.host_key_fingerprint == pinned:
            return connection
        connection.close()
    seen = stranger.host_key_fingerprint
    raise NeedsUser("ssh_host_key_changed", host=host, port=port, expected=pinned, seen=seen)


def _greet(host: str, port: int, seconds: float, host_key_kinds: tuple[str, ...] = ()) -> Connection:
    deadline = egress.Deadline(seconds)
    watched, address = _open(host, port, deadline)
    transport = paramiko.Transport(watched)  # type: ignore[arg-type]  # the stubs know real sockets only
    transport.banner_timeout = transport.handshake_timeout = deadline.left()
    if host_key_kinds:
        transport.get_security_options().key_types = host_key_kinds
    with Watchdog(transport, deadline.left()) as watchdog:
        try:
            transport.start_client(timeout=deadline.left())
            key = transport.get_remote_server_key()
        except (paramiko.SSHException, EOFError, OSError) as error:
            transport.close()
            has_timed_out = watchdog.has_fired or not deadline.left()
            raise _greeting_failure(error, watched, host, port, seconds if has_timed_out else 0) from error
    return Connection(transport, host, port, address, key.fingerprint, is_pinned=False)


def _open(host: str, port: int, deadline: egress.Deadline) -> tuple[WatchedSocket, str]:
    try:
        sock = egress.open_socket(host, port, deadline)
    except egress.Unreachable as error:
        raise _unreachable(error, host, port, deadline.seconds) from error
    return WatchedSocket(sock), sock.getpeername()[0]


def _unreachable(error: egress.Unreachable, host: str, port: int, seconds: float) -> ExpectedError:
    if error.code in ("dns_nxdomain", "dns_no_address"):
        return NeedsUser("ssh_host_not_found", host=host)
    code = {
        "connect_refused": "ssh_refused",
        "connect_timeout": "ssh_timeout",
        "deadline_exceeded": "ssh_timeout",
        "connect_unreachable": "ssh_unreachable",
    }.get(error.code)
    if code is None:
        return error
    return Transient(code, host=host, port=port, step="connect", seconds=round(seconds))


def _greeting_failure(error: Exception, watched: WatchedSocket, host: str, port: int, waited: float) -> ExpectedError:
    """Told apart by how the other side began, because paramiko words all of these alike. `waited`: 0 if not in vain."""
    if isinstance(error, IncompatiblePeer):
        return NeedsUser("ssh_no_common_algorithm", host=host, port=port)
    # RFC 4253 4.2: a server may say other lines before its version.
    if watched.greeting and b"SSH-" not in watched.greeting:
        return NeedsUser("ssh_not_ssh", host=host, port=port)
    if waited:
        return Transient("ssh_timeout", host=host, port=port, step="connect", seconds=round(waited))
    return Transient("ssh_closed", host=host, port=port, step="connect")
