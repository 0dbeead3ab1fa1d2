"""Files on a server over SFTP, the documented way that suffices alone.

SFTP version 3 answers most failures with the bare word "Failure", so the reason is looked for.
"""

import contextlib
import hashlib
import posixpath
import stat
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import paramiko

from config.lib.errors import ExpectedError, NeedsUser, Permanent
from deploy.ssh import files_at_once
from deploy.ssh.command import from_argv
from deploy.ssh.connect import Connection
from deploy.ssh.files_at_once import Writing
from deploy.ssh.run import run_command
from deploy.ssh.sftp import Request, SftpClient, link_request, rename_request

MAX_READ = 256 * 1024
OPEN_SECONDS = 20.0
DIRECTORY_MODE = 0o755
# What paramiko raises, raw, over an answer of the wrong kind, a version cut short, or words that are not UTF-8.
_NONSENSE = (paramiko.SFTPError, struct.error, UnicodeDecodeError)

type Kind = Literal["file", "directory", "link", "other"]


@dataclass(frozen=True)
class Entry:
    kind: Kind
    mode: int
    owner: int
    size: int


class RemoteFiles:
    """SFTP on one connection. Every call raises NeedsUser with the path, or Transient when the line is cut.

    Permanent('sftp_broken') when the server's answer is none.
    """

    def __init__(self, connection: Connection, client: SftpClient, seconds: float) -> None:
        self.connection = connection
        self.client = client
        self.seconds = seconds

    def entry(self, path: str) -> Entry | None:
        """What is at `path` itself, links not followed; None when nothing is there."""
        with self._explained(path, "look at"):
            try:
                found = self.client.lstat(path)
            except FileNotFoundError:
                return None
        return _entry(found)

    def is_directory(self, path: str) -> bool:
        """Whether `path` is a directory or leads to one."""
        with self._explained(path, "look at"):
            try:
                return stat.S_ISDIR(self.client.stat(path).st_mode or 0)
            except FileNotFoundError:
                return False

    def names(self, path: str, most: int) -> list[str]:
        """What lies in the directory `path`, at most `most`; empty when it is not there."""
        with self._explained(path, "read"):
            try:
                return [entry.filename for entry, _ in zip(self.client.listdir_iter(path), range(most), strict=False)]
            except FileNotFoundError:
                return []

    def read(self, path: str) -> bytes | None:
        """The content of `path`; None when it is not there. At most MAX_READ bytes."""
        with self._explained(path, "read"):
            try:
                with self.client.open(path, "rb") as file:
                    return file.read(MAX_READ)
            except FileNotFoundError:
                return None

    def sha256(self, path: str) -> str:
        """Hex digest of the content; empty when not there, '?' when this user may not read it."""
        try:
            content = self.read(path)
        except NeedsUser:
            return "?"
        return hashlib.sha256(content).hexdigest() if content is not None else ""

    def make_directory(self, path: str, mode: int) -> None:
        """Make one directory. The umask may have taken bits away, so the mode is set once more."""
        with self._explained(path, "make the directory"):
            self.client.mkdir(path, mode)
            self.client.chmod(path, mode)

    def write_new(self, path: str, content: bytes, mode: int) -> None:
        """Write a file that must not exist yet; nobody but us can read it before it has its mode."""
        with self._explained(path, "write"), self.client.open(path, "wx") as file:
            file.chmod(mode)
            file.write(content)
            file.flush()
            with contextlib.suppress(OSError):  # A server without this extension flushes when it likes.
                self.client.flush_to_disk(file)

    def make_directories(self, path: str) -> list[str]:
        """Make `path` and what is missing above it, 0755; which ones were made. Repeatable."""
        missing: list[str] = []
        while path != "/" and not self.is_directory(path):
            missing.append(path)
            path = posixpath.dirname(path)
        for path in reversed(missing):
            self.make_directory(path, DIRECTORY_MODE)
        return missing[::-1]

    def duplicate(self, old: str, new: str, entry: Entry) -> bool:
        """A second copy of `old`, by link where the server can; False for a file that this user may not copy."""
        self.remove(new)
        if self._attempt(lambda: self.client.hard_link(old, new)):
            return True
        if entry.kind != "file":
            return False
        try:
            content = self.read(old)
        except NeedsUser:
            return False
        if content is None:
            return False
        self.write_new(new, content, entry.mode)
        return True

    def rename(self, old: str, new: str) -> None:
        """Put `old` in the place of `new`, atomically."""
        with self._explained(new, "write"):
            self.client.posix_rename(old, new)

    def remove(self, path: str) -> None:
        """Remove a file; repeatable."""
        with self._explained(path, "remove"), contextlib.suppress(FileNotFoundError):
            self.client.remove(path)

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory; repeatable."""
        with self._explained(path, "remove"), contextlib.suppress(FileNotFoundError):
            self.client.rmdir(path)

    def remove_if_empty(self, path: str) -> None:
        """Remove a directory of this user's; it stays where something lies in it."""
        self._attempt(lambda: self.client.rmdir(path))

    def set_owner(self, path: str, owner: str) -> None:
        """`owner` or `owner:group`. SFTP knows numbers only, so a shell looks the names up."""
        known = {"path": path, "owner": owner, "host": self.connection.host, "username": self.connection.username}
        outcome = run_command(self.connection, from_argv(["chown", "--", owner, path]), seconds=self.seconds)
        if not outcome.is_ok:
            code = "owner_unknown" if "invalid" in outcome.output else "owner_denied"
            raise NeedsUser(code, output=outcome.output[-300:], **known)

    def owner_of(self, path: str) -> str:
        """As `user:group`; empty where it cannot be seen."""
        asked = from_argv(["stat", "-c", "%U:%G", "--", path])
        outcome = run_command(self.connection, asked, seconds=self.seconds)
        return outcome.output if outcome.is_ok else ""

    def entries(self, paths: Sequence[str]) -> list[Entry | None]:
        """`entry` of each, by one round trip."""
        found = self._at_once(lambda: files_at_once.attributes(self.client, paths))
        self._raise_first(paths, [None if isinstance(one, FileNotFoundError) else one for one in found], "look at")
        return [None if isinstance(one, OSError) else _entry(one) for one in found]

    def digests(self, paths: Sequence[str]) -> list[str]:
        """`sha256` of each, by two round trips."""
        found = self._at_once(lambda: files_at_once.digests(self.client, paths))
        return [self._told(path, one) for path, one in zip(paths, found, strict=True)]

    def _told(self, path: str, found: str | OSError | None) -> str:
        if isinstance(found, FileNotFoundError):
            return ""
        return "?" if isinstance(found, OSError) else self.sha256(path) if found is None else found

    def write_all(self, files: Sequence[Writing]) -> None:
        """`write_new` of each, by three round trips."""
        self._raise_first([file.path for file in files], self._at_once(lambda: files_at_once.write(self.client, files)))

    def duplicate_all(self, pairs: Sequence[tuple[str, str, Entry]]) -> list[bool]:
        """`duplicate` of each."""
        self.remove_all([new for _, new, _ in pairs])
        refused = self._done([link_request(old, new) for old, new, _ in pairs])
        return [one is None or self.duplicate(*pair) for one, pair in zip(refused, pairs, strict=True)]

    def rename_all(self, pairs: Sequence[tuple[str, str]]) -> None:
        """`rename` of each, none of which depends on another, in whatever order."""
        self._raise_first([new for _, new in pairs], self._done([rename_request(old, new) for old, new in pairs]))

    def remove_all(self, paths: Sequence[str]) -> None:
        """`remove` each."""
        self._raise_first(paths, self._at_once(lambda: files_at_once.remove(self.client, paths)), "remove")

    def _done(self, requests: Sequence[Request]) -> list[OSError | None]:
        return self._at_once(lambda: files_at_once.done(self.client, requests))

    def _at_once[T](self, ask: Callable[[], T]) -> T:
        with self.connection.within(self.seconds, "files"), _making_sense(self.connection):
            return ask()

    def _raise_first(self, paths: Sequence[str], found: Sequence[object], deed: str = "write") -> None:
        for path, one in zip(paths, found, strict=True):
            if isinstance(one, OSError):
                with self._explained(path, deed):
                    raise one

    def room(self, path: str) -> int | None:
        """Bytes that this user may still take where `path` lies; None where the server does not say."""
        with self.connection.within(self.seconds, "files"), _making_sense(self.connection):
            try:
                return self.client.free_space(path)[0]
            except (OSError, EOFError, paramiko.SSHException):
                if not self.connection.transport.is_active():
                    raise
                return None

    def home(self) -> str:
        """The directory in which this user begins."""
        with self._explained(".", "look at"):
            return self.client.normalize(".")

    def resolved(self, path: str) -> str:
        """Where `path` really is, all links followed."""
        with self._explained(path, "look at"):
            return self.client.normalize(path)

    def _attempt(self, act: Callable[[], None]) -> bool:
        with self.connection.within(self.seconds, "files"), _making_sense(self.connection):
            try:
                act()
            except (OSError, EOFError, paramiko.SSHException):
                if not self.connection.transport.is_active():
                    raise
                return False
        return True

    @contextlib.contextmanager
    def _explained(self, path: str, deed: str) -> Iterator[None]:
        with self.connection.within(self.seconds, "files"), _making_sense(self.connection):
            try:
                yield
            except (TimeoutError, EOFError, paramiko.SSHException):
                raise
            except OSError as error:
                if not self.connection.transport.is_active():
                    raise
                raise self._explanation(error, path, deed) from error

    def _explanation(self, error: OSError, path: str, deed: str) -> ExpectedError:
        known = {
            "path": path,
            "directory": posixpath.dirname(path),
            "deed": deed,
            "host": self.connection.host,
            "username": self.connection.username,
        }
        if isinstance(error, PermissionError):
            code = "mkdir_denied" if deed == "make the directory" else "path_denied"
            return NeedsUser(code, **known)
        if isinstance(error, FileNotFoundError):
            return NeedsUser("path_missing", **known)
        return NeedsUser(self._why_failed(path), **known)

    def _why_failed(self, path: str) -> str:
        """SFTP says "Failure" to a full disk, a read-only file system and much else: ask the file system."""
        try:
            free, is_read_only = self.client.free_space(posixpath.dirname(path))
        except (OSError, EOFError, paramiko.SSHException):
            return "path_failed"
        if is_read_only:
            return "disk_read_only"
        return "disk_full" if free == 0 else "path_failed"


class OneByOne(RemoteFiles):
    """Where a single file has a way of its own, several go that way one after the other."""

    def entries(self, paths: Sequence[str]) -> list[Entry | None]:
        return [self.entry(path) for path in paths]

    def digests(self, paths: Sequence[str]) -> list[str]:
        return [self.sha256(path) for path in paths]

    def write_all(self, files: Sequence[Writing]) -> None:
        for file in files:
            self.write_new(file.path, file.content, file.mode)

    def duplicate_all(self, pairs: Sequence[tuple[str, str, Entry]]) -> list[bool]:
        return [self.duplicate(*pair) for pair in pairs]

    def rename_all(self, pairs: Sequence[tuple[str, str]]) -> None:
        for old, new in pairs:
            self.rename(old, new)

    def remove_all(self, paths: Sequence[str]) -> None:
        for path in paths:
            self.remove(path)


@contextlib.contextmanager
def _making_sense(connection: Connection) -> Iterator[None]:
    try:
        yield
    except _NONSENSE as error:
        raise Permanent("sftp_broken", host=connection.host, username=connection.username) from error


@contextlib.contextmanager
def remote_files(connection: Connection, *, seconds: float = OPEN_SECONDS) -> Iterator[RemoteFiles]:
    """SFTP on a signed-in connection; `seconds` bound each single call.

    Raises NeedsUser('sftp_off'), Permanent('sftp_broken').
    """
    with connection.within(seconds, "start SFTP"), _making_sense(connection):
        try:
            channel = connection.transport.open_session(timeout=seconds)
            channel.settimeout(seconds)
            channel.invoke_subsystem("sftp")
            client = SftpClient(channel)
        except (EOFError, paramiko.SSHException) as error:
            if not connection.transport.is_active():
                raise
            raise NeedsUser("sftp_off", host=connection.host, username=connection.username) from error
    try:
        yield RemoteFiles(connection, client, seconds)
    finally:
        client.close()


def _entry(found: paramiko.SFTPAttributes) -> Entry:
    return entry_of(found.st_mode or 0, found.st_uid or 0, found.st_size or 0)


def entry_of(mode: int, owner: int, size: int) -> Entry:
    """Of what lstat says; the kind is in the mode."""
    kind: Kind = "other"
    if stat.S_ISREG(mode):
        kind = "file"
    elif stat.S_ISDIR(mode):
        kind = "directory"
    elif stat.S_ISLNK(mode):
        kind = "link"
    return Entry(kind, stat.S_IMODE(mode), owner, size)
