"""Connections to CAs between two claims."""

import gc
import os
import subprocess
import sys
import time
from collections import defaultdict

import pytest

from certificates.acme import kept
from certificates.acme.kept import KEPT_AT_MOST, KEPT_SECONDS, Kept, kept_session
from certificates.acme.network import Network
from certificates.keys import new_key
from tests.servers.places import ROOT

URL = "https://ca.example/directory"


class Session:
    verify = True

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    made: list[Session] = []

    def open_one(_url: str, _bundle: str | None) -> Session:
        made.append(Session())
        return made[-1]

    monkeypatch.setattr(kept, "acme_session", open_one)
    monkeypatch.setattr(kept, "_idle", defaultdict(list))
    return made


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    return moment


def use(url: str = URL, bundle: str = "") -> Kept:
    with kept_session(url, bundle) as one:
        return one


def test_the_next_claim_finds_it_with_its_nonces(opened: list[Session], now: list[float]) -> None:
    use().nonces.add("n1")
    now[0] += KEPT_SECONDS - 1
    assert use().nonces == {"n1"}
    assert len(opened) == 1


def test_two_at_once_have_one_each(opened: list[Session]) -> None:
    with kept_session(URL, "") as one, kept_session(URL, "") as other:
        assert one is not other
    assert len(opened) == 2


@pytest.mark.parametrize(("url", "bundle"), [("https://other.example/directory", ""), (URL, "/roots.pem")])
def test_another_ca_or_other_roots_never_get_it(opened: list[Session], url: str, bundle: str) -> None:
    use()
    use(url, bundle)
    assert len(opened) == 2


def test_after_a_failed_exchange_nobody_gets_it(opened: list[Session]) -> None:
    with pytest.raises(ZeroDivisionError), kept_session(URL, ""):
        _ = 1 / 0
    use()
    assert [one.is_closed for one in opened] == [True, False]


def test_what_was_idle_too_long_is_closed(opened: list[Session], now: list[float]) -> None:
    use()
    now[0] += KEPT_SECONDS + 1
    use("https://other.example/directory")
    assert [one.is_closed for one in opened] == [True, False]


def test_there_are_never_many(opened: list[Session]) -> None:
    for number in range(KEPT_AT_MOST + 5):
        use(f"https://ca{number}.example/directory")
    assert sum(one.is_closed for one in opened) == 5


def test_a_fork_does_not_share_them() -> None:
    """By a process of its own: what is registered at a fork is the module's own dictionary."""
    script = (
        "import os; from certificates.acme import kept\n"
        "kept._idle['https://ca.example', ''].append(kept.Kept(None))\n"
        "child = os.fork()\n"
        "if child == 0: os._exit(len(kept._idle))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(kept._idle))\n"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-c", f"import django; django.setup()\n{script}"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]


def test_a_client_that_is_gone_leaves_its_session_open(opened: list[Session]) -> None:
    """The collector takes it whenever it likes, also in the middle of the next client's exchange."""
    with kept_session(URL, "") as one:
        network = Network(one, new_key().reveal(), "", "ca.example")
        closed_at_first = opened[0].is_closed
        del network
        gc.collect()
    assert not closed_at_first
    assert not opened[0].is_closed
    with kept_session(URL, "") as next_one:
        assert next_one is one
