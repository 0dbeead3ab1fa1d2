"""5,000 texts for each field that reaches a server: none is run, neither past the allow-lists nor without them."""

import subprocess
from collections.abc import Callable, Iterable
from itertools import batched
from pathlib import Path

import pytest

from config.lib.errors import NeedsUser
from deploy import sudoers
from deploy.http01.answering import check_webroot
from deploy.ssh import command, placement, sudo_commands
from deploy.ssh.install import stage_folder
from tests.fuzz.payloads import payloads

NUMBER = 5000
BATCH = 50
SIGNS = set(" \t\r\n'\"\\$`;&|<>(){}[]*?~#!%^\0")

CHECKS: dict[str, Callable[[str], object]] = {
    "directory": placement.check_directory,
    "name": lambda text: placement.check_file_names({"cert": text})["cert"],
    "owner": placement.check_owner,
    "username": placement.check_username,
    "webroot": check_webroot,
}
# What each field becomes a part of, the allow-list left out.
BUILDERS: dict[str, Callable[[str], list[list[str]]]] = {
    "directory": lambda text: [
        sudo_commands.make_directories(text), sudo_commands.write(text), sudo_commands.replace(text, text),
        ["test", "-w", text],
    ],
    "name": lambda text: [sudo_commands.remove(f"/srv/{text}"), sudo_commands.duplicate(f"/srv/{text}", text)],
    "owner": lambda text: [sudo_commands.set_owner("/srv/x", text), ["chown", "--", text, "/srv/x"]],
    "stage": lambda text: [sudo_commands.remove_directory(stage_folder("/srv", text))],
    "username": lambda text: [["sudo", "-n", "-l", "-U", text]],
}  # fmt: skip


@pytest.mark.parametrize("field", CHECKS)
def test_what_an_allow_list_lets_through_has_no_sign_of_a_shell(field: str, tmp_path: Path) -> None:
    refused = 0
    for text in payloads(NUMBER, tmp_path / "canary"):
        try:
            checked = str(CHECKS[field](text))
        except NeedsUser:
            refused += 1
            continue
        assert not SIGNS & set(checked), text
    assert refused == NUMBER


# As `env` is, without the two processes per line that it costs; test_command.py has the real one.
ENV = 'env() { shift; "$@"; }'


def run(shell: str, lines: Iterable[str], place: Path) -> bytes:
    script = "\n".join([ENV, *lines]).encode()
    return subprocess.run([shell], input=script, cwd=place, capture_output=True, check=False).stdout


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize("field", BUILDERS)
def test_each_reaches_its_program_as_the_very_same_bytes(field: str, shell: str, tmp_path: Path) -> None:
    """By the login shell alone, and through the second shell of a sudo rule for /bin/sh."""
    texts = (text for text in payloads(NUMBER, tmp_path / "canary") if "\0" not in text)
    for batch in batched(texts, BATCH):
        argvs = [argv[1:] for text in batch for argv in BUILDERS[field](text)]
        printed = [["printf", r"%s\0", *words] for words in argvs]
        expected = b"".join(word.encode() + b"\0" for words in argvs for word in words)
        assert run(shell, [command.from_argv(one).text for one in printed], tmp_path) == expected
        assert run(shell, [command.in_sh(printed, prefix=["/usr/bin/env"]).text], tmp_path) == expected
    assert list(tmp_path.iterdir()) == []


def test_a_word_with_nul_becomes_no_command(tmp_path: Path) -> None:
    for text in payloads(NUMBER, tmp_path / "canary"):
        if "\0" in text:
            with pytest.raises(ValueError, match="NUL"):
                command.from_argv(["/bin/mkdir", "--", text])


def test_no_line_for_sudoers_becomes_two(tmp_path: Path) -> None:
    """A rule is pasted by an admin: an allowed value must stay one word of it, whatever sudoers(5) thinks of signs."""
    rule = sudoers.rule("mmc", [sudo_commands.make_directories("/etc/nginx/a,b:c=d\\e f")])
    assert len(rule.splitlines()) == 2
    assert r"/etc/nginx/a\,b\:c\=d\\e\ f" in rule
