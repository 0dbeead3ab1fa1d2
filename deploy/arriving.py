"""A certificate that was just stored goes to the domain's targets and panels at once, where that is wanted."""

from datetime import timedelta

from auditlog.events import Actor
from certificates.models import Certificate
from config.lib import clock
from deploy.deployments import ready_places, start_deployment
from domains.models import Mode

# A CA's clock may be ahead of ours, and an upload may be meant for next month.
CLOCKS_DIFFER = timedelta(minutes=5)


def deploy_arrival(certificate: Certificate, actor: Actor) -> None:
    """Start a deployment, inside the caller's transaction; where the balance is too low it waits, and says so.

    Nothing happens without targets, without a key, and before the certificate is valid. In the mode Monitor only
    whoever uploads wants it installed; whoever only has one issued may want its ZIP.
    """
    domain = certificate.domain
    is_wanted = certificate.source == Certificate.Source.UPLOAD or domain.mode != Mode.MONITOR
    is_usable = certificate.private_key_id is not None and certificate.not_before <= clock.now() + CLOCKS_DIFFER
    if is_wanted and is_usable and ready_places(domain):
        start_deployment(domain=domain, certificate=certificate, actor=actor, may_wait=True)
