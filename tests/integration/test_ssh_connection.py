"""Connections against a real OpenSSH server, and against what is none."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from config.lib.errors import ExpectedError
from deploy.detection.running import list_processes
from deploy.ssh import command, connect, run
from deploy.ssh.files import Entry, remote_files
from deploy.ssh.keys import load_key
from tests.servers.people import new_ssh_key
from tests.servers.ports import free_port, wait_until
from tests.servers.sshd import Sshd, sshd


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)


@contextmanager
def signed_in(server: Sshd, **pin: Any) -> Iterator[connect.Connection]:
    with connect.greeted(server.host, server.port, **pin) as connection:
        connection.sign_in(server.user.name, load_key(server.user.private_key))
        yield connection


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(ExpectedError) as caught:
        act()
    return caught.value.code


def greet(host: str, port: int, **pin: Any) -> str:
    with connect.greeted(host, port, **pin) as connection:
        return connection.host_key_fingerprint


def attempts(server: Sshd) -> int:
    lines = server.whole_log().splitlines()
    return sum("publickey" in line or "Failed" in line or "Invalid user" in line for line in lines)


def test_greeting_reports_the_host_key_and_authenticates_nothing(ssh_server: Sshd) -> None:
    assert greet(ssh_server.host, ssh_server.port) == ssh_server.fingerprint
    assert attempts(ssh_server) == 0


def test_a_pinned_host_key_lets_in_and_a_changed_one_stops_before_any_authentication(ssh_server: Sshd) -> None:
    old = ssh_server.fingerprint
    with signed_in(ssh_server, pinned=old) as connection:
        assert connection.is_pinned
    before = attempts(ssh_server)
    assert before > 0
    new = ssh_server.rotate_host_key()
    with pytest.raises(ExpectedError) as caught, signed_in(ssh_server, pinned=old):
        pass
    assert caught.value.code == "ssh_host_key_changed"
    assert caught.value.params["expected"] == old
    assert caught.value.params["seen"] == new
    assert attempts(ssh_server) == before


def test_a_server_that_got_another_kind_of_host_key_is_still_the_pinned_one(tmp_path: Path) -> None:
    path = tmp_path / "rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(path)], check=True)
    lines = subprocess.run(["ssh-keygen", "-lf", str(path)], check=True, capture_output=True, text=True).stdout
    with sshd(extra=[f"HostKey {path}"]) as server:
        assert greet(server.host, server.port) == server.fingerprint
        assert greet(server.host, server.port, pinned=lines.split()[1]) == lines.split()[1]


def test_a_key_that_the_server_does_not_know_is_refused_by_name(ssh_server: Sshd) -> None:
    stranger, _ = new_ssh_key()

    def enter(username: str, key: str) -> None:
        with connect.greeted(ssh_server.host, ssh_server.port) as connection:
            connection.sign_in(username, load_key(key))

    assert code_of(lambda: enter(ssh_server.user.name, stranger)) == "ssh_auth_failed"
    assert code_of(lambda: enter("nobody-here", ssh_server.user.private_key)) == "ssh_auth_failed"


def test_a_server_without_public_key_authentication_says_so() -> None:
    with sshd(extra=["PubkeyAuthentication no", "KbdInteractiveAuthentication yes"]) as server:
        assert code_of(lambda: signed_in(server).__enter__()) in ("ssh_publickey_off", "ssh_auth_failed")


def test_a_second_factor_is_named() -> None:
    with sshd(extra=["Match all", "AuthenticationMethods publickey,publickey"]) as server:
        assert code_of(lambda: signed_in(server).__enter__()) == "ssh_second_factor"


def test_nothing_listening_is_refused() -> None:
    assert code_of(lambda: greet("127.0.0.1", free_port())) == "ssh_refused"


def test_a_name_that_does_not_exist_is_named() -> None:
    assert code_of(lambda: greet("server.invalid", 22)) == "ssh_host_not_found"


def test_an_address_that_is_nobodys_business_is_refused(settings: Any) -> None:
    settings.EGRESS_ALLOW_CIDRS = ()
    assert code_of(lambda: greet("127.0.0.1", 22)) == "egress_refused"


@contextmanager
def answering(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server whose every connection is given to `behave(socket)` in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_quietly, args=(behave, accepted), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def _quietly(behave: Callable[[socket.socket], None], accepted: socket.socket) -> None:
    try:
        behave(accepted)
    except OSError:
        accepted.close()


def trickle(content: bytes, pause: float) -> Callable[[socket.socket], None]:
    def behave(accepted: socket.socket) -> None:
        for byte in content:
            accepted.sendall(bytes([byte]))
            time.sleep(pause)
        accepted.close()

    return behave


def flood(content: bytes) -> Callable[[socket.socket], None]:
    def behave(accepted: socket.socket) -> None:
        while True:
            accepted.sendall(content)

    return behave


def silent(accepted: socket.socket) -> None:
    time.sleep(5)
    accepted.close()


def say(content: bytes) -> Callable[[socket.socket], None]:
    def behave(accepted: socket.socket) -> None:
        accepted.sendall(content)
        time.sleep(0.2)
        accepted.close()

    return behave


@pytest.mark.parametrize(
    ("behave", "codes"),
    [
        (say(b""), {"ssh_closed"}),
        (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), {"ssh_not_ssh"}),
        (say(b"\x15\x03\x01\x00\x02\x02\x28"), {"ssh_not_ssh"}),
        (say(b"220 mail.example.net ESMTP\r\n"), {"ssh_not_ssh"}),
        (say(b"SSH-1.5-old\r\n"), {"ssh_no_common_algorithm"}),
        (say(b"SSH-2.0-x\r\n"), {"ssh_closed"}),
        (say(b"SSH-2.0-x\r\n" + b"\xff" * 4096), {"ssh_closed"}),
        (flood(b"x" * 65536), {"ssh_not_ssh"}),
        (flood(b"hello\r\n"), {"ssh_not_ssh"}),
        (silent, {"ssh_timeout"}),
        (trickle(b"SSH-2.0-" + b"x" * 400, 0.2), {"ssh_timeout", "ssh_closed"}),
    ],
)  # fmt: skip
def test_what_is_no_ssh_server_is_told_apart_and_never_holds_us(
    behave: Callable[[socket.socket], None], codes: set[str]
) -> None:
    started = time.monotonic()
    with answering(behave) as port:
        assert code_of(lambda: greet("127.0.0.1", port, seconds=2)) in codes
    assert time.monotonic() - started < 4


def test_a_command_gives_its_output_and_its_exit_code(ssh_server: Sshd) -> None:
    with signed_in(ssh_server) as connection:
        outcome = run.run_command(connection, command.from_line("echo out; echo err >&2; exit 3", seconds=5), seconds=5)
    assert (outcome.exit_code, outcome.output.split()) == (3, ["out", "err"])


def test_the_processes_of_a_busy_server_are_all_listed(ssh_server: Sshd) -> None:
    """Browsers and Java have command lines of kilobytes; the web server may stand behind hundreds of them."""
    with subprocess.Popen(["sh", "-c", "read line", "x" * 100_000], stdin=subprocess.PIPE) as bulky:
        with signed_in(ssh_server) as connection:
            listed = list_processes(connection, ())
        bulky.communicate(b"\n")
    assert "x" * 100_000 in listed.output
    assert not listed.is_cut


def test_a_killed_command_has_no_exit_code(ssh_server: Sshd) -> None:
    with signed_in(ssh_server) as connection:
        outcome = run.run_command(connection, command.Command("kill -9 $$", ""), seconds=5)
    assert outcome.exit_code is None


def test_endless_output_is_cut_and_the_command_is_ended_on_the_server(ssh_server: Sshd) -> None:
    with signed_in(ssh_server) as connection:
        started = time.monotonic()
        outcome = run.run_command(connection, command.from_line("yes mmc-noise", seconds=2), seconds=2)
        assert outcome.exit_code == run.TIMED_OUT
        assert outcome.is_cut
        assert len(outcome.output) <= run.MAX_OUTPUT
        assert time.monotonic() - started < 8
        search = command.from_argv(["pgrep", "-u", ssh_server.user.name, "-x", "yes"])
        wait_until(lambda: run.run_command(connection, search, seconds=5).exit_code == 1, seconds=3, what="yes gone")


def test_a_daemon_that_keeps_the_streams_open_does_not_hold_us(ssh_server: Sshd) -> None:
    with signed_in(ssh_server) as connection:
        started = time.monotonic()
        outcome = run.run_command(connection, command.from_line("sleep 6 & echo started", seconds=20), seconds=20)
        assert (outcome.exit_code, outcome.output) == (0, "started")
        assert time.monotonic() - started < 3


def test_what_comes_after_the_end_was_told_is_not_lost(ssh_server: Sshd) -> None:
    """As of a busy server, whose output is on its way still."""
    with signed_in(ssh_server) as connection:
        line = command.from_line("(sleep 0.4; echo late) & exit 0", seconds=9)
        outcome = run.run_command(connection, line, seconds=9)
    assert (outcome.exit_code, outcome.output) == (0, "late")


def test_a_command_that_ignores_its_end_is_left_in_time(ssh_server: Sshd) -> None:
    with signed_in(ssh_server) as connection:
        line = command.from_line("trap '' TERM; sleep 15 & wait; sleep 15", seconds=1)
        started = time.monotonic()
        assert code_of(lambda: run.run_command(connection, line, seconds=1, grace=1)) == "ssh_timeout"
        assert time.monotonic() - started < 5


def test_an_account_whose_every_command_hangs_is_left_in_time() -> None:
    with sshd(extra=["Match all", "ForceCommand sleep 60"]) as server:
        started = time.monotonic()
        with signed_in(server) as connection:
            line = command.from_argv(["id"])
            assert code_of(lambda: run.run_command(connection, line, seconds=1, grace=0.5)) == "ssh_timeout"
        with signed_in(server) as connection:
            assert code_of(lambda: remote_files(connection, seconds=1).__enter__()) == "ssh_timeout"
        assert time.monotonic() - started < 6


def test_secrets_in_the_output_are_hidden(ssh_server: Sshd) -> None:
    key = ssh_server.user.private_key
    with signed_in(ssh_server) as connection:
        outcome = run.run_command(connection, command.from_argv(["printf", "%s", key]), seconds=5, secrets=[key])
    assert outcome.output == "[hidden]"


def test_an_account_for_sftp_only_has_files_and_no_shell() -> None:
    with sshd(extra=["Match all", "ForceCommand internal-sftp"]) as server, signed_in(server) as connection:
        assert code_of(lambda: run.run_command(connection, command.from_argv(["id"]), seconds=5)) == "ssh_no_shell"
        with remote_files(connection) as files:
            assert files.is_directory("/etc")


def test_a_server_that_refuses_a_second_session_says_so() -> None:
    with sshd(extra=["MaxSessions 1"]) as server, signed_in(server) as connection, remote_files(connection) as files:
        assert code_of(lambda: run.run_command(connection, command.from_argv(["id"]), seconds=5)) == "ssh_no_shell"
        assert files.is_directory("/etc"), "the connection lives on"


def test_files_whose_channel_ended_say_that_the_connection_is_lost(ssh_server: Sshd) -> None:
    """The program that serves them may be killed before the connection is; that is no refusal of a path."""
    with signed_in(ssh_server) as connection, remote_files(connection) as files:
        files.client.get_channel().close()  # type: ignore[union-attr]
        assert code_of(lambda: files.entry("/etc")) == "ssh_closed"
        assert code_of(lambda: files.entries(["/etc", "/usr"])) == "ssh_closed"
        assert connection.transport.is_active()


def test_a_server_without_sftp_says_so() -> None:
    with sshd(extra=["Match all", "ForceCommand /bin/true"]) as server, signed_in(server) as connection:
        with pytest.raises(ExpectedError) as caught, remote_files(connection):
            pass
        assert caught.value.code == "sftp_off"


@pytest.mark.parametrize(
    "says",
    [
        pytest.param("Welcome", id="text where the version belongs"),
        pytest.param(r"\000\000\000\005\001\000\000\000\003", id="a packet of another kind"),
        pytest.param(r"\000\000\000\003\002\000\003", id="a version cut short"),
    ],
)
def test_an_absurd_answer_to_the_first_sftp_packet_is_said_in_words(says: str) -> None:
    force = f"ForceCommand printf '{says}'; cat > /dev/null"
    with sshd(extra=["Match all", force]) as server, signed_in(server) as connection:
        with pytest.raises(ExpectedError) as caught, remote_files(connection):
            pass
        assert (caught.value.code, caught.value.params["host"]) == ("sftp_broken", server.host)


@pytest.mark.parametrize(
    "says",
    [
        pytest.param("Welcome", id="text where a status belongs"),
        pytest.param(
            r"\000\000\000\016\145\000\000\000\001\000\000\000\004\000\000\000\001\377", id="a reason not in UTF-8"
        ),
    ],
)
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda files: files.entry("/etc"), id="look"),
        pytest.param(lambda files: files.duplicate("/old", "/new", Entry("file", 0o600, 0, 1)), id="duplicate"),
    ],
)
def test_an_absurd_answer_to_a_later_sftp_packet_is_said_in_words(says: str, act: Callable[[Any], object]) -> None:
    version = r"\000\000\000\005\002\000\000\000\003"
    force = f"ForceCommand printf '{version}{says}'; cat > /dev/null"
    with sshd(extra=["Match all", force]) as server, signed_in(server) as connection, remote_files(connection) as files:
        assert code_of(lambda: act(files)) == "sftp_broken"
