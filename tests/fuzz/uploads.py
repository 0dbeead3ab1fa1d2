"""Mutated uploads, PEM and PKCS#12, through the reader: `python -m tests.fuzz.uploads SEED COUNT` prints what came of
them as JSON.

Each is read in a fork that limits itself as the real child does; only the start of the interpreter is paid once.
"""

import base64
import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from certificates.uploads.child import answer, limit_itself
from config.lib import x509
from tests.fuzz.certificates import _change, _with_flips, taken_apart
from tests.servers.ca import TestCa

HOST = "shop.acme-tools.net"
ANSWER_BYTES = 2 * 1024 * 1024
WALL_SECONDS = 10

type Given = tuple[bytes, str]


@cache
def seeds() -> dict[str, bytes]:
    """A good upload in each of its forms; `der-…` are what stands inside a PEM block."""
    issued = TestCa().issue([HOST])
    found = {"pem": issued.fullchain_pem + issued.key_pem, "der-leaf": issued.fullchain_ders[0]}
    found |= {"der-chain": issued.fullchain_ders[1], "der-key": _der(issued.key_pem)}
    with TemporaryDirectory() as place:
        both, made = Path(place) / "both.pem", Path(place) / "made"
        both.write_bytes(found["pem"])
        run = ["openssl", "pkcs12", "-export", "-in", str(both), "-out", str(made), "-passout", "pass:right"]
        kinds = {
            "pfx": (),
            "pfx-legacy": ("-legacy",),
            "pfx-open": ("-keypbe", "NONE", "-certpbe", "NONE"),
            "pfx-bare": ("-keypbe", "NONE", "-certpbe", "NONE", "-nomac"),
            "pfx-nomac": ("-nomac",),
        }
        for name, options in kinds.items():
            subprocess.run([*run, *options], check=True, capture_output=True)
            found[name] = made.read_bytes()
        seal = ["openssl", "pkcs8", "-topk8", "-in", str(both), "-passout", "pass:right", "-outform", "DER"]
        found["der-encrypted"] = subprocess.run(seal, check=True, capture_output=True).stdout
    return found


def _der(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


def mutants(seed: int, count: int) -> Iterator[Given]:
    """The same for the same seed, except for the keys and signatures in them."""
    chance = random.Random(seed)
    for _ in range(count):
        make = chance.choice((_text, _text, _inner, _inner, _file, _file, _file))
        yield make(chance), chance.choice(("right", "right", "right", "", "wrong"))


def _text(chance: random.Random) -> bytes:
    """The text itself damaged: letters, lines, marks."""
    text = seeds()["pem"]
    for _ in range(chance.choice((1, 1, 2, 5))):
        text = chance.choice(TEXT_DAMAGES)(text, chance) or b"\n"
    return text


def _without_lines(text: bytes, chance: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    return b"".join(lines[:at] + lines[at + chance.choice((1, 1, 3)) :])


def _shuffled(text: bytes, chance: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def _with_marks_changed(text: bytes, chance: random.Random) -> bytes:
    old = chance.choice((b"CERTIFICATE", b"PRIVATE KEY", b"BEGIN", b"END", b"-----"))
    new = chance.choice((b"PKCS7", b"ENCRYPTED PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY", b"CMS", b"", b"\0"))
    return text.replace(old, new, chance.choice((1, 2, -1)))


TEXT_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _with_flips,
    _without_lines,
    _shuffled,
    _with_marks_changed,
    lambda text, chance: text[: chance.randrange(len(text) + 1)],
    lambda text, chance: text[chance.randrange(len(text)) :] + text,
    lambda text, chance: text * chance.choice((2, 60)),
    lambda text, _: text.decode("latin-1").encode("utf-16"),
)


def _inner(chance: random.Random) -> bytes:
    """One of the blocks changed by its structure, the text around it whole."""
    parts = {name: seeds()[f"der-{name}"] for name in ("leaf", "chain", "key")}
    labels = {"leaf": "CERTIFICATE", "chain": "CERTIFICATE", "key": "PRIVATE KEY"}
    if chance.random() < 0.2:
        parts["key"], labels["key"] = seeds()["der-encrypted"], "ENCRYPTED PRIVATE KEY"
    name = chance.choice(("leaf", "leaf", "chain", "key", "key"))
    parts[name] = _changed(parts[name], chance)
    return b"".join(_block(labels[one], der) for one, der in parts.items())


def _block(label: str, der: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n".encode()


def _file(chance: random.Random) -> bytes:
    name = chance.choice(("pfx", "pfx-legacy", "pfx-open", "pfx-bare", "pfx-bare", "pfx-nomac", "pfx-nomac"))
    return _changed(seeds()[name], chance)


def _changed(der: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return _with_flips(der, chance)
    (tree,) = taken_apart(der)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        _change(tree, chance)
    return bytes(tree)


def read_in_fork(given: Given) -> tuple[int, bytes, float]:
    """(status, answer, seconds): as the real child, which has never seen another upload."""
    started = time.monotonic()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_child(given, writer)
    os.close(writer)
    told = _read_all(reader, child, started + WALL_SECONDS)
    os.close(reader)
    return os.waitpid(child, 0)[1], told, time.monotonic() - started


def _be_child(given: Given, writer: int) -> None:
    status = 1
    try:
        os.close(2)
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit_itself(already_used=used.ru_utime + used.ru_stime)
        told = told_of(given)
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(told)
        status = 0
    finally:
        os._exit(status)


def told_of(given: Given) -> bytes:
    """The answer, or the class of what the reader let through: people get the same words for it as for a limit."""
    try:
        return json.dumps(answer(question(given))).encode()
    except BaseException as error:  # noqa: BLE001  # Panics of compiled libraries are no Exceptions.
        return json.dumps({"raised": type(error).__name__}).encode()


def _read_all(reader: int, child: int, ends: float) -> bytes:
    parts, size = [], 0
    while size <= ANSWER_BYTES:
        if not select.select([reader], [], [], max(0.0, ends - time.monotonic()))[0]:
            os.kill(child, signal.SIGKILL)
            return b""
        part = os.read(reader, 65536)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def question(given: Given) -> dict[str, Any]:
    coded = base64.b64encode(given[0]).decode()
    now = datetime.now(UTC).isoformat()
    return {"content": coded, "password": given[1], "host": HOST, "now": now, "bundles": [], "roots": []}


def outcomes(seed: int, count: int) -> dict[str, Any]:
    """How many ended how, the slowest, and everything that must not be."""
    x509.load_roots()
    answer(question((seeds()["pem"], "")))
    found: Counter[str] = Counter()
    wrong, slowest = [], 0.0
    for given in mutants(seed, count):
        status, told, seconds = read_in_fork(given)
        slowest = max(slowest, seconds)
        name, fault = judged(status, told)
        found[name] += 1
        if fault:
            wrong.append(f"{fault}: {base64.b64encode(given[0][:4000]).decode()} {given[1]!r}")
    return {"count": count, "outcomes": dict(found.most_common()), "slowest": round(slowest, 2), "wrong": wrong[:20]}


def judged(status: int, told: bytes) -> tuple[str, str]:
    """What it was, and what is wrong with that; the portal answers an abnormal end as beyond limits."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        is_limit = number in (signal.SIGKILL, signal.SIGXCPU)
        return f"ended by signal {number}", "" if is_limit else f"signal {number}"
    if status:
        return f"ended with {status}", f"status {status}"
    body = json.loads(told)
    if "raised" in body:
        return body["raised"], "" if body["raised"] == MemoryError.__name__ else body["raised"]
    if "code" in body:
        return body["code"], "" if body["code"].startswith("upload_") else body["code"]
    return "accepted", _fault_of_accepted(body)


def _fault_of_accepted(body: dict[str, Any]) -> str:
    """Damage that left the upload whole is none: then it must be what the good one is."""
    from cryptography import x509 as pyca
    from cryptography.hazmat.primitives.serialization import Encoding

    leaf = pyca.load_pem_x509_certificate(body["leaf_pem"].encode())
    x509.check_pair(leaf.public_bytes(Encoding.DER), body["key_pem"].encode())
    return "" if any(x509.matches(name, HOST) for name in body["names"]) else "another host"


if __name__ == "__main__":
    print(json.dumps(outcomes(int(sys.argv[1]), int(sys.argv[2]))))
