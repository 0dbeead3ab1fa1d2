"""What stands between a domain and `Deploy now`, each thing in the words of the page."""

from collections.abc import Sequence

from deploy.models import PanelTarget, Target
from deploy.reconcile import label_of
from deploy.targets import Placement, missing_parts
from domains.models import Domain


def missing_of(target: Target) -> list[str]:
    """What a stored draft lacks, in the words of the form."""
    return missing_parts(target.server, Placement(certificate_directories=target.certificate_directories))


def what_is_missing(targets: Sequence[Target], panels: Sequence[PanelTarget], *, has_certificate: bool) -> list[str]:
    """Reads the servers and accounts of all of them, drafts too."""
    missing = []
    if not has_certificate:
        missing.append("a certificate with its private key (Let's Encrypt tab)")
    if not targets and not panels:
        missing.append("a server or a hosting panel")
    missing += [f"{label_of(one)}: Save panel" for one in panels if one.is_draft]
    for target in targets:
        parts = missing_of(target)
        if parts:
            missing.append(f"{target.server.label}: {', '.join(parts)}")
        elif target.is_draft:
            missing.append(f"{target.server.label}: Save deployment settings")
        if not target.server.is_trusted:
            missing.append(f"{target.server.label}: Test SSH, then Trust this key")
    return missing


def missing_for(domain: Domain, *, has_certificate: bool) -> list[str]:
    targets = Target.objects.for_workspace(domain.workspace_id).filter(domain=domain).select_related("server")
    panels = PanelTarget.objects.for_workspace(domain.workspace_id).filter(domain=domain).select_related("account")
    return what_is_missing(list(targets), list(panels), has_certificate=has_certificate)
