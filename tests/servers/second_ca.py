"""acme2certifier, an ACME server of other hands than Pebble's, whose clock a test sets."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests.servers.child import Child
from tests.servers.dns import ChallengeDns
from tests.servers.places import TOOLS, plain_environment, private_directory
from tests.servers.ports import accepts, free_port

PYTHON = TOOLS / "second-ca" / "bin" / "python"
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
SERVE = """
import sys
from werkzeug.serving import run_simple
from acme2certifier.share.acme2certifier_wsgi import application
run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True)
"""
CONFIGURATION = """[DEFAULT]
debug: False
dns_server_list: ["{dns}"]
[CAhandler]
handler_module: acme2certifier.cahandlers.openssl_ca_handler
issuing_ca_key: {place}/ca.key
issuing_ca_cert: {place}/ca.pem
cert_validity_days: {days}
cert_save_path: {place}/issued
issuing_ca_crl: {place}/ca.crl
[DBhandler]
handler: wsgi
dbfile: {place}/acme.db
[Challenge]
dns_server_list: ["{dns}"]
[Renewalinfo]
renewal_force: False
"""


class SecondCa:
    """It asks the DNS server at port 53 of `dns`. Its log is `log()`."""

    ca_bundle = ""  # It speaks HTTP.
    http_port = 80

    def __init__(self, port: int, place: Path, child: Child, days: int) -> None:
        self.days = days
        self.directory_url = f"http://127.0.0.1:{port}/directory"
        self._clock = place / "clock"
        self._child = child

    def set_clock(self, ahead: timedelta) -> None:
        """How far its clock runs ahead of ours, from now on."""
        self._clock.write_text(f"+{round(ahead.total_seconds())}s\n")

    def log(self) -> str:
        return self._child.log.read_text(errors="replace")


@contextmanager
def second_ca(dns: ChallengeDns, *, days: int) -> Iterator[SecondCa]:
    with private_directory("second-ca") as place:
        _write(place, dns, days)
        port = free_port()
        faked = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(place / "clock"), "FAKETIME_NO_CACHE": "1"}
        environment = plain_environment(ACME_SRV_CONFIGFILE=str(place / "acme_srv.cfg"), **faked)
        child = Child(
            "acme2certifier", [str(PYTHON), "-c", SERVE, str(port)], log=place / "log", env=environment, cwd=place
        )
        try:
            child.wait_ready(lambda: accepts(port))
            yield SecondCa(port, place, child, days)
        finally:
            child.stop()


def _write(place: Path, dns: ChallengeDns, days: int) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    made += ["-subj", "/CN=Second CA", "-days", "3650", "-keyout", str(place / "ca.key"), "-out", str(place / "ca.pem")]
    subprocess.run(made, check=True, capture_output=True)
    (place / "issued").mkdir()
    (place / "clock").write_text("+0s\n")
    (place / "acme_srv.cfg").write_text(CONFIGURATION.format(place=place, dns=dns.host, days=days))
