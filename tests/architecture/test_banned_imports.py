"""Nobody but egress reaches out: an import of a network library elsewhere fails here.

The scan is of syntax, so that it sees what no test runs. Each exemption says why it is harmless;
one that is not needed any more fails too.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.servers.places import ROOT

ROOMS = ("accounts", "auditlog", "billing", "certificates", "config", "deploy", "domains", "notifications")
DOOR = ROOT / "config" / "lib" / "egress"

BANNED_MODULES = frozenset(
    {
        *("aiohttp", "asyncssh", "dns", "ftplib", "http.client", "httpcore", "httpx", "imaplib", "nntplib", "poplib"),
        *("redis", "requests", "smtplib", "socket", "socketserver", "stripe", "telnetlib", "twilio", "urllib.request"),
        *("urllib3", "websockets", "xmlrpc", "google.auth.transport", "django.core.mail"),
    }
)
BANNED_CALLS = frozenset(
    {
        *("create_connection", "create_datagram_endpoint", "getaddrinfo", "gethostbyname", "open_connection"),
        *("open_unix_connection", "sock_connect", "SSHClient", "ProxyCommand", "AutoAddPolicy"),
    }
)
EXEMPT = {
    ("billing/stripe_api.py", "stripe"): "the library asks by a transport over egress",
    ("certificates/acme/kept.py", "requests"): "names the type of what it keeps; sessions come from egress",
    ("certificates/acme/client.py", "requests"): "names the types of the library's answers; sessions come from egress",
    ("certificates/acme/network.py", "requests"): "names the types of the library's answers; sessions come from egress",
    ("certificates/dns/providers/child.py", "requests"): "in a process whose names resolve only to what egress judged",
    ("certificates/dns/providers/child.py", "socket"): "takes resolving away from that process",
    ("certificates/dns/serving.py", "socket"): "listens, and asks its own responder whether it answers",
    ("certificates/dns/zone.py", "dns"): "reads and writes messages; what carries them is serving.py",
    ("config/supervisor.py", "redis"): "asks the private redis-server, our own child, over its unix socket",
    ("domains/tls/engine.py", "socket"): "names the type of the sockets that egress opened for it",
}


def _files() -> Iterator[Path]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if DOOR not in path.parents and "migrations" not in path.parts:
                yield path


def _modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _banned_import(node: ast.AST) -> Iterator[str]:
    for module in _modules(node):
        parts = module.split(".")
        prefixes = {".".join(parts[: count + 1]) for count in range(len(parts))}
        yield from sorted(prefixes & BANNED_MODULES)


def _banned_call(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if called in BANNED_CALLS:
        yield called
    # paramiko connects by itself when it is given an address instead of a socket.
    if called == "Transport" and (not node.args or isinstance(node.args[0], (ast.Tuple, ast.Constant, ast.JoinedStr))):
        yield "Transport"


def _found(source: str) -> set[str]:
    return {
        name for node in ast.walk(ast.parse(source)) for scan in (_banned_import, _banned_call) for name in scan(node)
    }


def _offences() -> set[tuple[str, str]]:
    return {(str(path.relative_to(ROOT)), name) for path in _files() for name in _found(path.read_text())}


def test_only_egress_reaches_out() -> None:
    assert sorted(_offences() - set(EXEMPT)) == []


def test_every_exemption_is_needed() -> None:
    assert sorted(set(EXEMPT) - _offences()) == []


def test_the_scan_sees_every_way_to_reach_out() -> None:
    ways = {
        "import requests": {"requests"},
        "import requests.adapters as a": {"requests"},
        "from requests import Session": {"requests"},
        "from http import client": {"http.client"},
        "import http.client": {"http.client"},
        "from urllib import request": {"urllib.request"},
        "def f():\n    import socket": {"socket"},
        "import dns.resolver": {"dns"},
        "from django.core import mail": {"django.core.mail"},
        "from django.core.mail import send_mail": {"django.core.mail"},
        "import paramiko\nparamiko.SSHClient().connect('a')": {"SSHClient"},
        "paramiko.Transport(('a', 22))": {"Transport"},
        "paramiko.Transport(f'{a}:22')": {"Transport"},
        "await loop.sock_connect(s, a)": {"sock_connect"},
        "await asyncio.open_connection('a', 1)": {"open_connection"},
    }
    assert {source: _found(source) for source in ways} == ways
    harmless = (
        "import http",
        "from http import HTTPStatus",
        "from urllib.parse import urlsplit",
        "paramiko.Transport(s)",
    )
    assert [source for source in harmless if _found(source)] == []
