"""Real web servers that are wrong in the ways that servers are: our look names it, the CA is spared, and what the look
says to paste mends it, so that the same renewal goes through.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from certificates.models import Issuance
from config.lib import clock
from config.lib.errors import describe
from deploy.http01.answering import Http01
from domains.models import Finding
from tests.cast import make_cast
from tests.integration.http01 import AGAIN_IN, HttpScene
from tests.integration.redirecting import reload_wholly
from tests.servers.apache import Apache, apache
from tests.servers.dns import ChallengeDns
from tests.servers.listener import full, listening, read_request, silent
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import LOOKS_OF_A_VALIDATION, Pebble
from tests.servers.ports import free_port
from tests.servers.sshd import Sshd, sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(90)]

PLACES: Mapping[str, str] = {"nginx": "127.0.0.2", "apache": "127.0.0.3"}
NOBODYS = "127.0.0.4"
SHOP = "<title>Shoes and more</title>"


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    with sshd() as one:
        yield one


@pytest.fixture(scope="module")
def webs(ca: Pebble, server: Sshd) -> Iterator[Mapping[str, Nginx | Apache]]:
    """One of each kind at the port that the CA asks, with a folder of a shop beside the one that is ours."""
    with (
        nginx(server.user, ["old.example.net"], host=PLACES["nginx"], http_port=ca.http_port) as first,
        apache(server.user, ["old.example.net"], host=PLACES["apache"], http_port=ca.http_port) as second,
    ):
        for web in (first, second):
            (web.place / "shop").mkdir()
            (web.place / "shop/index.html").write_text(SHOP)
        yield {"nginx": first, "apache": second}


@pytest.fixture
def scene(settings: Any, ca: Pebble, dns_server: ChallengeDns) -> HttpScene:
    return HttpScene(settings, make_cast().acme, ca, dns_server)


@dataclass(frozen=True)
class Wrong:
    """`lines` go into the site that answers, of which our look says `code` and `said`.

    `is_pasted`: it is mended by what the look gives to paste, else by taking the lines out.
    """

    kind: str
    what: str
    lines: str
    code: str
    said: str
    is_pasted: bool = True


def from_folder(folder: str, more: str = "") -> str:
    """The lines of a virtual host of Apache for another folder."""
    return f'DocumentRoot {folder}\n<Directory "{folder}">\nRequire all granted\n{more}\n</Directory>'


def stalled(connection: socket.socket) -> None:
    """Begins with an answer and does not go on."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
    connection.recv(1)


APACHES_OWN = "/usr/share/apache2/default-site"
FALL_BACK = "FallbackResource /index.html"
ALL_DENIED = '<Location "/">\nRequire all denied\n</Location>'
DOTS_DENIED = '<DirectoryMatch "/\\.">\nRequire all denied\n</DirectoryMatch>'
WRONG = [
    Wrong("nginx", "default page", "root /usr/share/nginx/html;", "http01_default_site", "HTTP 404 from"),
    Wrong("nginx", "another site", "root {place}/shop;", "http01_not_found", "HTTP 404 from"),
    Wrong("nginx", "another site for all", "root {place}/shop; try_files $uri /index.html;", "http01_wrong_body", SHOP),
    Wrong("nginx", "application", 'return 200 "hello";', "http01_wrong_body", "something else than the token: hello."),
    Wrong("nginx", "dots denied", "location ~ /\\. { deny all; }", "http01_forbidden", "HTTP 403 from"),
    Wrong("nginx", "all denied", "deny all;", "http01_forbidden", "HTTP 403 from"),
    Wrong(
        "nginx",
        "password",
        "auth_basic Staff; auth_basic_user_file {place}/boot.log;",
        "http01_forbidden",
        "HTTP 401 from",
    ),
    Wrong("nginx", "dead behind", "proxy_pass http://127.0.0.1:{closed};", "http01_server_error", "HTTP 502 from"),
    Wrong(
        "nginx", "silent behind", "proxy_pass http://127.0.0.1:{silent};", "http01_slow", "ETIMEDOUT", is_pasted=False
    ),
    Wrong(
        "nginx",
        "stalled behind",
        "proxy_pass http://127.0.0.1:{stalled}; proxy_buffering off;",
        "http01_slow",
        "ETIMEDOUT",
        is_pasted=False,
    ),
    Wrong("nginx", "slow line", "limit_rate 1;", "http01_slow", "ETIMEDOUT", is_pasted=False),
    Wrong("apache", "default page", from_folder(APACHES_OWN), "http01_default_site", "HTTP 404 from"),
    Wrong("apache", "another site", from_folder("{place}/shop"), "http01_not_found", "HTTP 404 from"),
    Wrong("apache", "another site for all", from_folder("{place}/shop", FALL_BACK), "http01_wrong_body", SHOP),
    Wrong("apache", "dots denied", DOTS_DENIED, "http01_forbidden", "HTTP 403 from"),
    Wrong("apache", "all denied", ALL_DENIED, "http01_forbidden", "HTTP 403 from"),
    Wrong("apache", "dots hidden", 'RedirectMatch 404 "/\\."', "http01_not_found", "HTTP 404 from"),
    Wrong("apache", "redirect", "Redirect 301 / https://{host}:4430/", "http01_redirected", "HTTP 301 from"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda one: f"{one.kind}: {one.what}")
def test_it_is_named_the_ca_is_spared_and_the_mended_server_serves(
    settings: Any, scene: HttpScene, ca: Pebble, server: Sshd, webs: Mapping[str, Nginx | Apache], wrong: Wrong
) -> None:
    web = webs[wrong.kind]
    settings.ACME_HTTP01_SECONDS = 10 if wrong.is_pasted else 1
    with listening(silent) as behind, listening(stalled) as half:
        known = {
            "place": web.place,
            "closed": free_port(),
            "silent": behind.port,
            "stalled": half.port,
            "host": scene.host,
        }
        lines = wrong.lines
        for name, value in known.items():
            lines = lines.replace(f"{{{name}}}", str(value))
        answered_by(web, lines)
        refused = refused_at(scene, ca, server, web.host, web.document_root)
        settings.ACME_HTTP01_SECONDS = 10
        words = describe(refused.error_code, refused.error_params)
        assert (refused.error_code, wrong.said in words.why) == (wrong.code, True), words
        assert words.title.startswith(f"Could not fetch http://{scene.host}:{ca.http_port}/.well-known/acme-challenge/")
        if wrong.is_pasted:
            is_nginx = wrong.kind == "nginx"
            assert ("location ^~" in words.paste, "RewriteRule" in words.paste) == (is_nginx, not is_nginx)
            answered_by(web, lines, first=words.paste)
        else:
            answered_by(web, "")
        renews(scene, ca)


def answered_by(web: Nginx | Apache, lines: str, *, first: str = "") -> None:
    """These lines are in the site and in use, `first` at its top."""
    is_of_a_location = isinstance(web, Nginx) and not lines.startswith(("location", "deny", "auth_basic"))
    places = ("before.inc", "location.inc") if isinstance(web, Nginx) else ("before0.inc", "before1.inc")
    above, below = (first, lines) if is_of_a_location or isinstance(web, Apache) else (f"{first}\n{lines}", "")
    for name, content in zip(places, (above, below), strict=True):
        (web.place / name).write_text(content + "\n")
    reload_wholly(web)


def refused_at(scene: HttpScene, ca: Pebble, server: Sshd, address: str, webroot: Path) -> Issuance:
    """The renewal as our look ended it; the CA was not asked to look."""
    scene.dns.add_a(scene.host, address)
    scene.answering(scene.server(server), Http01(str(webroot)), directories=[server.user.home / "tls"])
    scene.enable()
    refused = scene.look_in_vain()
    assert (refused.state, ca.http_looks(scene.host)) == ("failed", 0)
    assert list(refused.authorizations.values_list("status", flat=True)) == ["pending"]
    assert Finding.unscoped.filter(domain=scene.domain, code="renewal_blocked", closed_at=None).exists()
    return refused


def renews(scene: HttpScene, ca: Pebble) -> None:
    with clock.shifted(AGAIN_IN):
        renewal = scene.run()
    assert (renewal.failures, scene.issuance().state) == (0, "issued"), scene.issuance().error_params
    assert (ca.http_looks(scene.host), len(scene.certificates())) == (LOOKS_OF_A_VALIDATION, 1)
    assert not Finding.unscoped.filter(domain=scene.domain, closed_at=None).exists()


@pytest.mark.parametrize(("code", "word"), [("http01_refused", "ECONNREFUSED"), ("http01_timeout", "ETIMEDOUT")])
def test_a_closed_port_and_one_that_a_firewall_drops_are_told_apart(
    settings: Any, scene: HttpScene, ca: Pebble, server: Sshd, code: str, word: str
) -> None:
    settings.ACME_HTTP01_SECONDS = 1
    webroot = server.user.home / "www"
    with full(NOBODYS, ca.http_port) if word == "ETIMEDOUT" else nullcontext():
        refused = refused_at(scene, ca, server, NOBODYS, webroot)
    settings.ACME_HTTP01_SECONDS = 10
    words = describe(refused.error_code, refused.error_params)
    assert refused.error_code == code
    assert words.title == f"Let's Encrypt could not reach port {ca.http_port} of {scene.host}"
    assert words.why.startswith(f"local probe failed: {word} {scene.host}:{ca.http_port}. ")
    assert f"sport = :{ca.http_port}" in words.paste
    with nginx(server.user, ["old.example.net"], host=NOBODYS, http_port=ca.http_port) as web:
        answered_by(web, f"root {webroot};")
        renews(scene, ca)
