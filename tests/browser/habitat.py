"""Everything around the portal that a person's walk touches, each a real server."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.servers.dns import ChallengeDns, challenge_dns
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import Pebble, pebble
from tests.servers.places import private_directory
from tests.servers.portal import Portal, portal
from tests.servers.smtp_sink import SmtpSink, smtp_sink
from tests.servers.sshd import Sshd, sshd

SHOP = ("shop.example.net", "www.shop.example.net")


@dataclass(frozen=True)
class Habitat:
    portal: Portal
    dns: ChallengeDns
    pebble: Pebble
    ssh: Sshd
    web: Nginx
    mail: SmtpSink

    @property
    def shop(self) -> str:
        """The hostname and port that nginx serves with its old certificate, as a person types them."""
        return f"{SHOP[0]}:{self.web.https_port}"


@contextmanager
def habitat() -> Iterator[Habitat]:
    """Pebble with its DNS, sshd, nginx with an old certificate, a mail sink, and the portal over them."""
    with ExitStack() as stack:
        dns = stack.enter_context(challenge_dns())
        authority = stack.enter_context(pebble(dns))
        ssh = stack.enter_context(sshd())
        web = stack.enter_context(nginx(ssh.user, SHOP))
        mail = stack.enter_context(smtp_sink())
        place = stack.enter_context(private_directory("browser"))
        server = stack.enter_context(
            portal(
                place / "var",
                DNS_RESOLVERS=dns.address,
                EGRESS_ALLOW_CIDRS="127.0.0.0/8,::1/128",
                ACME_DIRECTORY_URL=authority.directory_url,
                ACME_CA_BUNDLE=str(authority.ca_bundle),
                ACME_EMAIL="certificates@shop.test",
                EMAIL_URL=mail.url,
            )
        )
        yield Habitat(server, dns, authority, ssh, web, mail)
