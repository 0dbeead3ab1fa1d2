"""The standalone listener: a script that python runs from its standard input, so that nothing of it is on a disk.

It listens before it says that it is ready, serves the tokens and nothing else, and ends by an alarm of the kernel: no
worker of ours has to live for that. Written for Python 2.7 and 3, whichever `python` a server has.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from config.lib.errors import ExpectedError, NeedsUser, Transient
from deploy.ssh.command import from_argv
from deploy.ssh.connect import Connection
from deploy.ssh.run import Outcome, run_command

# A CA looks within seconds; this bounds what a dead worker leaves behind.
LIFE_SECONDS = 300
START_SECONDS = 20.0
# In all, however slowly it speaks: there is room for so many peers at once, and a CA asks within a second.
PEER_SECONDS = 3
# Behind those that have the room when it is told to end.
ANSWER_SECONDS = 4 * PEER_SECONDS
INTERPRETERS = ("python3", "python")
READY, TAKEN, DENIED, FAILED, STOPPED = "mmc-ready", "mmc-taken", "mmc-denied", "mmc-failed", "mmc-stopped"
SHELL_FOUND_NOTHING = 127
_PATH = "/.well-known/acme-challenge/"

_SERVE = r"""
import errno, json, os, re, signal, socket, subprocess, sys, threading, time
facts = json.loads(@FACTS@)
port = facts["port"]

def say(*words):
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()

def listening(family, host):
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((host, port))
        sock.listen(64)
    except Exception:
        sock.close()
        raise
    return sock

def opened():
    try:
        return listening(socket.AF_INET6, "::")
    except (OSError, IOError) as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise
        return listening(socket.AF_INET, "0.0.0.0")

def holder():
    try:
        asked = subprocess.Popen(
            ["ss", "-Hltnp", "sport = :%d" % port], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        found = re.search(r'\(\("([^"]+)",pid=(\d+)', asked.communicate()[0].decode("utf-8", "replace"))
        if found:
            return "%s, process %s" % found.groups()
    except Exception:
        pass
    try:
        there = socket.create_connection(("127.0.0.1", port), 3)
        there.settimeout(3)
        there.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
        found = re.search(r"(?im)^server:\s*([ -~]{1,60})", there.recv(4096).decode("latin-1"))
        if found:
            return "a web server that calls itself " + found.group(1).strip()
    except Exception:
        pass
    return "a process of another user"

room = threading.Semaphore(40)

now = getattr(time, "monotonic", time.time)

def answer(peer):
    until = now() + facts["peer_seconds"]
    try:
        asked = b""
        while b"\r\n" not in asked and len(asked) < 4096:
            # Of a moment that is over it makes a ValueError, and the peer is let go.
            peer.settimeout(until - now())
            more = peer.recv(1024)
            if not more:
                break
            asked += more
        words = asked.decode("latin-1").split(" ")
        path = words[1] if len(words) > 2 and words[0] == "GET" else ""
        body = facts["answers"].get(path, "")
        is_end = path == "/" + facts["stop_word"]
        head = "HTTP/1.1 200 OK" if body or is_end else "HTTP/1.1 404 Not Found"
        lines = [head, "Content-Type: text/plain", "Content-Length: %d" % len(body), "Connection: close", "", body]
        peer.sendall("\r\n".join(lines).encode("ascii"))
        peer.close()
        if is_end:
            os._exit(0)
    except Exception:
        peer.close()
    finally:
        room.release()

def serve(sock):
    while True:
        peer = sock.accept()[0]
        room.acquire()
        thread = threading.Thread(target=answer, args=(peer,))
        thread.daemon = True
        thread.start()

try:
    sock = opened()
except (OSError, IOError) as error:
    if error.errno == errno.EADDRINUSE:
        say("mmc-taken", holder())
    elif error.errno == errno.EACCES:
        say("mmc-denied")
    else:
        say("mmc-failed", str(error))
    sys.exit(3)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
reader, writer = os.pipe()
if os.fork():
    os.close(writer)
    os.read(reader, 1)
    say("mmc-ready")
    os._exit(0)
signal.alarm(facts["seconds"])
os.setsid()
os.chdir("/")
null = os.open(os.devnull, os.O_RDWR)
for stream in (0, 1, 2):
    os.dup2(null, stream)
os.write(writer, b".")
os.close(writer)
serve(sock)
"""

# Whatever answers is not ours any more: ours answers the word with its end, and nothing else knows it.
_STOP = r"""
import errno, json, socket, sys
facts = json.loads(@FACTS@)

def answer():
    there = socket.create_connection(("127.0.0.1", facts["port"]), 3)
    there.settimeout(facts["answer_seconds"])
    there.sendall(("GET /%s HTTP/1.0\r\n\r\n" % facts["stop_word"]).encode("ascii"))
    return there.recv(64)

try:
    said = "mmc-stopped" if answer() else "mmc-failed no answer"
except (OSError, IOError) as error:
    said = "mmc-stopped" if error.errno == errno.ECONNREFUSED else "mmc-failed %s" % error
sys.stdout.write(said + "\n")
"""


@dataclass(frozen=True)
class Listener:
    """`answers` by token. `stop_word` ends it for whoever knows it."""

    port: int
    stop_word: str
    answers: Mapping[str, str]
    use_sudo: bool = False
    seconds: int = LIFE_SECONDS

    def script(self) -> bytes:
        answers = {_PATH + token: content for token, content in self.answers.items()}
        facts = {"port": self.port, "stop_word": self.stop_word, "seconds": self.seconds}
        return _filled(_SERVE, **facts, peer_seconds=PEER_SECONDS, answers=answers)


def start_listener(connection: Connection, listener: Listener) -> None:
    """Returns once it listens. Not repeatable while it does.

    Raises NeedsUser: listener_needs_shell, listener_no_python, listener_no_sudo, listener_port_taken,
    listener_denied, listener_needs_rule, listener_failed.
    """
    said = _by_some_python(connection, listener.script(), READY, use_sudo=listener.use_sudo)
    if said.startswith(READY):
        return
    known = {"host": connection.host, "username": connection.username, "port": listener.port}
    for head, code in ((TAKEN, "listener_port_taken"), (DENIED, "listener_denied")):
        if said.startswith(head):
            raise NeedsUser(code, holder=said.removeprefix(head).strip()[:200], **known)
    raise NeedsUser("listener_failed", output=said[-300:] or "nothing", **known)


def stop_listener(connection: Connection, *, port: int, stop_word: str) -> None:
    """Repeatable; no harm where it has ended. Raises Transient listener_not_stopped, and as `start_listener`."""
    script = _filled(_STOP, port=port, stop_word=stop_word, answer_seconds=ANSWER_SECONDS)
    said = _by_some_python(connection, script, STOPPED, use_sudo=False)
    if not said.startswith(STOPPED):
        output = said.removeprefix(FAILED).strip()[-300:] or "nothing"
        raise Transient("listener_not_stopped", host=connection.host, port=port, output=output)


def _filled(script: str, **facts: object) -> bytes:
    # JSON of ASCII alone, as a literal of either Python.
    return script.replace("@FACTS@", repr(json.dumps(facts))).encode("ascii")


def _by_some_python(connection: Connection, script: bytes, head: str, *, use_sudo: bool) -> str:
    """What the script said, its own line first."""
    for interpreter in INTERPRETERS:
        argv = [*(("sudo", "-n") if use_sudo else ()), interpreter, "-"]
        try:
            outcome = run_command(connection, from_argv(argv), seconds=START_SECONDS, stdin=script)
        except NeedsUser as error:
            if error.code != "ssh_no_shell":
                raise
            raise NeedsUser("listener_needs_shell", host=connection.host, username=connection.username) from error
        if "mmc-" in outcome.output:
            return outcome.output[outcome.output.index("mmc-") :]
        if use_sudo and outcome.exit_code == SHELL_FOUND_NOTHING:
            # Of what sudo itself does not find it says so, and ends with 1.
            raise NeedsUser("listener_no_sudo", host=connection.host, username=connection.username)
        if not _is_missing(outcome):
            raise _refusal(connection, outcome, interpreter, use_sudo=use_sudo)
    raise NeedsUser("listener_no_python", host=connection.host, username=connection.username)


def _is_missing(outcome: Outcome) -> bool:
    return outcome.exit_code == SHELL_FOUND_NOTHING or "not found" in outcome.output.lower()


def _refusal(connection: Connection, outcome: Outcome, interpreter: str, *, use_sudo: bool) -> ExpectedError:
    known = {"host": connection.host, "username": connection.username, "output": outcome.output[-300:] or "nothing"}
    if use_sudo and outcome.output.lower().lstrip().startswith("sudo:"):
        return NeedsUser("listener_needs_rule", interpreter=interpreter, **known)
    return NeedsUser("listener_failed", **known)
