"""Commands are built in one place; whatever a value holds, it reaches the program as one word."""

import os
import random
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.lib.errors import NeedsUser
from deploy.http01.answering import check_webroot
from deploy.ssh import command, placement

# A taste in every run, the whole meal in the long tier.
COUNTS = [400, pytest.param(5_000, marks=pytest.mark.proof)]
SHELLS = [shell for shell in ("/bin/sh", "/bin/bash") if Path(shell).exists()]
SEEDS = [
    "$(touch CANARY)", "`touch CANARY`", ";touch CANARY;", "&& touch CANARY", "| touch CANARY", "\ntouch CANARY\n",
    "' ; touch CANARY ; '", '" ; touch CANARY ; "', "\\'; touch CANARY #", "${IFS}touch${IFS}CANARY",
    "$((`touch CANARY`))", "<(touch CANARY)", ">CANARY", ">>CANARY", "2>CANARY", "eval touch CANARY",
    "!touch", "*", "?", "[a-z]", "{a,b}", "~", "~root", "-rf", "--", "-", "'\"'\"'", "\\", "\\\n", "#", "%s",
    "$0", "$1", "$@", "=x", "\t", "\r", "é", "\u2028", "\x7f", "a b", "",
]  # fmt: skip


def payloads(seed: str, count: int) -> Iterator[str]:
    """Seeds joined at random: nested quotes of every kind and depth."""
    rng = random.Random(seed)
    yield from SEEDS
    for _ in range(count - len(SEEDS)):
        glue = rng.choice(["", "'", '"', "\\", " ", "\n", "/", "$", "`", ")"])
        yield glue.join(rng.choices(SEEDS, k=rng.randint(1, 5)))


def run_all(commands: Iterable[str], tmp_path: Path, shell: str) -> subprocess.CompletedProcess[bytes]:
    """One shell per chunk of commands would hide a broken quote; one script per command is too slow: one shell
    reads them all, each in its own `sh -c`, as sshd would start them."""
    script = "\n".join(f"{shell} -c {shlex.quote(text)}" for text in commands)
    return subprocess.run([shell], input=script.encode(), capture_output=True, cwd=tmp_path, check=False)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shell", SHELLS)
def test_no_payload_in_an_argument_makes_a_file(shell: str, count: int, tmp_path: Path) -> None:
    values = list(payloads("one shell", count))
    answer = run_all((command.from_argv(["printf", "%s\\0", value]).text for value in values), tmp_path, shell)
    assert answer.stdout.split(b"\0")[:-1] == [value.encode() for value in values]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", COUNTS)
def test_no_payload_makes_a_file_through_two_shells(count: int, tmp_path: Path) -> None:
    values = list(payloads("two shells", count))
    built = [command.in_sh([["printf", "%s", value], ["printf", "\\0"]]).text for value in values]
    answer = run_all(built, tmp_path, "/bin/sh")
    assert answer.stdout.split(b"\0")[:-1] == [value.encode() for value in values]
    assert list(tmp_path.iterdir()) == []


def test_a_prefix_stays_outside_of_the_inner_shell(tmp_path: Path) -> None:
    built = command.in_sh([["printf", "%s", "$(id)"]], prefix=["env", "A=b c"])
    answer = run_all([built.text], tmp_path, "/bin/sh")
    assert answer.stdout == b"$(id)"


def test_a_line_runs_as_it_was_written_and_ends_in_time(tmp_path: Path) -> None:
    line = """echo "it's $((1+1))" | tr a-z A-Z; exit 3"""
    answer = subprocess.run(
        ["/bin/sh", "-c", command.from_line(line, seconds=5).text], capture_output=True, check=False
    )
    assert (answer.returncode, answer.stdout) == (3, b"IT'S 2\n")
    slow = subprocess.run(["/bin/sh", "-c", command.from_line("sleep 60", seconds=1).text], check=False, timeout=10)
    assert slow.returncode == 124


def test_a_line_runs_where_there_is_no_timeout_program(tmp_path: Path) -> None:
    for program in ("sh", "env"):
        (tmp_path / program).symlink_to(shutil.which(program) or "")
    answer = subprocess.run(
        ["/bin/sh", "-c", command.from_line("echo here", seconds=5).text],
        capture_output=True, env={"PATH": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert answer.stdout == b"here\n"


@pytest.mark.parametrize(
    "built",
    [
        command.from_argv(["printenv", "LC_ALL"]),
        command.from_line("printenv LC_ALL", seconds=5),
        command.in_sh([["printenv", "LC_ALL"]]),
    ],
    ids=["argv", "line", "in sh"],
)
def test_all_is_said_in_the_language_that_is_recognised(built: command.Command) -> None:
    spoken = {**os.environ, "LC_ALL": "de_DE.UTF-8"}
    answer = subprocess.run(["/bin/sh", "-c", built.text], capture_output=True, env=spoken, check=False)
    assert answer.stdout == b"C\n"
    assert "LC_ALL=C" not in built.shown


def test_words_with_a_nul_are_no_command() -> None:
    with pytest.raises(ValueError, match="NUL"):
        command.from_argv(["printf", "a\0b"])


CHECKS: dict[str, tuple[Callable[[str], Any], str]] = {
    "directory": (placement.check_directory, "/srv/tls"),
    "webroot": (check_webroot, "/var/www/html"),
    "file name": (lambda value: placement.check_file_names({"cert": value}), "cert.pem"),
    "owner": (placement.check_owner, "www-data"),
    "username": (placement.check_username, "deploy"),
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("field", CHECKS)
def test_no_payload_passes_a_field_with_anything_that_a_shell_would_read(field: str, count: int) -> None:
    check, harmless = CHECKS[field]
    for value in payloads(field, count):
        for attack in (value, harmless + value, value + harmless, f"{harmless}/{value}"):
            try:
                passed = check(attack)
            except NeedsUser:
                continue
            for text in passed.values() if isinstance(passed, dict) else [passed]:
                assert shlex.quote(text) == text or text == ""
                assert not text.startswith("-")
