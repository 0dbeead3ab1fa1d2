"""Pebble, the ACME server of Let's Encrypt's authors, as rude or as kind as a test wants it."""

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from tests.servers.ca import TestCa
from tests.servers.child import Child
from tests.servers.dns import BINARIES, options_of
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import free_port

NINETY_DAYS = 90 * 86_400
CLASSIC: Mapping[str, int] = {"classic": NINETY_DAYS}
# Pebble looks from so many places at a time.
LOOKS_OF_A_VALIDATION = 3
EAB_KEY_ID = "kid-1"
EAB_HMAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


@dataclass(frozen=True)
class Manners:
    """How Pebble behaves; the defaults are as kind as it comes.

    `nonce_reject` and `authz_reuse` are percentages. `va_sleep` is the longest random pause in
    seconds before a validation. `profiles` maps names to lifetimes in seconds; with more than one
    Pebble picks at random for orders that name none. Before 2.7 the first lifetime counts for all.
    """

    nonce_reject: int = 0
    authz_reuse: int = 0
    va_sleep: int = 0
    alternate_roots: int = 0
    chain_length: int = 1
    external_account: bool = False
    retry_after: int = 1
    profiles: Mapping[str, int] = field(default_factory=lambda: CLASSIC)

    def environment(self) -> dict[str, str]:
        return {
            "PEBBLE_VA_NOSLEEP": "0" if self.va_sleep else "1",
            "PEBBLE_VA_SLEEPTIME": str(self.va_sleep),
            "PEBBLE_WFE_NONCEREJECT": str(self.nonce_reject),
            "PEBBLE_AUTHZREUSE": str(self.authz_reuse),
            "PEBBLE_ALTERNATE_ROOTS": str(self.alternate_roots),
            "PEBBLE_CHAIN_LENGTH": str(self.chain_length),
        }


class Pebble:
    """A running Pebble. Its state lives in memory; every start has new roots."""

    def __init__(self, *, port: int, management_port: int, http_port: int, ca_bundle: Path, child: Child) -> None:
        self.directory_url = f"https://localhost:{port}/dir"
        self.management_url = f"https://localhost:{management_port}"
        self.http_port = http_port
        self.ca_bundle = ca_bundle
        self.pid = child.pid
        self._child = child

    def ask(self, url: str, body: object = None) -> bytes:
        """GET (or POST JSON to) one of Pebble's own URLs, trusting its own certificate."""
        parts = urlsplit(url)
        context = ssl.create_default_context(cafile=str(self.ca_bundle))
        connection = HTTPSConnection(parts.hostname or "", parts.port, timeout=5, context=context)
        with closing(connection):
            # RFC 8555 section 6.1 demands a User-Agent, and Pebble insists.
            headers = {"User-Agent": "tests"}
            if body is None:
                connection.request("GET", parts.path, headers=headers)
            else:
                connection.request("POST", parts.path, body=json.dumps(body), headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{url}: {answer.status} {content.decode(errors='replace')}")
        return content

    def directory(self) -> dict[str, Any]:
        """The ACME directory: feature tests look here, never at a version."""
        return dict(json.loads(self.ask(self.directory_url)))

    def has_renewal_info(self) -> bool:
        return "renewalInfo" in self.directory()

    def has_profiles(self) -> bool:
        return bool(self.directory().get("meta", {}).get("profiles"))

    def root_pem(self, number: int = 0) -> str:
        """A root under which this Pebble issues; also `chain_length` intermediates exist."""
        return self.ask(f"{self.management_url}/roots/{number}").decode()

    def certificate_status(self, serial: int) -> dict[str, Any]:
        """Status ("Valid" or "Revoked") and Reason of a certificate by its serial number."""
        url = f"{self.management_url}/cert-status-by-serial/{serial:x}"
        return dict(json.loads(self.ask(url)))

    def set_renewal_info(self, certificate_pem: str, answer: str) -> None:
        """Override the renewal window of one certificate (2.7 and later)."""
        body = {"certificate": certificate_pem, "ariResponse": answer}
        self.ask(f"{self.management_url}/set-renewal-info/", body)

    def log(self) -> str:
        return self._child.log.read_text(errors="replace")

    def issued_count(self) -> int:
        """How many certificates this Pebble has signed since its start, its own chain aside."""
        return self.log().count("Issued certificate serial")

    def order_count(self) -> int:
        return self.log().count('Added order "')

    def http_looks(self, name: str) -> int:
        """How often it has fetched a token from this name: LOOKS_OF_A_VALIDATION times each, redirects aside."""
        return self.log().count(f"Attempting to validate w/ HTTP: http://{name}:")


def _configuration(manners: Manners, ports: tuple[int, int, int], tls: Path, has_profiles: bool) -> dict[str, Any]:
    port, management_port, http_port = ports
    profiles: dict[str, Any] = {
        name: {"description": name, "validityPeriod": seconds} for name, seconds in manners.profiles.items()
    }
    lifetime = next(iter(manners.profiles.values()))
    inner = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management_port}",
        "certificate": str(tls / "fullchain.pem"),
        "privateKey": str(tls / "key.pem"),
        "httpPort": http_port,
        "tlsPort": http_port + 1,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": manners.external_account,
        "externalAccountMACKeys": {EAB_KEY_ID: EAB_HMAC_KEY},
        # Two labels only: an entry with more labels than an ordered name crashes the request.
        "domainBlocklist": ["blocked-domain.example"],
        "retryAfter": {"authz": manners.retry_after, "order": manners.retry_after},
        "keyAlgorithm": "ecdsa",
    }
    inner |= {"profiles": profiles} if has_profiles else {"certificateValidityPeriod": lifetime}
    return {"pebble": inner}


class Resolver(Protocol):
    @property
    def address(self) -> str: ...


@contextmanager
def pebble(dns: Resolver, manners: Manners | None = None, *, http_port: int | None = None) -> Iterator[Pebble]:
    """Start Pebble, asking `dns` and, for HTTP-01, port `http_port` of the names' addresses."""
    manners = manners or Manners()
    binary = BINARIES / "pebble"
    ports = (free_port(), free_port(), http_port or free_port())
    with private_directory("pebble") as place:
        authority = TestCa("Pebble")
        authority.issue(["localhost", "127.0.0.1", "::1"], days=30).write(place)
        ca_bundle = place / "ca.pem"
        ca_bundle.write_bytes(authority.root_pem)
        # -version and profiles came after 2.4; a configuration without profiles works on all.
        has_profiles = "-version" in options_of(binary)
        configuration = place / "pebble.json"
        configuration.write_text(json.dumps(_configuration(manners, ports, place, has_profiles)))
        child = Child(
            "pebble",
            [str(binary), "-config", str(configuration), "-dnsserver", dns.address],
            log=place / "pebble.log",
            env=plain_environment(**manners.environment()),
        )
        server = Pebble(
            port=ports[0],
            management_port=ports[1],
            http_port=ports[2],
            ca_bundle=ca_bundle,
            child=child,
        )
        try:
            child.wait_ready(lambda: _answers(server))
            yield server
        finally:
            child.stop()


def _answers(server: Pebble) -> bool:
    try:
        return bool(server.directory())
    except (OSError, ValueError, HTTPException):
        return False
