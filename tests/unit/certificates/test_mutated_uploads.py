"""Nobody's upload breaks the reader: a few hundred mutants here, fifty thousand in `make proof`."""

import json
import subprocess
import sys
from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates.models import Certificate, PrivateKey
from certificates.uploads.sandbox import Upload
from certificates.uploads.storing import store_upload
from config.lib.errors import NeedsUser, catalogue
from domains.models import Domain
from tests.fuzz import uploads as fuzzing
from tests.fuzz.uploads import mutants, seeds
from tests.servers.places import ROOT, plain_environment


def outcomes(seed: int, count: int, *, seconds: float = 100) -> dict[str, Any]:
    """Of mutants that are read in a process without a database, as the portal reads them."""
    command = [sys.executable, "-m", "tests.fuzz.uploads", str(seed), str(count)]
    run = subprocess.run(command, cwd=ROOT, env=plain_environment(), capture_output=True, timeout=seconds)
    assert run.returncode == 0, run.stderr[-2000:]
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def test_mutants_are_of_all_kinds_and_none_gets_through_that_should_not() -> None:
    told = outcomes(7, 300)
    assert told["wrong"] == []
    assert told["slowest"] < 10
    assert len(told["outcomes"]) >= 10, "they must get far"


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ValueError("a reader's own fault"), "ValueError"),
        (RecursionError("no end"), "RecursionError"),
        (BaseException("as a panic is"), "BaseException"),
        (SystemExit(1), "SystemExit"),
        (MemoryError("its limit"), ""),
    ],
)
def test_a_reader_that_breaks_is_noticed(monkeypatch: pytest.MonkeyPatch, error: BaseException, fault: str) -> None:
    def broken(_: object) -> dict[str, Any]:
        raise error

    monkeypatch.setattr(fuzzing, "answer", broken)
    told = fuzzing.told_of((seeds()["pem"], ""))
    assert fuzzing.judged(0, told) == (type(error).__name__, fault)


@pytest.mark.django_db
def test_what_is_refused_leaves_nothing(domain: Domain) -> None:
    for content, password in mutants(11, 25):
        before = Certificate.unscoped.count(), PrivateKey.unscoped.count()
        code = stored_or_refused(domain, Upload(content, password))
        after = Certificate.unscoped.count(), PrivateKey.unscoped.count()
        assert not code or (code in catalogue and after == before)


def stored_or_refused(domain: Domain, upload: Upload) -> str:
    """The code of a refusal; empty when it was stored."""
    try:
        store_upload(domain=domain, upload=upload, actor=SYSTEM)
    except NeedsUser as error:
        return error.code
    return ""


@pytest.mark.django_db
def test_the_seeds_are_good(domain: Domain) -> None:
    for name, content in seeds().items():
        if not name.startswith("der-"):
            store_upload(domain=domain, upload=Upload(content, "right"), actor=SYSTEM)
    assert Certificate.unscoped.count() == 1, "all forms of one"
