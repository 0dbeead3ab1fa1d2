"""`make demo` keeps its promises: an honest exit status, and nothing left running."""

import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.demo.__main__ import walk_all
from tests.demo.habitat import habitat
from tests.demo.screen import Screen
from tests.servers.child import alive, family
from tests.servers.places import ROOT, plain_environment
from tests.servers.ports import accepts

pytestmark = pytest.mark.timeout(180)


def _start(**environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.demo"],
        cwd=ROOT,
        env=plain_environment(**environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )


def _read_until(demo: "subprocess.Popen[str]", text: str) -> str:
    assert demo.stdout is not None
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def _assert_nothing_left(pid: int, members: dict[int, str], output: str) -> None:
    assert alive(members) == []
    ports = {int(found) for found in re.findall(r"(?:127\.0\.0\.1|localhost|port)[: ](\d{5})\b", output)}
    assert len(ports) >= 5
    assert [port for port in ports if accepts(port)] == []
    assert list(Path(tempfile.gettempdir()).glob(f"mmc-{pid}-*")) == []
    assert [entry.pw_name for entry in pwd.getpwall() if entry.pw_name.startswith(f"mmc-{pid}-")] == []


def test_the_demo_sees_the_new_certificate_being_served_and_tidies_up() -> None:
    demo = _start(DEMO_EXIT="1")
    try:
        before = _read_until(demo, "Issue the certificate")
        members = family(demo.pid)
        rest, _ = demo.communicate(timeout=120)
    finally:
        demo.kill()
    output = before + rest
    assert demo.returncode == 0, output
    assert "is the issued one" in output
    assert "\033" not in output
    assert len(members) >= 10
    _assert_nothing_left(demo.pid, members, output)


def test_ctrl_c_stops_everything_in_the_middle() -> None:
    demo = _start()
    try:
        output = _read_until(demo, "Create a workspace")
        members = family(demo.pid)
        os.kill(demo.pid, signal.SIGINT)
        rest, _ = demo.communicate(timeout=90)
    finally:
        demo.kill()
    assert demo.returncode == 0, output + rest
    _assert_nothing_left(demo.pid, members, output)


@pytest.mark.proof
def test_a_step_that_fails_is_named_and_fails_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with habitat(tmp_path) as world:
        assert world.ssh.child is not None
        world.ssh.child.stop()
        assert not walk_all(Screen(), world)
    output = capsys.readouterr().out
    assert "✓ Issue the certificate" in output
    assert "✗ Test SSH" in output
    assert "✓ Deploy" not in output
