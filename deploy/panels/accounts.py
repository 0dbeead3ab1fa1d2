"""Panels as people keep them: an account with its credential, and the domains that go there."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Workspace
from auditlog.events import Actor, record
from config.lib import clock, jobs
from config.lib.errors import InvalidValue, NeedsUser
from config.lib.sealed import Sealed
from deploy.models import PanelAccount, PanelTarget, TargetRun
from deploy.panels.known import panels
from deploy.panels.leaving import drop_unused
from deploy.panels.naming import panel_label, used_by
from deploy.panels.panel import Panel
from deploy.panels.reading import read_access, read_fingerprint
from deploy.readiness.asking import ask_after_account_change, ask_after_change
from deploy.reconcile import KIND, reconcile_all, reconcile_target, start_look
from deploy.settling import settle_domain
from deploy.targets import lock_targets
from domains.models import Domain

PANELS_AT_MOST = 20
# Stands for a credential on file while the other fields are looked at.
_KEPT = "on file"
FOREIGN = "cloudflare_foreign"
SHARED = "panel_account_shared"


@dataclass(frozen=True)
class Given:
    """What somebody typed, checked. `secret` and `pinned` None: those on file stay; an empty `pinned` is forgotten."""

    kind: str
    config: Mapping[str, str]
    secret: Sealed | None = None
    pinned: str | None = None
    name: str = ""


def accounts_of(workspace: Workspace) -> QuerySet[PanelAccount]:
    return PanelAccount.objects.for_workspace(workspace).order_by("created_at", "id")


def read_given(
    kind: str,
    values: Mapping[str, str],
    *,
    pinned: str | None = None,
    name: str = "",
    known: PanelAccount | None = None,
) -> Given:
    """The fields of a panel's form by their names. Raises InvalidValue beside the field that cannot work.

    A credential never travels to another host than the one that it was given with: there it is asked for again.
    """
    if kind not in panels:
        raise InvalidValue("kind", "panel_unknown", kind=kind[:40], known=", ".join(panels.keys()))
    panel, clean = panels.get(kind), {key: value.strip() for key, value in values.items()}
    secret = clean.get(panel.secret_field, "")
    if known is not None and not secret:
        _require_same_door(panel, known, clean)
    access = read_access(panel, clean, secret=secret or (_KEPT if known else ""))
    told = {"host": access.host, "port": str(access.port), "username": access.user}
    plain = {field.name: told[field.name] for field in panel.fields if not field.is_secret}
    return Given(
        kind,
        plain,
        Sealed.of(secret) if secret else None,
        read_fingerprint(pinned) if pinned else pinned,
        name.strip()[:80],
    )


def _require_same_door(panel: Panel, known: PanelAccount, values: Mapping[str, str]) -> None:
    for field in panel.fields:
        before = known.config.get(field.name, "")
        if not field.is_secret and (values.get(field.name) or field.default).lower() != before.lower():
            raise InvalidValue(panel.secret_field, "panel_secret_again", field=field.label)


@transaction.atomic
def save_panel(
    *,
    domain: Domain,
    chosen: Given | PanelAccount,
    actor: Actor,
    place: PanelTarget | None = None,
    draft: bool = False,
    for_all: bool = False,
) -> PanelTarget:
    """Join a domain to an account on file, or to the one that was typed; with `place` that one is changed.

    What is no draft gets the domain's last deployment by itself (reconcile_target says when). Raises NeedsUser
    panels_full, panel_there_already; and panel_account_shared where a typed credential would take the place of one
    that other domains live on, unless it is meant `for_all` of them.
    """
    lock_targets(domain)
    account = _account_for(domain, chosen, place, actor, for_all=for_all) if isinstance(chosen, Given) else chosen
    rows = PanelTarget.objects.for_workspace(domain.workspace_id).filter(domain=domain)
    twin = rows.filter(account=account).first()
    if place and twin and twin.pk != place.pk:
        raise NeedsUser("panel_there_already", panel=panel_label(account), host=domain.label)
    row = place or twin
    if row is None and rows.count() >= PANELS_AT_MOST:
        raise NeedsUser("panels_full", most=PANELS_AT_MOST, host=domain.label)
    if row:  # At another door nothing is known, as `change_account` has written.
        row.refresh_from_db(fields=["refs", "sites", "installed_certificate", "last_status"])
    row = _joined(row, domain, account, draft=draft)
    _record("panel.saved", row, actor, changes="as a draft" if row.is_draft else "in use")
    waiting = TargetRun.unscoped.filter(panel_target=row, state=TargetRun.State.WAITING, lease_token=None)
    waiting.update(panel_account=account, label=panel_label(account))
    if draft:  # A test changes nothing.
        return row
    ask_after_change(domain)
    if waiting.update(run_after=clock.now()):
        jobs.ring(KIND)
    if isinstance(chosen, Given) and (chosen.secret or chosen.pinned):  # The others of it may have waited for this.
        reconcile_all(account)
    else:
        reconcile_target(row)
    return row


def _joined(row: PanelTarget | None, domain: Domain, account: PanelAccount, *, draft: bool) -> PanelTarget:
    if row is None:
        return PanelTarget.objects.create(
            workspace_id=domain.workspace_id, domain=domain, account=account, is_draft=draft
        )
    old = row.account
    # A test of what is in use must not take it out of service.
    row.is_draft = draft and row.is_draft
    fields = ["is_draft"]
    if old.pk != account.pk:
        row.account, row.refs, row.sites, row.installed_certificate, row.last_status = account, {}, [], None, ""
        fields += ["account", "refs", "sites", "installed_certificate", "last_status"]
    row.save(update_fields=fields)
    if old.pk != account.pk:
        drop_unused(old)
    row.account = account
    return row


def account_at(workspace: Workspace, given: Given) -> PanelAccount | None:
    """The account on file at the door that was typed; where everybody's host is the same nothing tells them apart."""
    if panels.get(given.kind).host:
        return None
    rows = accounts_of(workspace).filter(kind=given.kind)
    return next((row for row in rows if row.config == dict(given.config)), None)


def domains_of(account: PanelAccount) -> list[Domain]:
    """Whose certificates go by this account, by their hosts."""
    rows = Domain.objects.for_workspace(account.workspace_id).filter(panel_targets__account=account)
    return list(rows.order_by("host", "port"))


def _account_for(
    domain: Domain, given: Given, place: PanelTarget | None, actor: Actor, *, for_all: bool
) -> PanelAccount:
    """One that others use as well stays where it is, and there are never two at one door."""
    found = account_at(domain.workspace, given)
    if found:
        # Whoever changes a place is told who else uses its account; of any other account they may not know.
        if given.secret and not for_all and not (place and place.account_id == found.pk):
            _require_unshared(found, domain)
        return change_account(account=found, given=given, actor=actor)
    if place is None or (_is_at_another_door(place.account, given) and _is_shared(place)):
        return _made(domain.workspace, given)
    return change_account(account=place.account, given=given, actor=actor)


def _require_unshared(account: PanelAccount, domain: Domain) -> None:
    others = [one.label for one in domains_of(account) if one.pk != domain.pk]
    if others:
        raise NeedsUser(SHARED, domains=used_by(others).removeprefix("used by "))


def _is_at_another_door(account: PanelAccount, given: Given) -> bool:
    return bool(dict(given.config) != account.config)


def _is_shared(place: PanelTarget) -> bool:
    return place.account.targets.exclude(pk=place.pk).exists()


def _made(workspace: Workspace, given: Given) -> PanelAccount:
    if given.secret is None:
        raise InvalidValue(panels.get(given.kind).secret_field, "panel_secret_again", field="The account")
    return PanelAccount.objects.create(
        workspace=workspace,
        kind=given.kind,
        name=given.name,
        config=dict(given.config),
        sealed_secret=given.secret,
        fingerprint_sha256=given.pinned or "",
    )


@transaction.atomic
def change_account(*, account: PanelAccount, given: Given, actor: Actor) -> PanelAccount:
    """Change how an account is entered. At another door nothing is known: the pin goes, and what was installed.

    A run that is there now loses its turn, and says nothing of the credential that is on file from now on.
    """
    row = PanelAccount.unscoped.select_for_update(no_key=True).get(pk=account.pk)
    before, changed = _told(row), []
    if _is_at_another_door(row, given):
        row.config, row.fingerprint_sha256, row.seen_fingerprint = dict(given.config), "", ""
        row.targets.update(refs={}, sites=[], installed_certificate=None, last_status="")
        changed += ["config", "fingerprint_sha256", "seen_fingerprint"]
    if given.name and given.name != row.name:
        row.name = given.name
        changed.append("name")
    if given.secret is not None:
        row.sealed_secret, row.refused_at = given.secret, None
        changed += ["sealed_secret", "refused_at"]
    if given.pinned is not None and given.pinned != row.fingerprint_sha256:
        row.fingerprint_sha256 = given.pinned
        changed.append("fingerprint_sha256")
    if changed:
        row.lease_token = row.lease_until = None
        row.save(update_fields=[*dict.fromkeys(changed), "lease_token", "lease_until"])
        _record_changed(row, before, actor, is_new_secret=given.secret is not None)
        ask_after_account_change(row)
    return row


def _told(row: PanelAccount) -> dict[str, str]:
    """What an event may hold of it."""
    return {"name": row.name, **row.config, "fingerprint_sha256": row.fingerprint_sha256}


def _record_changed(row: PanelAccount, before: dict[str, str], actor: Actor, *, is_new_secret: bool) -> None:
    after = _told(row)
    names = [name for name in after if after[name] != before.get(name, "")]
    record(
        "panel.changed",
        workspace_id=row.workspace_id,
        actor=actor,
        data={
            "panel": panel_label(row),
            "account": str(row.pk),
            "changes": ", ".join([*names, *(["credential"] if is_new_secret else [])]),
            "before": {name: before.get(name, "") for name in names},
            "after": {name: after[name] for name in names},
        },
    )


@transaction.atomic
def trust_panel(*, account: PanelAccount, fingerprint: str, actor: Actor) -> None:
    """Pin the panel's own certificate; any other stops every visit before the credential. Repeatable.

    What waits for it is installed by itself. Raises InvalidValue for `fingerprint_sha256`.
    """
    pinned = read_fingerprint(fingerprint)
    row = PanelAccount.unscoped.select_for_update(no_key=True).get(pk=account.pk)
    if pinned == row.fingerprint_sha256:
        return
    before, row.fingerprint_sha256 = row.fingerprint_sha256, pinned
    row.save(update_fields=["fingerprint_sha256"])
    record(
        "panel.trusted",
        workspace_id=row.workspace_id,
        actor=actor,
        data={"panel": panel_label(row), "fingerprint": pinned, "before": before},
    )
    ask_after_account_change(row)
    reconcile_all(row)


@transaction.atomic
def allow_replacement(*, place: PanelTarget, site: str, actor: Actor) -> None:
    """Somebody's own certificate, which the last run has found on a site, may be replaced. Installs by itself then.

    Raises NeedsUser panel_nothing_to_replace.
    """
    found = next((one for one in place.sites if (one["site"], one["code"]) == (site, FOREIGN)), None)
    if found is None:
        raise NeedsUser("panel_nothing_to_replace", site=site[:253])
    place.refs = {**place.refs, site: found["params"]["certificate"]}
    place.save(update_fields=["refs"])
    _record("panel.saved", place, actor, changes=f"the certificate of one's own in {site} may be replaced")
    ask_after_change(place.domain)
    reconcile_target(place, interactive=True)


@transaction.atomic
def delete_panel(*, place: PanelTarget, actor: Actor) -> None:
    """Install nothing there any more; the credential is destroyed with the last domain that needs it."""
    _record("panel.deleted", place, actor)
    account = place.account
    lock_targets(place.domain)
    place.delete()
    settle_domain(place.domain)
    ask_after_change(place.domain)
    drop_unused(account)


@transaction.atomic
def start_try(*, place: PanelTarget, actor: Actor) -> TargetRun:
    """`Test`: a run that changes nothing. Works on drafts. One that is under way is returned."""
    return start_look(place, TargetRun.Kind.TEST, actor)


def _record(kind: str, place: PanelTarget, actor: Actor, **data: str) -> None:
    record(
        kind,
        workspace_id=place.workspace_id,
        actor=actor,
        domain_id=place.domain_id,
        domain_label=place.domain.label,
        data={"panel": panel_label(place.account), "target": str(place.pk), **data},
    )
