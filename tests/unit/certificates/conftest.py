"""A verified domain, and certificates on file, as issuing leaves them."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from accounts import api_limits
from certificates.gates import read_wish
from certificates.models import Certificate, CertificateName, Issuance, PrivateKey, Renewal
from certificates.solvers import solvers
from config.lib import clock
from config.lib.sealed import Sealed
from domains.models import Domain, Ownership, Visit, WorkspaceRoot
from tests.cast import Cast, make_cast
from tests.servers.ca import TestCa
from tests.unit.certificates.replacements import Hands

HOST = "shop.acme-tools.net"
DIRECTORY = "https://ca.acme-tools.net/directory"


def trust(domain: Domain, authority: TestCa) -> None:
    """As the workspace's own."""
    WorkspaceRoot.objects.create(
        workspace=domain.workspace,
        der=authority.root_der,
        fingerprint_sha256="0" * 64,
        subject="root",
        not_before=clock.now(),
        not_after=clock.now(),
    )


@pytest.fixture(autouse=True)
def _known_ca(settings: Any) -> None:
    settings.ACME_DIRECTORY_URL = DIRECTORY


@pytest.fixture
def cast() -> Cast:
    api_limits.forget_counts()
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    return make_domain(cast, HOST)


def make_domain(cast: Cast, host: str) -> Domain:
    workspace = cast.acme
    domain = Domain.objects.create(workspace=workspace, host=host, verified_at=clock.now(), state="ok")
    Ownership.objects.create(workspace=workspace, host=host, proven_at=clock.now())
    Visit.objects.create(workspace=workspace, domain=domain)
    return domain


@pytest.fixture
def store(domain: Domain) -> Callable[..., Certificate]:
    """Put a certificate on file: `store(days=90, age_days=1)`."""
    authority = TestCa()

    def put(names: Sequence[str] = (HOST,), *, days: float = 90, age_days: float = 1) -> Certificate:
        issued = authority.issue(names, days=days, age_days=age_days)
        key = PrivateKey.objects.create(workspace=domain.workspace, domain=domain, sealed_pem=Sealed.of(issued.key_pem))
        certificate = Certificate.objects.create(
            workspace=domain.workspace,
            domain=domain,
            names=list(names),
            names_key=read_wish(names).names_key,
            directory_url=DIRECTORY,
            key_type="ecdsa-p256",
            leaf_pem=issued.cert_pem.decode(),
            chain_pem=issued.chain_pem.decode(),
            fingerprint_sha256=issued.fingerprint,
            serial=f"{issued.certificate.serial_number:x}",
            issuer="Loopback Test",
            not_before=issued.certificate.not_valid_before_utc,
            not_after=issued.certificate.not_valid_after_utc,
            private_key=key,
        )
        for name in names:
            CertificateName.objects.create(workspace=domain.workspace, certificate=certificate, name=name)
        return certificate

    return put


def renewal_of(last: Certificate, **facts: Any) -> Renewal:
    """The row that a domain has whose newest certificate is `last`; the CA's suggestion is not asked for yet."""
    facts.setdefault("ask_at", clock.now() + timedelta(days=1))
    return Renewal.objects.create(  # type: ignore[misc]  # The plugin takes all of `facts` for one field.
        workspace=last.workspace,
        domain=last.domain,
        names=last.names,
        names_key=last.names_key,
        directory_url=DIRECTORY,
        key_type="ecdsa-p256",
        certificate=last,
        **facts,
    )


@pytest.fixture
def hands_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "_items", {**solvers._items, "tests": Hands()})


@pytest.fixture
def issuance(domain: Domain) -> Issuance:
    """One that waits for two records at one name; the second is on one of two servers."""
    wish = read_wish([HOST, f"*.{HOST}"])
    row = Issuance.objects.create(
        workspace=domain.workspace,
        domain=domain,
        names=list(wish.names),
        names_key=wish.names_key,
        directory_url=wish.directory_url,
        state="pending_challenge",
        step="wait_for_records",
        order_url="https://ca.acme-tools.net/order/1",
        step_at=clock.now(),
    )
    for position, (value, answers) in enumerate((("first-value", (True, True)), ("second-value", (True, False)))):
        row.authorizations.create(
            workspace=domain.workspace,
            position=position,
            identifier=HOST,
            is_wildcard=bool(position),
            url=f"https://ca.acme-tools.net/authz/{position}",
            challenge_url=f"https://ca.acme-tools.net/challenge/{position}",
            token="t" * 43,
            txt_name=f"_acme-challenge.{HOST}",
            txt_value=value,
            seen="seen" if all(answers) else "partly_seen",
            seen_at=clock.now(),
            servers=[
                {"server": f"ns{number}.acme-tools.net", "seen": seen, "values": [value] if seen else [], "error": ""}
                for number, seen in enumerate(answers, 1)
            ],
        )
    return row
