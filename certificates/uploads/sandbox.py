"""Starts the child process that reads uploads, and takes from it one answer of bounded size."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings

from config.lib.errors import NeedsUser, Transient
from config.lib.sealed import Sealed

MOST_BYTES = 512 * 1024
ANSWER_BYTES = 2 * 1024 * 1024
WALL_SECONDS = 10.0
WAIT_SECONDS = 15.0
# Each may take a core for seconds; the requests of everybody else need the others.
_places = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Upload:
    """What somebody sent: PEM text or a PKCS#12 file, and its password."""

    content: bytes = field(repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Read:
    """A certificate that can be stored, with its key; `facts` are columns of Certificate."""

    key: Sealed
    key_type: str
    names: tuple[str, ...]
    facts: dict[str, Any]
    warnings: list[dict[str, Any]]


def read_upload(upload: Upload, *, host: str, now: datetime, roots: Sequence[bytes]) -> Read:
    """Read and check an upload in a process of its own. Blocks for at most WAIT_SECONDS and WALL_SECONDS.

    Raises NeedsUser with the code of what is wrong with it, Transient upload_busy.
    """
    if not upload.content.strip():
        raise NeedsUser("upload_nothing_found")
    if len(upload.content) > MOST_BYTES:
        raise NeedsUser("upload_too_large", most=MOST_BYTES // 1024)
    question = {
        "content": base64.b64encode(upload.content).decode(),
        "password": upload.password,
        "host": host,
        "now": now.isoformat(),
        "bundles": [str(settings.TLS_EXTRA_CA_BUNDLE)] if settings.TLS_EXTRA_CA_BUNDLE else [],
        "roots": [base64.b64encode(der).decode() for der in roots],
    }
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise Transient("upload_busy")
    try:
        return _read_answer(ask_child(json.dumps(question).encode()))
    finally:
        _places.release()


def ask_child(question: bytes) -> bytes:
    """One child's answer; empty or cut off when it ran into a limit. Blocks for at most WALL_SECONDS."""
    try:
        # No environment, no file but the pipes, a session of its own.
        with subprocess.Popen(
            [sys.executable, "-s", "-E", "-B", "-m", "certificates.uploads.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=settings.BASE_DIR,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            start_new_session=True,
        ) as child:
            return _talk(child, question)
    except BrokenPipeError:
        return b""
    except OSError as error:
        # No process or no memory for one: the machine is full, and the upload is not to blame.
        raise Transient("upload_busy") from error


def _talk(child: subprocess.Popen[bytes], question: bytes) -> bytes:
    """The child reads everything before it says anything, so neither pipe can block the other."""
    if child.stdin is None or child.stdout is None:
        return b""
    watch = threading.Timer(WALL_SECONDS, child.kill)
    watch.start()
    try:
        child.stdin.write(question)
        child.stdin.close()
        return child.stdout.read(ANSWER_BYTES)
    finally:
        watch.cancel()
        child.kill()


def _read_answer(answer: bytes) -> Read:
    told = _json_of(answer)
    if told is None:
        raise NeedsUser("upload_beyond_limits", seconds=int(WALL_SECONDS))
    if "code" in told:
        raise NeedsUser(told["code"], **told["params"])
    return Read(
        key=Sealed.of(told.pop("key_pem")),
        key_type=told.pop("key_type"),
        names=tuple(told.pop("names")),
        warnings=told.pop("warnings"),
        facts=told | {name: datetime.fromisoformat(told[name]) for name in ("not_before", "not_after")},
    )


def _json_of(answer: bytes) -> dict[str, Any] | None:
    """None for half an answer; the parser's error, which quotes it, ends here."""
    try:
        told: dict[str, Any] = json.loads(answer)
    except ValueError:
        return None
    return told
