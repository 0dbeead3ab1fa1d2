"""The DNS server that comes with Pebble: answers what its management port was told."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.servers.child import Child
from tests.servers.places import TOOLS, plain_environment, private_directory
from tests.servers.ports import accepts, free_port

BINARIES = TOOLS / "pebble" / "usr" / "bin"


def options_of(binary: Path) -> str:
    """The program's own list of options: generations differ, version strings do not tell."""
    answer = subprocess.run([binary, "-h"], capture_output=True, text=True, check=False)
    return answer.stdout + answer.stderr


def absolute(host: str) -> str:
    """The server compares names with the final dot, and case by case."""
    return host.lower().rstrip(".") + "."


class ChallengeDns:
    """A running challtestsrv. Any name has the A record 127.0.0.1 until told otherwise."""

    def __init__(self, port: int, management_port: int, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = port
        self.management_port = management_port

    @property
    def address(self) -> str:
        """HOST:PORT, as the setting DNS_RESOLVERS takes it."""
        return f"{self.host}:{self.port}"

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self.management_port}"

    def tell(self, path: str, **body: Any) -> bytes:
        """Send one management request; the answer's body is returned as it is."""
        connection = HTTPConnection("127.0.0.1", self.management_port, timeout=5)
        with closing(connection):
            connection.request("POST", f"/{path}", body=json.dumps(body))
            answer = connection.getresponse()
            content = answer.read()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{path}: {answer.status} {content.decode(errors='replace')}")
        return content

    def set_txt(self, host: str, value: str) -> None:
        """Add one TXT value; values at one name pile up until `clear_txt`."""
        self.tell("set-txt", host=absolute(host), value=value)

    def clear_txt(self, host: str) -> None:
        self.tell("clear-txt", host=absolute(host))

    def add_a(self, host: str, *addresses: str) -> None:
        self.tell("add-a", host=absolute(host), addresses=list(addresses))

    def clear_a(self, host: str) -> None:
        self.tell("clear-a", host=absolute(host))

    def add_aaaa(self, host: str, *addresses: str) -> None:
        self.tell("add-aaaa", host=absolute(host), addresses=list(addresses))

    def clear_aaaa(self, host: str) -> None:
        self.tell("clear-aaaa", host=absolute(host))

    def set_default_address(self, address: str) -> None:
        """The A record of names nobody told about; "" for none."""
        self.tell("set-default-ipv4", ip=address)

    def set_cname(self, host: str, target: str) -> None:
        self.tell("set-cname", host=absolute(host), target=absolute(target))

    def clear_cname(self, host: str) -> None:
        self.tell("clear-cname", host=absolute(host))

    def add_caa(self, host: str, policies: Sequence[tuple[str, str]]) -> None:
        """Set CAA records as (tag, value) pairs."""
        pairs = [{"tag": tag, "value": value} for tag, value in policies]
        self.tell("add-caa", host=absolute(host), policies=pairs)

    def clear_caa(self, host: str) -> None:
        self.tell("clear-caa", host=absolute(host))

    def set_servfail(self, host: str) -> None:
        self.tell("set-servfail", host=absolute(host))

    def clear_servfail(self, host: str) -> None:
        self.tell("clear-servfail", host=absolute(host))

    def questions(self, host: str) -> list[dict[str, Any]]:
        """What was asked about a name so far; the history alone keeps names without the dot."""
        found = json.loads(self.tell("dns-request-history", host=host.lower().rstrip(".")))
        return list(found or [])


def _arguments(host: str, port: int, management_port: int) -> list[str]:
    binary = BINARIES / "pebble-challtestsrv"
    known = options_of(binary)
    flag = "-dns01" if "-dns01" in known else "-dnsserver"
    arguments = [str(binary), flag, f"{host}:{port}"]
    arguments += ["-management", f"127.0.0.1:{management_port}"]
    arguments += ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""]
    # DNS over HTTPS came later, is on by default there and wants a certificate.
    return [*arguments, "-doh", ""] if "-doh " in known else arguments


@contextmanager
def challenge_dns(host: str = "127.0.0.1", port: int = 0) -> Iterator[ChallengeDns]:
    """Start the DNS server; a `port` of 0 takes a free one."""
    port, management_port = port or free_port(), free_port()
    with private_directory("dns") as place:
        child = Child(
            "challtestsrv",
            _arguments(host, port, management_port),
            log=place / "challtestsrv.log",
            env=plain_environment(),
        )
        try:
            child.wait_ready(lambda: accepts(management_port) and accepts(port, host))
            yield ChallengeDns(port, management_port, host)
        finally:
            child.stop()
