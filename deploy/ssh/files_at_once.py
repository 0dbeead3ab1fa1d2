"""Several files of one step in a few round trips, where a server has SFTP for all that is asked."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import paramiko
from paramiko.sftp import (
    CMD_ATTRS,
    CMD_CLOSE,
    CMD_DATA,
    CMD_FSETSTAT,
    CMD_HANDLE,
    CMD_LSTAT,
    CMD_OPEN,
    CMD_READ,
    CMD_REMOVE,
    CMD_STATUS,
    CMD_WRITE,
    SFTP_FLAG_CREATE,
    SFTP_FLAG_EXCL,
    SFTP_FLAG_READ,
    SFTP_FLAG_WRITE,
    int64,
)  # fmt: skip

from deploy.ssh.sftp import Answer, Request, SftpClient, expected, flush_request

CHUNK = 32 * 1024  # What every server takes and gives in one packet.
_NEW = SFTP_FLAG_WRITE | SFTP_FLAG_CREATE | SFTP_FLAG_EXCL


@dataclass(frozen=True)
class Writing:
    """A file that must not exist yet."""

    path: str
    mode: int
    content: bytes = field(repr=False)


def attributes(client: SftpClient, paths: Sequence[str]) -> list[paramiko.SFTPAttributes | OSError]:
    """What lstat says of each, or why it says nothing."""
    answers = client.together([(CMD_LSTAT, path) for path in paths])
    return [_read(answer, CMD_ATTRS, paramiko.SFTPAttributes._from_msg) for answer in answers]  # type: ignore[attr-defined]


def digests(client: SftpClient, paths: Sequence[str]) -> list[str | OSError | None]:
    """SHA-256 of each content, or why it is not to be had; None for one that takes more than one packet."""
    nothing = paramiko.SFTPAttributes()
    opened = client.together([(CMD_OPEN, path, SFTP_FLAG_READ, nothing) for path in paths])
    handles = [_read(answer, CMD_HANDLE, paramiko.Message.get_binary) for answer in opened]
    readable = [handle for handle in handles if isinstance(handle, bytes)]
    asked: list[Request] = [request for one in readable for request in _reading(one)]
    answers = iter(client.together(asked)[::2])
    return [handle if isinstance(handle, OSError) else _digest(next(answers)) for handle in handles]


def _reading(handle: bytes) -> list[Request]:
    return [(CMD_READ, handle, int64(0), CHUNK), (CMD_CLOSE, handle)]


def _digest(answer: Answer) -> str | OSError | None:
    content = b"" if isinstance(answer, EOFError) else _read(answer, CMD_DATA, paramiko.Message.get_binary)
    if isinstance(content, OSError):
        return content
    return None if len(content) >= CHUNK else hashlib.sha256(content).hexdigest()


def write(client: SftpClient, files: Sequence[Writing]) -> list[OSError | None]:
    """Write them; of each why it could not be. No content is sent before every file has its mode."""
    nothing = paramiko.SFTPAttributes()
    opened = client.together([(CMD_OPEN, file.path, _NEW, nothing) for file in files])
    handles = [_read(answer, CMD_HANDLE, paramiko.Message.get_binary) for answer in opened]
    ready = [(file, handle) for file, handle in zip(files, handles, strict=True) if isinstance(handle, bytes)]
    refused = [handle if isinstance(handle, OSError) else None for handle in handles]
    if any(refused):
        client.together([(CMD_CLOSE, handle) for _, handle in ready])
        return refused
    modes = client.together([(CMD_FSETSTAT, handle, _mode(file.mode)) for file, handle in ready])
    refused = [_refusal(answer) for answer in modes]
    if any(refused):
        client.together([(CMD_CLOSE, handle) for _, handle in ready])
        return refused
    return _fill(client, ready)


def _fill(client: SftpClient, ready: Sequence[tuple[Writing, bytes]]) -> list[OSError | None]:
    """Of one handle a server keeps the order, so that each is written, flushed and closed by one round trip."""
    asked = [[*_filling(file, handle), flush_request(handle), (CMD_CLOSE, handle)] for file, handle in ready]
    answers = iter(client.together([request for one in asked for request in one]))
    found: list[OSError | None] = []
    for one in asked:
        *written, _, closed = [next(answers) for _ in one]  # One without this extension flushes when it likes.
        found.append(next((error for error in map(_refusal, [*written, closed]) if error), None))
    return found


def _filling(file: Writing, handle: bytes) -> list[Request]:
    starts = range(0, len(file.content), CHUNK)
    return [(CMD_WRITE, handle, int64(start), file.content[start : start + CHUNK]) for start in starts]


def _mode(mode: int) -> paramiko.SFTPAttributes:
    wanted = paramiko.SFTPAttributes()
    wanted.st_mode = mode
    return wanted


def remove(client: SftpClient, paths: Sequence[str]) -> list[OSError | None]:
    """Of each why it could not be removed; one that is not there was not in the way."""
    answers = map(_refusal, client.together([(CMD_REMOVE, path) for path in paths]))
    return [None if isinstance(answer, FileNotFoundError) else answer for answer in answers]


def done(client: SftpClient, requests: Sequence[Request]) -> list[OSError | None]:
    """Of each request that answers with its success alone why it failed."""
    return [_refusal(answer) for answer in client.together(requests)]


def _refusal(answer: Answer) -> OSError | None:
    refused = _read(answer, CMD_STATUS, lambda _: None)
    return refused if isinstance(refused, OSError) else None


def _read[T](answer: Answer, kind: int, read: Callable[[paramiko.Message], T]) -> T | OSError:
    """What is in the answer. An end of file where none belongs is a refusal like others."""
    if isinstance(answer, EOFError):
        return OSError(str(answer))
    return answer if isinstance(answer, OSError) else read(expected(answer, kind))
