"""What is given out serves: the ZIP in nginx, HAProxy's PEM in HAProxy, both PFX by OpenSSL, none by our own parser."""

import io
import json
import shutil
import socket
import ssl
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from certificates.gates import read_wish
from certificates.models import Certificate, PrivateKey
from config.lib import clock
from config.lib.sealed import Sealed
from domains.models import Domain
from tests.cast import Cast, make_cast
from tests.servers.ca import Issued, TestCa, new_key
from tests.servers.child import Child
from tests.servers.haproxy import haproxy
from tests.servers.nginx import served_fingerprint
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import accepts, free_port

pytestmark = pytest.mark.django_db(transaction=True)
HOST = "given.acme-tools.net"
PASSWORD = "correct horse battery"
AUTHORITY = TestCa()


@pytest.fixture(params=["ec", "rsa"])
def issued(request: pytest.FixtureRequest) -> Issued:
    return AUTHORITY.issue([HOST], key=new_key(request.param))


@pytest.fixture
def certificate(issued: Issued, cast: Cast) -> Certificate:
    domain = Domain.objects.create(workspace=cast.acme, host=HOST, verified_at=clock.now(), state="ok")
    key = PrivateKey.objects.create(workspace=cast.acme, domain=domain, sealed_pem=Sealed.of(issued.key_pem))
    return Certificate.objects.create(
        workspace=cast.acme,
        domain=domain,
        names=[HOST],
        names_key=read_wish([HOST]).names_key,
        leaf_pem=issued.cert_pem.decode(),
        chain_pem=issued.chain_pem.decode(),
        fingerprint_sha256=issued.fingerprint,
        serial="1",
        issuer="Loopback Test",
        not_before=issued.certificate.not_valid_before_utc,
        not_after=issued.certificate.not_valid_after_utc,
        private_key=key,
    )


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def given(cast: Cast, certificate: Certificate, **body: str) -> bytes:
    """By the API: the ZIP, or another format when `body` names one."""
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'keys')}"}
    base = f"/api/certificates/{certificate.pk}"
    if not body:
        return bytes(Client().get(f"{base}/bundle.zip", headers=headers).content)
    answer: Any = Client().post(f"{base}/export", json.dumps(body), content_type="application/json", headers=headers)
    assert answer.status_code == 200, answer.content
    return bytes(answer.content)


def trusts(port: int) -> None:
    """A client that knows the root alone completes the handshake: the chain is whole and in order."""
    context = ssl.create_default_context(cadata=AUTHORITY.root_pem.decode())
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        context.wrap_socket(plain, server_hostname=HOST).close()


@pytest.fixture
def place() -> Iterator[Path]:
    with private_directory("given") as directory:
        yield directory


def serve_by_nginx(place: Path, certificate: str, key: str, issued: Issued) -> None:
    port = free_port()
    (place / "nginx.conf").write_text(
        f"daemon off; pid {place}/nginx.pid; error_log {place}/error.log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {place}/b; proxy_temp_path {place}/p; "
        f"fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n"
        f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {place}/{certificate}; "
        f"ssl_certificate_key {place}/{key}; }} }}\n"
    )
    run(["-c", str(place / "nginx.conf"), "-e", str(place / "boot.log")], port, "nginx", place, issued)


def run(options: Sequence[str], port: int, name: str, place: Path, issued: Issued) -> None:
    binary = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin") or name
    child = Child(name, [binary, *options], log=place / "output.log", env=plain_environment())
    try:
        child.wait_ready(lambda: accepts(port))
        assert served_fingerprint(port, HOST) == issued.fingerprint
        trusts(port)
    finally:
        child.stop()


def test_nginx_serves_the_zip(cast: Cast, certificate: Certificate, issued: Issued, place: Path) -> None:
    zipfile.ZipFile(io.BytesIO(given(cast, certificate))).extractall(place)
    serve_by_nginx(place, "fullchain.pem", "privkey.pem", issued)


def test_unzip_keeps_the_key_to_its_owner(cast: Cast, certificate: Certificate, place: Path) -> None:
    (place / "bundle.zip").write_bytes(given(cast, certificate))
    subprocess.run(["unzip", "-q", "bundle.zip"], cwd=place, check=True)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in place.iterdir() if path.name != "bundle.zip"}
    public = dict.fromkeys(("cert.pem", "chain.pem", "fullchain.pem", "README.txt"), "0o644")
    assert modes == {**public, "privkey.pem": "0o600"}


def test_haproxy_serves_its_pem(cast: Cast, certificate: Certificate, issued: Issued) -> None:
    with haproxy(given(cast, certificate, format="haproxy")) as server:
        assert server.fingerprint(HOST) == issued.fingerprint
        trusts(server.port)


@pytest.mark.parametrize(("form", "options"), [("pfx", ()), ("pfx-legacy", ("-legacy",))])
def test_openssl_opens_both_pfx_and_nginx_serves_what_was_in_them(
    form: str, options: tuple[str, ...], cast: Cast, certificate: Certificate, issued: Issued, place: Path
) -> None:
    (place / "site.pfx").write_bytes(given(cast, certificate, format=form, password=PASSWORD))
    opened = ["openssl", "pkcs12", "-in", "site.pfx", "-passin", f"pass:{PASSWORD}", "-nodes", *options]
    for command in ([*opened, "-nocerts", "-out", "key.pem"], [*opened, "-nokeys", "-out", "chain.pem"]):
        subprocess.run(command, cwd=place, check=True, capture_output=True)
    (place / "root.pem").write_bytes(AUTHORITY.root_pem)
    verify = ["openssl", "verify", "-CAfile", "root.pem", "-untrusted", "chain.pem", "chain.pem"]
    assert subprocess.run(verify, cwd=place, capture_output=True, text=True).stdout == "chain.pem: OK\n"
    serve_by_nginx(place, "chain.pem", "key.pem", issued)
