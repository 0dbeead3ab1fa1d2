"""The parent's side of a visit to a provider: judged addresses in, an outcome or an ExpectedError out."""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from django.conf import settings

from certificates.dns.providers.kinds import ProviderKind
from config.lib import clock, egress
from config.lib.errors import ExpectedError, NeedsUser, Permanent, Transient
from config.lib.redact import HIDDEN, redact

CHILD = Path(__file__).with_name("child.py")
# A visit, with the start of the child: some providers' answers alone take half of it.
VISIT_SECONDS = 60.0
RESOLVE_SECONDS = 8.0
ANSWER_AT_MOST = 64 * 1024
SHORTEST_SECRET = 4
LONGEST_WAIT = timedelta(hours=6)
TEST_LABEL = "_managemycert-test"

type Action = Literal["create", "delete", "test"]


@dataclass(frozen=True)
class Txt:
    """One TXT record; `name` in full, without final dot."""

    name: str
    value: str


@dataclass(frozen=True)
class Access:
    """A zone and what opens it; secrets in clear, for the length of one visit."""

    kind: ProviderKind
    zone: str
    values: Mapping[str, str] = field(repr=False)


def trial_record(zone: str) -> Txt:
    return Txt(f"{TEST_LABEL}-{secrets.token_hex(6)}.{zone}", secrets.token_hex(16))


def visit(access: Access, action: Action, records: Sequence[Txt]) -> None:
    """Create, delete, or create-list-delete `records`. Blocks up to VISIT_SECONDS; repeatable.

    Raises NeedsUser where somebody has to change something, Transient where it works later, Permanent otherwise.
    """
    if not access.kind.module:
        _by_update(access, action, records)
        return
    job = {
        "action": action,
        "module": access.kind.module,
        "zone": access.zone,
        "ttl": access.kind.ttl,
        "values": {**(access.kind.options or {}), **{name: value for name, value in access.values.items() if value}},
        "records": [{"name": record.name, "value": record.value} for record in records],
        "addresses": _judged(access),
        "bundle": settings.TLS_EXTRA_CA_BUNDLE,
    }
    outcome = _run(job)
    if not outcome.get("ok"):
        raise _error_of(access, outcome)


def _judged(access: Access) -> dict[str, list[str]]:
    """Each host of the provider with its addresses, all judged. Raises Refused, Unreachable."""
    deadline = egress.Deadline(RESOLVE_SECONDS)
    found: dict[str, list[str]] = {}
    last: ExpectedError | None = None
    for host in access.kind.hosts(access.values):
        try:
            found[host] = egress.resolve(host, deadline)
        except ExpectedError as error:
            last = error
    if not found and last:
        raise last
    return found


def _run(job: Mapping[str, Any]) -> dict[str, Any]:
    """The child's outcome; it sees nothing of ours but its job."""
    with tempfile.TemporaryDirectory(prefix="mmc-dns-") as place:
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": place, "TLDEXTRACT_CACHE_PATH": place}
        child = subprocess.Popen(
            [sys.executable, "-I", "-B", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=place,
            start_new_session=True,
        )
        try:
            out, _ = child.communicate(json.dumps(job).encode(), timeout=VISIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return {"ok": False, "kinds": ["Timeout"], "text": f"no answer within {VISIT_SECONDS:g} s"}
    return _outcome(out, child.returncode)


def _outcome(out: bytes, status: int) -> dict[str, Any]:
    try:
        found = json.loads(out[:ANSWER_AT_MOST])
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    return {"ok": False, "kinds": ["Ended"], "text": f"the visit ended by itself ({status})"}


# What the libraries call them, the most telling first; their own texts are written for programmers.
_NETWORK = {
    "SSLError": "its TLS certificate could not be verified",
    "ReadTimeout": "it did not answer in time",
    "ConnectTimeout": "it did not answer in time",
    "Timeout": "it did not answer in time",
    "gaierror": "its name could not be resolved",
    "ConnectionError": "no connection came about",
}


def _error_of(access: Access, outcome: Mapping[str, Any]) -> ExpectedError:
    status, kinds = int(outcome.get("status") or 0), set(outcome.get("kinds") or ())
    params: dict[str, Any] = {
        "provider": access.kind.label,
        "zone": access.zone,
        "detail": scrubbed(access, str(outcome.get("text"))),
    }
    if status == 429:
        return Transient("dns_provider_busy", retry_at=_retry_at(outcome), **params)
    if not status and kinds & _NETWORK.keys():
        params["detail"] = next(words for kind, words in _NETWORK.items() if kind in kinds)
        return Transient("dns_provider_unreachable", **params)
    if status >= 500:
        return Transient("dns_provider_unreachable", **params)
    if status in (401, 403):
        return NeedsUser("dns_provider_refused", **params)
    if status == 404 or "AuthenticationError" in kinds:
        # The library calls it so when a zone is not among those that the key opens.
        return NeedsUser("dns_provider_no_zone", **params)
    return Permanent("dns_provider_failed", **params)


def _retry_at(outcome: Mapping[str, Any]) -> Any:
    word = str(outcome.get("retry_after", ""))
    seconds = int(word) if word.isdecimal() and len(word) < 7 else 60
    return clock.now() + min(timedelta(seconds=seconds), LONGEST_WAIT)


def scrubbed(access: Access, text: str) -> str:
    """What the provider said, without the secrets that it echoed."""
    for name in access.kind.secret_names:
        secret = access.values.get(name, "")
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return redact(text).replace("\0", "\N{REPLACEMENT CHARACTER}")[:500]


def _by_update(access: Access, action: Action, records: Sequence[Txt]) -> None:
    key = egress.UpdateKey(access.values["key_name"], access.values["key_secret"], access.values["algorithm"])
    pairs = [(record.name, record.value) for record in records]
    host, _, port = access.values["server"].rpartition(":")
    where = (host, int(port)) if host and port.isdecimal() else (access.values["server"], 53)
    try:
        if action in ("create", "test"):
            egress.update_txt(where, access.zone, key, add=pairs, ttl=access.kind.ttl)
        if action in ("delete", "test"):
            egress.update_txt(where, access.zone, key, remove=pairs)
    except ExpectedError as error:
        detail = scrubbed(access, str(error.params.get("detail", "")))
        error.params.update(provider=access.kind.label, zone=access.zone, detail=detail)
        raise
