"""The API about domains, with a worker that answers while the caller waits."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts import api_limits
from config.lib import jobs
from domains.models import Domain
from tests.cast import Cast, make_cast
from tests.servers.ca import Issued, TestCa
from tests.servers.dns import ChallengeDns
from tests.servers.tls import server_context, tls_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast() -> Cast:
    api_limits.forget_counts()
    return make_cast()


@contextmanager
def worker() -> Iterator[None]:
    """Drains both queues of this room in a thread, as the inspect role does."""
    stopping = threading.Event()

    def drain() -> None:
        while not stopping.wait(0.05):
            jobs.run_due("visit")
            jobs.run_due("ownership")
        connection.close()

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


@pytest.fixture
def issued(dns_server: ChallengeDns, settings: Settings, tmp_path: Path) -> Issued:
    authority = TestCa()
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    settings.DNS_RESOLVERS = ((dns_server.host, dns_server.port),)
    (tmp_path / "roots.pem").write_bytes(authority.root_pem)
    settings.TLS_EXTRA_CA_BUNDLE = str(tmp_path / "roots.pem")
    return authority.issue(["shop.forge.org", "www.forge.org"])


@pytest.fixture
def port(issued: Issued) -> Iterator[int]:
    ders = [one.public_bytes(Encoding.DER) for one in (issued.certificate, *issued.chain)]
    with tls_server(server_context(ders, issued.key_pem)) as port:
        yield port


class Caller:
    def __init__(self, secret: str) -> None:
        self.headers = {"Authorization": f"Bearer {secret}"}

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = "" if body is None else json.dumps(body)
        answer = Client().generic(method, f"/api{path}", data, content_type="application/json", headers=self.headers)
        return answer.status_code, json.loads(answer.content) if answer.content else None


@pytest.fixture
def call(cast: Cast) -> Caller:
    return Caller(cast.token(cast.admin))


def test_a_script_adds_verifies_inspects_and_deletes(
    call: Caller, issued: Issued, port: int, dns_server: ChallengeDns
) -> None:
    with worker():
        status, domain = call("POST", "/domains", {"hostname": "shop.forge.org", "port": port, "tags": ["Prod"]})
        assert status == 201
        assert (domain["state"], domain["verified"], domain["mode"]) == ("unverified", False, "monitor")
        assert domain["tags"] == ["prod"]
        inspection = domain["inspection"]
        assert inspection["reachable"] is True
        assert inspection["fingerprint_sha256"] == issued.fingerprint
        assert inspection["sans"] == ["shop.forge.org", "www.forge.org"]
        assert (inspection["key"], inspection["tls_version"]) == ("ECDSA P-256", "TLS 1.3")
        assert inspection["addresses"] == ["127.0.0.1"]
        assert [link["role"] for link in inspection["chain"]] == ["leaf", "intermediate", "root"]
        assert inspection["problems"] == []

        one = f"/domains/{domain['id']}"
        status, verified = call("POST", f"{one}/verify")
        assert (status, verified["verified"]) == (200, False)
        check = verified["checks"][0]
        assert (check["method"], check["name"]) == ("txt", domain["verification"]["txt"]["name"])
        assert check["expected"] == domain["verification"]["txt"]["value"]
        assert check["seen"] == [{"server": dns_server.address, "values": [], "error": check["seen"][0]["error"]}]

        dns_server.set_txt(check["name"], check["expected"])
        status, verified = call("POST", f"{one}/verify")
        assert (status, verified["verified"]) == (200, True)
        assert verified["checks"][0]["seen"][0]["values"] == [check["expected"]]

        status, inspected = call("POST", f"{one}/inspect")
        assert (status, inspected["reachable"]) == (200, True)
        assert inspected["checked_at"] >= inspection["checked_at"]
    status, domain = call("GET", one)
    assert (status, domain["state"], domain["verified"]) == (200, "ok", True)
    status, changes = call("GET", f"{one}/inspections")
    assert (status, len(changes["items"]), changes["next"]) == (200, 1, None)
    assert call("DELETE", one) == (204, None)
    assert call("GET", one)[0] == 404


def test_a_host_without_any_server_is_accepted_and_says_why_it_has_no_certificate(
    call: Caller, issued: Issued, dns_server: ChallengeDns
) -> None:
    dns_server.add_a("gone.forge.org", "127.0.0.1")
    with worker():
        status, domain = call("POST", "/domains", {"hostname": "gone.forge.org:1"})
        assert status == 422
        assert domain["code"] == "port_not_allowed"
        status, domain = call("POST", "/domains", {"hostname": "gone.forge.org:47231"})
    assert status == 201
    assert domain["inspection"]["reachable"] is False
    assert domain["inspection"]["error"]["code"] == "connect_refused"
    assert domain["inspection"]["fingerprint_sha256"] is None


def test_bad_names_are_bad_input_and_known_ones_a_conflict(call: Caller, issued: Issued, port: int) -> None:
    for hostname, code in (
        ("ftp://x", "host_malformed"),
        ("127.0.0.1", "host_is_ip"),
        ("x", "host_single_label"),
        ("co.uk", "host_public_suffix"),
        ("a.onion", "host_reserved"),
    ):
        status, problem = call("POST", "/domains", {"hostname": hostname})
        assert (status, problem["code"]) == (422, code)
        assert set(problem["fields"]) == {"hostname"}
    with worker():
        assert call("POST", "/domains", {"hostname": f"shop.forge.org:{port}"})[0] == 201
    status, problem = call("POST", "/domains", {"hostname": f"SHOP.forge.org:{port}"})
    assert (status, problem["code"]) == (409, "domain_exists")


def test_lists_filter_and_page(call: Caller, issued: Issued, port: int) -> None:
    with worker():
        for name, tags in (("a", ["x"]), ("b", ["x", "y"]), ("c", [])):
            call("POST", "/domains", {"hostname": f"{name}.forge.org", "port": port, "tags": tags})

    def names(query: str) -> list[str]:
        return [one["hostname"][0] for one in call("GET", f"/domains{query}")[1]["items"]]

    assert names("") == ["c", "b", "a"]
    assert names("?tag=x") == ["b", "a"]
    assert names("?q=B.for") == ["b"]
    assert names("?state=ok") == []
    page = call("GET", "/domains?limit=2")[1]
    assert [one["hostname"][0] for one in page["items"]] == ["c", "b"]
    assert names(f"?limit=2&cursor={page['next']}") == ["a"]


def test_tags_are_changed_and_a_member_is_refused(cast: Cast, call: Caller, issued: Issued, port: int) -> None:
    with worker():
        domain = call("POST", "/domains", {"hostname": "a.forge.org", "port": port})[1]
    one = f"/domains/{domain['id']}"
    assert call("PATCH", one, {"tags": ["Blue", "blue"]})[1]["tags"] == ["blue"]
    assert call("PATCH", one, {"tags": ["<"]})[0] == 422
    member, outsider = Caller(cast.token(cast.member)), Caller(cast.token(cast.outsider))
    assert member("GET", one)[0] == 200
    assert member("DELETE", one)[0] == 403
    for method, path in (("GET", one), ("PATCH", one), ("DELETE", one), ("POST", f"{one}/verify")):
        assert outsider(method, path, {"tags": []})[0] == 404
    assert Domain.unscoped.count() == 1
