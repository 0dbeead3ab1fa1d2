"""Whether a domain renews by itself: turned on and off here, for the page and the API alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from auditlog.events import Actor, difference, record
from certificates.cas.choosing import ca_as_before
from certificates.cas.known import ca_label
from certificates.cas.telling import forget_directory
from certificates.gates import Wish, read_wish
from certificates.issuance import require_proven
from certificates.models import Certificate, Renewal
from certificates.renewal.following import tell_followers
from certificates.renewal.requirements import require_ready
from certificates.renewal.telling import forget
from certificates.renewal.waking import wake
from certificates.solvers import MANUAL, automatic_for, solver_for
from config.lib import clock
from config.lib.errors import NeedsUser
from domains.models import Domain, Mode
from domains.standing import refresh_state

RENEWING = (Mode.DNS, Mode.ACME_AUTO)


@dataclass(frozen=True)
class Automation:
    """What somebody wants of a domain; None stays as it is."""

    mode: str | None = None
    auto_renew: bool | None = None
    names: Sequence[str] | None = None


def set_automation(*, domain: Domain, actor: Actor, wanted: Automation) -> None:
    """Repeatable.

    Raises NeedsUser: renewal_needs_hands, renewal_needs_mode, auto_renew_incomplete, http01_wildcard, names_…
    """
    mode = wanted.mode or domain.mode
    renewal = Renewal.objects.for_workspace(domain.workspace_id).filter(domain=domain).first()
    is_on = mode in RENEWING and _is_wanted(domain, renewal, wanted, mode)
    if wanted.auto_renew and mode not in RENEWING:
        raise NeedsUser("renewal_needs_mode", mode=Mode(mode).label)
    if is_on and mode == Mode.ACME_AUTO:
        require_ready(domain)
    wish = _wish(domain, renewal, wanted, mode) if is_on else None
    with transaction.atomic():
        # The renewal first, then the domain: whoever looks at renewals locks in this order.
        was = _turn(domain, wish, actor)
        row = Domain.objects.for_workspace(domain.workspace_id).select_for_update(no_key=True).get(pk=domain.pk)
        changed = difference(_shown(row.mode, was), _shown(mode, wish))
        _keep_mode(row, mode, is_on=is_on)
        if changed["after"]:
            _record_changed(row, actor, changed, is_on=is_on, is_declined=wanted.auto_renew is False)
            tell_followers(domain.pk)
    domain.mode, domain.renew_at = row.mode, row.renew_at


def _is_wanted(domain: Domain, renewal: Renewal | None, wanted: Automation, mode: str) -> bool:
    """Asked for, else as it was; whoever chooses the mode anew has it where nobody's hands are needed."""
    if wanted.auto_renew is not None:
        return wanted.auto_renew
    if renewal is not None or domain.mode in RENEWING or mode == Mode.ACME_AUTO:
        return renewal is not None
    names = tuple(wanted.names or usual_names(domain))
    return automatic_for(domain.workspace_id, names) != MANUAL


def usual_names(domain: Domain) -> tuple[str, ...]:
    """Those of the newest certificate that was issued here, else the host."""
    newest = newest_issued(domain)
    return tuple(newest.names) if newest else (domain.host,)


def newest_issued(domain: Domain) -> Certificate | None:
    rows = Certificate.objects.for_workspace(domain.workspace_id).filter(domain=domain, source=Certificate.Source.ACME)
    return rows.order_by("-created_at").first()


def _wish(domain: Domain, renewal: Renewal | None, wanted: Automation, mode: str) -> Wish:
    """Of the kind that there is: who runs on RSA must not find another key one day."""
    names = wanted.names or (tuple(renewal.names) if renewal else usual_names(domain))
    model = renewal or newest_issued(domain)
    kind: dict[str, str] = {}
    if model:
        directory_url = ca_as_before(domain.workspace, model.directory_url)
        kind = {"key_type": model.key_type, "profile": model.profile, "directory_url": directory_url}
    wish = read_wish(list(names), **kind)
    if mode == Mode.ACME_AUTO:
        refuse_wildcards(wish.names)
        if domain.host not in wish.names:
            # Else what is installed for the domain would not be a certificate of the domain.
            wish = read_wish([domain.host, *wish.names], **kind)
    require_proven(domain.workspace, wish.names)
    if solver_for(mode, domain.workspace_id, wish.names) == MANUAL:
        raise NeedsUser("renewal_needs_hands", names=list(wish.names))
    return wish


def refuse_wildcards(names: Sequence[str]) -> None:
    """RFC 8555, section 8.3: a file on one host says nothing about all names below it."""
    wildcards = [name for name in names if name.startswith("*.")]
    if wildcards:
        raise NeedsUser("http01_wildcard", names=wildcards)


def _turn(domain: Domain, wish: Wish | None, actor: Actor) -> Renewal | None:
    """The renewal as it was."""
    rows = Renewal.objects.for_workspace(domain.workspace_id).select_for_update().filter(domain=domain)
    renewal = rows.first()
    if wish is None:
        if renewal:
            forget(renewal)
            forget_directory(domain)
            renewal.delete()
        return renewal
    ordered = {
        "names": list(wish.names),
        "names_key": wish.names_key,
        "directory_url": wish.directory_url,
        "profile": wish.profile,
        "key_type": wish.key_type,
    }
    if renewal is None:
        Renewal(
            workspace=domain.workspace, domain=domain, requested_by=actor.label, run_after=clock.now(), **ordered
        ).save(force_insert=True)
    elif any(getattr(renewal, name) != value for name, value in ordered.items()):
        forget_directory(domain)
        rows.update(**ordered, certificate=None, issuance=None, ask_at=None, renew_at=None, failures=0, retry_at=None)
    wake(domain.pk)
    return renewal


def _shown(mode: str, kind: Renewal | Wish | None) -> dict[str, Any]:
    """What the audit log compares."""
    shown: dict[str, Any] = {"mode": Mode(mode).label, "renews": "by itself" if kind else "by hand"}
    if kind:
        shown |= {"names": list(kind.names), "ca": ca_label(kind.directory_url)}
        shown |= {"profile": kind.profile, "key_type": kind.key_type}
    return shown


def _keep_mode(domain: Domain, mode: str, *, is_on: bool) -> None:
    domain.mode = mode
    if not is_on:
        domain.renew_at = None
        Certificate.unscoped.filter(domain=domain, renew_at__isnull=False).update(renew_at=None)
    domain.save(update_fields=["mode", "renew_at"])
    refresh_state(domain)


def _record_changed(
    domain: Domain, actor: Actor, changed: Mapping[str, Any], *, is_on: bool, is_declined: bool
) -> None:
    """`declined`: somebody said that nothing is to renew; nothing begins to by itself then."""
    record(
        "domain.automation_changed",
        workspace_id=domain.workspace_id,
        actor=actor,
        domain_id=domain.pk,
        domain_label=domain.label,
        data={
            "mode": Mode(domain.mode).label,
            "renews": "by itself" if is_on else "by hand",
            "declined": is_declined,
            **changed,
        },
    )
