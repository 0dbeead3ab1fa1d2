"""What every issuance test needs: a verified domain, a CA that the portal knows, and a DNS to publish in."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any, Protocol

from accounts.models import Workspace
from auditlog.events import SYSTEM
from certificates.gates import read_wish
from certificates.issuance import issue_certificate, start_issuance
from certificates.models import Issuance
from config.lib import clock, jobs
from domains.models import Domain, Ownership
from tests.servers.pebble import Pebble
from tests.servers.ports import NotReadyError, wait_until
from tests.servers.second_ca import SecondCa

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Dns(Protocol):
    """A resolver of the tests that takes records."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    def set_txt(self, host: str, value: str) -> None: ...


def use_ca(settings: Any, server: Pebble | SecondCa, dns: Dns) -> None:
    """Point the portal at this CA and this DNS."""
    settings.EGRESS_ALLOW_CIDRS = LOOPBACK
    settings.DNS_RESOLVERS = ((dns.host, dns.port),)
    settings.ACME_DIRECTORY_URL = server.directory_url
    settings.ACME_CA_BUNDLE = str(server.ca_bundle)


def verified_domain(workspace: Workspace, host: str, dns: Dns) -> Domain:
    """A domain whose ownership record is published and was seen before."""
    domain = Domain.objects.create(workspace=workspace, host=host, verified_at=clock.now(), state="ok")
    ownership = Ownership.objects.create(workspace=workspace, host=host, proven_at=clock.now())
    dns.set_txt(f"_managemycert-verify.{host}", f"mmc-{ownership.token}")
    return domain


def start(domain: Domain, names: Sequence[str]) -> Issuance:
    """A started issuance, worked as far as it goes by itself."""
    issuance, _ = start_issuance(domain=domain, wish=read_wish(names), actor=SYSTEM)
    jobs.run_due("issuance")
    return reread(issuance)


def publish(issuance: Issuance, dns: Dns) -> None:
    for row in issuance.authorizations.all():
        dns.set_txt(row.txt_name, row.txt_value)


def issue(issuance: Issuance) -> Issuance:
    """Press `Issue certificate` and let the workers come to an end."""
    issue_certificate(issuance=issuance, actor=SYSTEM)
    return work_out(issuance)


def work_out(issuance: Issuance) -> Issuance:
    """Work until the issuance waits for a person or has ended, clean-up included."""

    def is_settled() -> bool:
        jobs.run_due("issuance")
        row = reread(issuance)
        return row.is_waiting_for_person or row.step == Issuance.Step.DONE

    try:
        wait_until(is_settled, seconds=30, what="the end of the issuance")
    except NotReadyError as error:
        row = reread(issuance)
        raise NotReadyError(f"{row} at {row.step}, due {row.run_after}: {row.error_code} {row.error_params}") from error
    return reread(issuance)


def reread(issuance: Issuance) -> Issuance:
    return Issuance.unscoped.select_related("domain", "certificate__private_key").get(pk=issuance.pk)
