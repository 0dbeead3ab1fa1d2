"""The world of the main job: a CA with DNS, a customer's server, a mail server, and the portal."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.ca import TestCa
from tests.servers.dns import ChallengeDns, challenge_dns
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import Manners, Pebble, pebble
from tests.servers.portal import Portal
from tests.servers.smtp_sink import SmtpSink, smtp_sink
from tests.servers.sshd import Sshd, sshd

ZONE = "northwind.example"
HOST = f"shop.{ZONE}"
NAMES = (HOST, f"www.{HOST}", f"*.{HOST}")
SSH_HOST = f"web1.{ZONE}"

type Say = Callable[[str, str], None]


@dataclass(frozen=True)
class Habitat:
    """Everything that runs, each on 127.0.0.1."""

    dns: ChallengeDns
    pebble: Pebble
    ssh: Sshd
    web: Nginx
    mail: SmtpSink
    portal: Portal


def _roots(place: Path, authority: TestCa, server: Pebble) -> Path:
    """What the portal trusts besides the public roots: who signed the old and who signs the new certificate."""
    bundle = place / "roots.pem"
    bundle.write_bytes(authority.root_pem + server.root_pem().encode())
    return bundle


def portal_settings(
    place: Path, authority: TestCa, dns: ChallengeDns, server: Pebble, mail: SmtpSink
) -> dict[str, str]:
    return {
        "DNS_RESOLVERS": dns.address,
        "EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
        "TLS_EXTRA_CA_BUNDLE": str(_roots(place, authority, server)),
        "ACME_DIRECTORY_URL": server.directory_url,
        "ACME_CA_BUNDLE": str(server.ca_bundle),
        "ACME_HTTP01_PORT": str(server.http_port),
        "ACME_EMAIL": f"certificates@{ZONE}",
        "EMAIL_URL": mail.url,
    }


def _silent(_what: str, _detail: str) -> None:
    return


@contextmanager
def habitat(
    place: Path, manners: Manners | None = None, *, say: Say = _silent, settings: Mapping[str, str] | None = None
) -> Iterator[Habitat]:
    """Start all of it; `place` holds the portal's VAR_DIR. `settings` win over the usual ones."""
    with ExitStack() as stack:
        dns = stack.enter_context(challenge_dns())
        acme = stack.enter_context(pebble(dns, manners))
        say("Pebble, the ACME server, and its DNS", f"{acme.directory_url} · DNS {dns.address}")
        ssh = stack.enter_context(sshd())
        say("OpenSSH with a deploy user", f"{ssh.user.name}@{SSH_HOST}, port {ssh.port}")
        authority = TestCa("Old")
        old = authority.issue([HOST, f"www.{HOST}"], days=90, age_days=79)
        web = stack.enter_context(nginx(ssh.user, NAMES, old=old, http_port=acme.http_port))
        say("nginx with an old certificate", f"https://{HOST}, port {web.https_port}")
        mail = stack.enter_context(smtp_sink())
        say("A mail server", mail.url.rstrip("/"))
        usual = portal_settings(place, authority, dns, acme, mail)
        portal = Portal(place / "var", {**usual, **(settings or {})})
        stack.callback(portal.stop)
        portal.start()
        say("The portal: web, workers, beat, Redis", portal.url)
        yield Habitat(dns, acme, ssh, web, mail, portal)
