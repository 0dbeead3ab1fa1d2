"""The generated sudoers rule: everything that an installation runs, and nothing that reaches beyond its directories."""

import subprocess
from pathlib import Path

import pytest

from deploy import sudoers
from deploy.models import Target
from deploy.ssh import placement, sudo_commands

DIRECTORIES = ["/etc/nginx/ssl/shop", "/etc/x@y+z/tls"]


@pytest.fixture
def target() -> Target:
    return Target(certificate_directories=DIRECTORIES, owner="opensips:opensips", file_names={"key": "privkey.pem"})


def test_sudo_itself_reads_it(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "rule"
    path.write_text(sudoers.install_rule("mmc-deploy", target) + "\n")
    path.chmod(0o440)
    done = subprocess.run(["/usr/sbin/visudo", "-cf", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_path_lies_in_one_of_the_directories(target: Target) -> None:
    for argv in sudoers.install_commands(target):
        paths = [word.removeprefix("of=") for word in argv[1:] if word.removeprefix("of=").startswith("/")]
        assert paths, argv
        assert all(path in DIRECTORIES or path.startswith(tuple(f"{one}/" for one in DIRECTORIES)) for path in paths)


def test_nothing_of_it_is_a_pattern_or_a_shell(target: Target) -> None:
    words = {word for argv in sudoers.install_commands(target) for word in argv}
    assert not set("".join(words)) & set("*?[]!;|&$`()<>\\")
    assert {argv[0] for argv in sudoers.install_commands(target)} <= {
        *("/bin/mkdir", "/bin/dd", "/bin/chmod", "/bin/chown", "/bin/cp", "/bin/mv", "/bin/rm", "/bin/rmdir"),
        *("/usr/bin/stat", "/usr/bin/sha256sum"),
    }


def test_the_key_gets_its_own_mode_and_the_owner_only_where_one_is_set(target: Target) -> None:
    commands = sudoers.install_commands(target)
    stage = f"{DIRECTORIES[0]}/{placement.STAGE_PREFIX}{sudo_commands.STAGE}"
    assert ["/bin/chmod", "600", "--", f"{stage}/privkey.pem"] in commands
    assert ["/bin/chown", "--", "opensips:opensips", f"{stage}/privkey.pem"] in commands
    target.owner = ""
    assert not any(argv[0] == "/bin/chown" for argv in sudoers.install_commands(target))
