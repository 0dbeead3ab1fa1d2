"""The API's `Fix ACME redirect`."""

from ninja import Router, Schema
from pydantic import Field

from accounts.api import Accepted, ApiRequest, Status, operation, routers
from deploy.loading import load_target
from deploy.models import Target, TargetRun
from deploy.redirects.starting import start_fix
from deploy.shapes import RunOut
from deploy.waiting import settled_run

router = Router(tags=["Deployment"])
routers.add("redirects", router)


class FixIn(Schema):
    apply: bool = Field(False, description="Change the configuration; else only look and show the change as `diff`.")


@operation(
    router,
    "POST",
    "/targets/{id}/fix-redirect",
    "target.edit",
    load=load_target,
    body=FixIn,
    response={200: RunOut, 202: Accepted},
    errors={"redirect_needs_webroot": 409},
    summary="Fix ACME redirect",
)
def post_fix(request: ApiRequest, target: Target, body: FixIn) -> Status:
    """Lets the challenge path through in nginx or Apache: backed up, tested, reloaded, proven by a request."""
    deed = TargetRun.Deed.APPLY if body.apply else TargetRun.Deed.LOOK
    return settled_run(start_fix(target=target, deed=deed, actor=request.actor))


@operation(
    router,
    "POST",
    "/targets/{id}/fix-redirect/undo",
    "target.edit",
    load=load_target,
    response={200: RunOut, 202: Accepted},
    errors={"redirect_nothing_kept": 409},
    summary="Undo Fix ACME redirect",
)
def post_undo_fix(request: ApiRequest, target: Target) -> Status:
    """The configuration file comes back byte for byte, is tested and reloaded."""
    return settled_run(start_fix(target=target, deed=TargetRun.Deed.UNDO, actor=request.actor))
