"""What a domain says while its automation waits for the balance; deployments and renewals say the same."""

from billing.charging import UNPAID
from config.lib import jobs
from config.lib.errors import ExpectedError
from domains.findings import close_finding, open_finding
from domains.models import Domain

SOURCE = "billing"


def tell_unpaid(domain: Domain, error: ExpectedError) -> None:
    params = jobs.storable(error.params)
    open_finding(domain=domain, source=SOURCE, code=UNPAID, params=params, severity="warning", needs_user=True)


def tell_paid(domain: Domain) -> None:
    close_finding(domain=domain, source=SOURCE, code=UNPAID)
