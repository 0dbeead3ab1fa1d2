"""Allow-lists for what ends up in paths, sudoers lines and commands."""

import posixpath

import pytest

from config.lib.errors import NeedsUser
from deploy.ssh import placement


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/etc/nginx/ssl/example.com", "/etc/nginx/ssl/example.com"),
        ("  /etc/haproxy/certs/example.com/ ", "/etc/haproxy/certs/example.com"),
        ("/usr/local/etc/opensips/tls/letsencrypt", "/usr/local/etc/opensips/tls/letsencrypt"),
        ("/home/mmc-deploy/tls", "/home/mmc-deploy/tls"),
        ("/var/www/certs", "/var/www/certs"),
        ("/opt/app/a+b@c_d", "/opt/app/a+b@c_d"),
        ("/etc/ssl/private", "/etc/ssl/private"),
        ("/etc/sshd-gateway/tls", "/etc/sshd-gateway/tls"),
    ],
)
def test_ordinary_directories_are_taken_as_they_are(text: str, path: str) -> None:
    assert placement.check_directory(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "//", "etc/nginx", "~/tls", "./tls", "/etc", "/etc/", "/usr", "/tmp", "/home", "/root",
        posixpath.join("/root", ".ssh"), "/home/a/.ssh", "/home/a/.ssh/x",
        "/etc/sudoers.d", "/etc/sudoers.d/x", "/etc/cron.d",
        "/etc/cron.daily/x", "/etc/crontab", "/var/spool/cron/crontabs", "/etc/ssh", "/etc/pam.d",
        "/bin", "/usr/bin", "/usr/local/sbin/x", "/lib/systemd", "/proc/self", "/dev/shm", "/sys", "/boot",
        "/etc/../root", "/etc/nginx/..", "/etc/./nginx", "/etc//nginx", "/etc/nginx//",
        "/etc/nginx/.mmc-stage-x", "/etc/nginx/.mmc-previous",
        "/etc/nginx;id", "/etc/$(id)", "/etc/`id`", "/etc/a b", "/etc/a'b", '/etc/a"b', "/etc/a\nb", "/etc/a\x00b",
        "/etc/*", "/etc/a?", "/etc/{a,b}", "/etc/a\\b", "/etc/é", "/etc/nginx\n/etc/x", "/" + "a" * 201,
    ],
)  # fmt: skip
def test_tricks_and_system_directories_are_refused(text: str) -> None:
    with pytest.raises(NeedsUser) as caught:
        placement.check_directory(text)
    assert caught.value.code == "directory_not_allowed"
    assert caught.value.params["path"].isprintable()


def test_directories_keep_their_order_and_lose_doubles_and_empty_lines() -> None:
    assert placement.check_directories(["/srv/b", "", "/srv/a/", "/srv/a", "  "]) == ["/srv/b", "/srv/a"]


def test_more_directories_than_anybody_has_are_refused() -> None:
    with pytest.raises(NeedsUser, match="directories_too_many"):
        placement.check_directories(f"/srv/{number}" for number in range(11))


def test_missing_file_names_are_the_documented_ones() -> None:
    names = placement.check_file_names({"key": "privkey.pem"})
    assert names == {
        "cert": "cert.pem", "key": "privkey.pem", "chain": "chain.pem", "fullchain": "fullchain.pem",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a/b", "..", ".", ".hidden", "-rf", "a b", "a;b", "$(id)", "a\nb", "é", "x" * 65])
def test_file_names_that_are_more_than_a_name_are_refused(name: str) -> None:
    with pytest.raises(NeedsUser, match="file_name_not_allowed"):
        placement.check_file_names({"cert": name})


def test_two_files_never_share_a_name() -> None:
    with pytest.raises(NeedsUser, match="file_names_same"):
        placement.check_file_names({"cert": "server.pem", "key": "server.pem"})


@pytest.mark.parametrize("owner", ["", "root", "opensips:opensips", "_postfix", "www-data:ssl-cert"])
def test_owners_are_names(owner: str) -> None:
    assert placement.check_owner(owner) == owner


@pytest.mark.parametrize("owner", [":x", "x:", "a:b:c", "Root", "0", "-R", "a b", "a;id", "a\nb", "$(id)"])
def test_other_owners_are_refused(owner: str) -> None:
    with pytest.raises(NeedsUser, match="owner_not_allowed"):
        placement.check_owner(owner)


def test_reload_commands_stay_as_written() -> None:
    lines = ["sudo -n systemctl reload nginx", "", " cat a b > c && echo 'done' | tee $HOME/x "]
    assert placement.check_commands(lines) == [lines[0], lines[2].strip()]


@pytest.mark.parametrize("line", ["a\nb", "a\x00b", "a\x1b[2Jb", "x" * 501])
def test_a_reload_command_is_one_printable_line(line: str) -> None:
    with pytest.raises(NeedsUser, match="command_not_allowed"):
        placement.check_commands([line])


def test_the_key_is_the_only_file_that_others_may_not_read_and_comes_last() -> None:
    assert [file.part for file in placement.FILES] == ["chain", "fullchain", "cert", "key"]
    assert {file.part: oct(file.mode) for file in placement.FILES} == {
        "chain": "0o644", "fullchain": "0o644", "cert": "0o644", "key": "0o600",
    }  # fmt: skip
