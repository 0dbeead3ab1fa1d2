"""A domain that renews by itself over SSH, and its rehearsals."""

from datetime import timedelta

import pytest

from certificates.models import Renewal, names_key
from config.lib import clock
from deploy.models import Readiness
from domains.models import Domain, Mode


@pytest.fixture
def renewal(domain: Domain) -> Renewal:
    return renewing(domain)


def renewing(domain: Domain) -> Renewal:
    Domain.unscoped.filter(pk=domain.pk).update(mode=Mode.ACME_AUTO)
    domain.mode = Mode.ACME_AUTO
    return Renewal.objects.create(
        workspace=domain.workspace,
        domain=domain,
        names=[domain.host],
        names_key=names_key([domain.host]),
        directory_url="https://ca.example/directory",
        renew_at=clock.now() + timedelta(days=20),
    )


@pytest.fixture
def readiness(renewal: Renewal) -> Readiness:
    return Readiness.objects.create(
        workspace=renewal.workspace, domain=renewal.domain, run_after=clock.now() + timedelta(days=1)
    )
