"""paramiko's SFTP client with what it lacks: OpenSSH's extensions, several requests at once, a cap on replies.

SFTP is slow by round trips, and most of what one costs us is waking paramiko's threads. Requests that do not depend
on one another go out together, and their answers come back together.
"""

import struct
from collections.abc import Sequence
from typing import Any

import paramiko
from paramiko.sftp import CMD_EXTENDED, CMD_STATUS

MAX_PACKET = 1024 * 1024
_READ_ONLY_FLAG = 1

# A request's number and what it needs; an answer's number and its content, or why it was refused.
type Request = Sequence[Any]
type Answer = tuple[int, paramiko.Message] | OSError | EOFError


class SftpClient(paramiko.SFTPClient):
    """On a channel whose subsystem is SFTP."""

    _gathered: bytearray | None = None

    def _read_packet(self) -> tuple[int, bytes]:
        size = struct.unpack(">I", self._read_all(4))[0]  # type: ignore[attr-defined]
        if not 0 < size <= MAX_PACKET:
            raise paramiko.SFTPError("a reply of absurd size")
        content = self._read_all(size)  # type: ignore[attr-defined]
        return content[0], content[1:]

    def _write_all(self, out: bytes) -> None:
        if self._gathered is not None:
            self._gathered += out
            return
        try:
            super()._write_all(out)  # type: ignore[misc]
        except TimeoutError:
            raise
        except OSError as error:
            # A channel that is closed says so by OSError, as the server's refusals do; the transport may live on.
            raise EOFError from error

    def together(self, requests: Sequence[Request]) -> list[Answer]:
        """Ask all at once; the answers in the order of the requests.

        Servers work them in any order, except those of one handle: no other may depend on one before it.
        """
        numbers = self._ask(requests)
        waiting = set(numbers)
        answers: dict[int, Answer] = {}
        while waiting:
            kind, content = self._read_packet()
            message = paramiko.Message(content)
            number = message.get_int()
            if number in waiting:
                waiting.remove(number)
                answers[number] = self._answer(kind, message)
        return [answers[number] for number in numbers]

    def _ask(self, requests: Sequence[Request]) -> list[int]:
        self._gathered = bytearray()
        try:
            numbers = [self._async_request(type(None), *one) for one in requests]  # type: ignore[attr-defined]
            out = bytes(self._gathered)
        finally:
            self._gathered = None
        for number in numbers:
            del self._expecting[number]  # type: ignore[attr-defined]  # Answers are read here, not by paramiko.
        self._write_all(out)
        return numbers

    def _answer(self, kind: int, message: paramiko.Message) -> Answer:
        if kind == CMD_STATUS:
            try:
                self._convert_status(message)  # type: ignore[attr-defined]
            except (OSError, EOFError) as error:
                return error
        return kind, message

    def hard_link(self, old: str, new: str) -> None:
        self._request(*link_request(old, new))  # type: ignore[attr-defined]

    def flush_to_disk(self, file: paramiko.SFTPFile) -> None:
        self._request(*flush_request(file.handle))  # type: ignore[attr-defined]

    def free_space(self, path: str) -> tuple[int, bool]:
        """Bytes that this user may still take, and whether the file system is read-only."""
        _, reply = self._request(CMD_EXTENDED, "statvfs@openssh.com", path)  # type: ignore[attr-defined]
        numbers = [reply.get_int64() for _ in range(11)]
        return numbers[1] * numbers[4], bool(numbers[9] & _READ_ONLY_FLAG)


def link_request(old: str, new: str) -> Request:
    return CMD_EXTENDED, "hardlink@openssh.com", old, new


def rename_request(old: str, new: str) -> Request:
    """Atomic, and over what is there."""
    return CMD_EXTENDED, "posix-rename@openssh.com", old, new


def flush_request(handle: object) -> Request:
    return CMD_EXTENDED, "fsync@openssh.com", handle


def expected(answer: Answer, kind: int) -> paramiko.Message:
    """Its content. Raises what it was refused with, and SFTPError over an answer of another kind."""
    if isinstance(answer, (OSError, EOFError)):
        raise answer
    if answer[0] != kind:
        raise paramiko.SFTPError(f"an answer of kind {answer[0]} in the place of {kind}")
    return answer[1]
