"""Whether sudo would ask for a password, read from what it lists."""

import pytest

from deploy.ssh.sudo_listing import asks_for_password

LISTED = r"""Matching Defaults entries for deploy on web:
    env_reset, secure_path=/usr/local/sbin\:/usr/sbin, use_pty

User deploy may run the following commands on web:
    (ALL : ALL) ALL
    (root) NOPASSWD: /bin/sh, /bin/mkdir -p -m 755 --
        /etc/x\,y, PASSWD: /bin/echo *, NOPASSWD: /bin/true ""
    (www-data) NOPASSWD: /bin/id, /opt/
    (root) CWD=/srv NOEXEC: NOPASSWD: /bin/ls, !/bin/false, sha224:0Gom+d /bin/cat, /srv/tools/
    (root) NOPASSWD: /bin/dd of\=/a-[0-9][0-9] *, /bin/regex ^a+$, PASSWD: /usr/sbin/late
"""


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("/bin/sh -c true", False),
        ("/usr/bin/sh", False),
        ("/opt/x/sh", True),
        ("/bin/mkdir -p -m 755 -- /etc/x,y", False),
        ("/bin/mkdir -p -m 755 -- /etc/x", True),
        ("/bin/echo a b", True),
        ("/bin/true", False),
        ("/bin/true -x", True),
        ("/bin/id", True),
        ("/bin/ls -l", False),
        ("/bin/cat /etc/x", False),
        ("/srv/tools/one", False),
        ("/srv/tools/deeper/one", True),
        ("/bin/dd of=/a-12 conv=fsync", False),
        ("/bin/dd of=/a-1x conv=fsync", True),
        ("/bin/regex whatever", False),
        ("/usr/sbin/late", True),
        ("/usr/bin/systemctl reload nginx", True),
    ],
)
def test_the_last_rule_that_covers_a_command_decides(line: str, asks: bool) -> None:
    assert asks_for_password(LISTED, line.split()) is asks


@pytest.mark.parametrize("listed", ["", "nonsense", "User x may run the following commands on y:\n    (root) /bin/id"])
def test_what_is_not_in_the_list_is_left_to_the_answer_of_sudo(listed: str) -> None:
    assert not asks_for_password(listed, ["/bin/true"])


@pytest.mark.parametrize(("defaults", "asks"), [("!authenticate", False), ("exempt_group=wheel", False), ("x", True)])
def test_defaults_may_let_everybody_in(defaults: str, asks: bool) -> None:
    listed = LISTED.replace("use_pty", defaults)
    assert asks_for_password(listed, ["/usr/bin/systemctl", "reload", "nginx"]) is asks
    assert asks_for_password(listed, ["/bin/echo", "x"]), "its own tag says so"


def test_a_list_of_a_hostile_server_takes_no_time() -> None:
    rules = ", ".join(["/bin/x " + "*a" * 2000] * 50)
    listed = f"User x may run the following commands on y:\n    (root) {rules}"
    assert not asks_for_password(listed, ["/bin/x", "a" * 500])
