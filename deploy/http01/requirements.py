"""What a domain needs before Auto-renew (SSH) can be enabled, one message for each thing that is missing."""

from deploy.http01.answering import http01_of
from deploy.models import Target
from domains.models import Domain


def first_target(domain: Domain) -> Target | None:
    """The saved target that answers HTTP-01; drafts never do."""
    rows = Target.objects.for_workspace(domain.workspace_id).filter(domain=domain, is_draft=False)
    return rows.select_related("server").order_by("position", "created_at").first()


def missing_of(domain: Domain) -> list[str]:
    """In the words of the Renew & deploy tab, in its order."""
    rows = Target.objects.for_workspace(domain.workspace_id).filter(domain=domain).select_related("server")
    target = first_target(domain) or rows.order_by("position", "created_at").first()
    missing = [] if domain.is_verified else ["proof that the domain is yours"]
    if target is None:
        return [*missing, *ALL_OF_A_SERVER]
    found = {
        "the SSH private key": bool(target.server.public_key),
        "a certificate directory": bool(target.certificate_directories),
        "a webroot or the standalone listener on the first server": http01_of(target).is_chosen,
        "the first server's settings saved (Save deployment settings)": not target.is_draft,
        "the server's host key trusted (Test SSH, then Trust this key)": target.server.is_trusted,
    }
    return [*missing, *(what for what, is_there in found.items() if not is_there)]


ALL_OF_A_SERVER = (
    "the SSH host",
    "the SSH username",
    "the SSH private key",
    "a certificate directory",
    "a webroot or the standalone listener on the first server",
    "the server's host key trusted (Test SSH, then Trust this key)",
)
