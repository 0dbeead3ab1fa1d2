"""What the steps of one deploy run share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from certificates.models import Certificate
from config.lib import jobs
from config.lib.errors import ExpectedError
from deploy.models import Server, Target, TargetRun
from deploy.proof import Served
from deploy.reload import Ran
from deploy.ssh.connect import Connection
from deploy.ssh.files import RemoteFiles
from deploy.ssh.install import NewFile
from deploy.trail import Trail
from domains.protocols import opener_of, protocol_of
from domains.tls import Opener


@dataclass
class Work:
    """A claimed run on its server: signed in, SFTP open, the wanted files in memory. `ran` grows as commands run."""

    run: TargetRun
    trail: Trail
    target: Target
    server: Server
    certificate: Certificate
    connection: Connection
    files: RemoteFiles
    wanted: Sequence[NewFile] = field(repr=False)
    secrets: Sequence[str] = field(repr=False)
    ran: list[Ran] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [file.name for file in self.wanted]

    @property
    def commands(self) -> list[dict[str, Any]]:
        """What was run so far, as it is stored."""
        return [one.as_json() for one in self.ran]

    @property
    def ports(self) -> dict[int, Opener | None]:
        """Where to look for the certificate, each with how TLS is asked for there."""
        domain = self.run.domain
        usual = {port: protocol_of(port).opener for port in self.target.ports(domain.port)}
        own = {domain.port: opener_of(domain.protocol)} if domain.port in usual else {}
        return usual | own

    def protocol_on(self, port: int) -> str:
        """The domain's own on its port; elsewhere what a port carries by convention."""
        domain = self.run.domain
        return domain.protocol if port == domain.port else protocol_of(port).name

    @property
    def host(self) -> str:
        """The name under which a visitor asks for the certificate."""
        return self.run.domain.host

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint_sha256

    def is_served(self, served: Sequence[Served]) -> bool:
        """Whether every port hands out the wanted certificate; False where there is nothing to look at."""
        return bool(served) and all(one.fingerprint == self.fingerprint for one in served)


def stored(failure: ExpectedError) -> Mapping[str, Any]:
    """An error as the journal keeps it."""
    return {"code": failure.code, "params": jobs.storable(failure.params)}


def first_seen(served: Sequence[Served]) -> str:
    return next((one.fingerprint for one in served if one.fingerprint), "")
