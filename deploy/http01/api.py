"""The API's `Renew now`."""

from ninja import Router, Schema
from pydantic import Field

from accounts.api import ApiRequest, Status, operation, routers
from certificates.renewal.now import renew_now
from config.lib import jobs
from deploy.http01.renewing import find_renewal_run, show_renewal_run
from deploy.models import TargetRun
from deploy.shapes import RunOut
from domains.models import Domain
from domains.shapes import load_bare_domain

router = Router(tags=["Deployment"])
routers.add("renew", router)


class RenewIn(Schema):
    force: bool = Field(False, description="Also while the certificate on file is far from its end.")


@operation(
    router,
    "POST",
    "/domains/{id}/renew",
    "certificate.issue",
    load=load_bare_domain,
    body=RenewIn,
    response={202: RunOut},
    errors={"issuance_window": 409, "renewal_is_off": 409, "auto_renew_incomplete": 409, "ca_limit": 409},
    summary="Renew now",
)
def post_renew(request: ApiRequest, domain: Domain, body: RenewIn) -> Status:
    """What auto-renew does in time, at once: issue, then deploy to every target. While one runs, that one."""
    key = renew_now(domain=domain, force=body.force, actor=request.actor)
    jobs.wait_for(lambda: find_renewal_run(request.workspace, key).state != TargetRun.State.WAITING, seconds=2)
    return Status(202, show_renewal_run(find_renewal_run(request.workspace, key)))
