"""What a rehearsal says of the commands that sudo could not be asked about."""

import pytest

from deploy.readiness.on_target import told_of_sudo

ALLOWED = "it allows every command that needs it"


@pytest.mark.parametrize("lines", [["sudo -n nginx -t", "sudo -n systemctl reload nginx"], ["true"], ["pseudo-reload"]])
def test_where_all_was_asked_it_says_so(lines: list[str]) -> None:
    assert told_of_sudo(lines) == ALLOWED


@pytest.mark.parametrize(
    "line",
    ["sudo -n nginx -t && sudo -n service nginx reload", "sudo -u www it", "/usr/bin/sudo -E it", "sh -c 'sudo it'"],
)
def test_a_line_that_could_not_be_judged_is_named(line: str) -> None:
    told = told_of_sudo(["sudo -n nginx -t", line])
    assert told == f"it could not be asked about “{line}”: only a plain “sudo -n …” can be judged beforehand"
