"""A workspace's accounts as people keep them: a CA added, changed, looked at, given a new key, removed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Workspace
from auditlog.events import Actor, difference, record
from certificates.cas.choosing import default_url
from certificates.cas.given import Given
from certificates.cas.known import ca_label
from certificates.keys import new_key
from certificates.models import AcmeAccount, Certificate, Issuance, Renewal, Revocation
from config.lib import clock, jobs
from config.lib.errors import NeedsUser, Transient

ACCOUNTS_AT_MOST = 30
Step = Issuance.Step
# Before these the account's key was not used yet, and after them it is not used any more.
AWAY_FROM_CA = (Step.CHECK_GATES, Step.OPEN_ACCOUNT, Step.DONE)


@dataclass(frozen=True)
class Use:
    """What an account is needed for."""

    issuances: int
    renewals: int
    certificates: int


def accounts_of(workspace: Workspace) -> QuerySet[AcmeAccount]:
    return AcmeAccount.objects.for_workspace(workspace).order_by("created_at", "id")


def add_ca(*, workspace: Workspace, given: Given, actor: Actor) -> AcmeAccount:
    """Keep a CA that the workspace may order from, and look at its directory. Its account opens with the first order.

    Raises NeedsUser ca_present, cas_full.
    """
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        account = _row_for(workspace, given.directory_url)
        account.is_added = True
        _fill(account, given)
        account.save()
        _record("ca.added", account, actor, **difference({}, _shown(account, given)))
        ask_for_look(account)
    return account


def _row_for(workspace: Workspace, directory_url: str) -> AcmeAccount:
    """A new one, or that of a CA which was the portal's own once."""
    rows = accounts_of(workspace)
    known = rows.filter(directory_url=directory_url).first()
    if directory_url == default_url() or (known and (known.is_added or known.closing_at)):
        raise NeedsUser("ca_present", ca=ca_label(directory_url))
    if known is None and rows.count() >= ACCOUNTS_AT_MOST:
        raise NeedsUser("cas_full", most=ACCOUNTS_AT_MOST)
    return known or AcmeAccount(workspace=workspace, directory_url=directory_url, sealed_key=new_key())


def change_ca(*, account: AcmeAccount, given: Given, actor: Actor) -> None:
    """Everything but its address. Credentials that are left empty stay as they are."""
    with transaction.atomic():
        row = _locked(account)
        before = _shown(row)
        _fill(row, given)
        row.save(update_fields=["ca_bundle", "external_key_id", "external_mac", "preferred_chain"])
        _record("ca.changed", row, actor, **difference(before, _shown(row, given)))
        ask_for_look(row)
    account.refresh_from_db()


def _fill(account: AcmeAccount, given: Given) -> None:
    account.ca_bundle = given.ca_bundle
    account.preferred_chain = given.preferred_chain
    if given.external_mac:
        account.external_key_id, account.external_mac = given.external_key_id, given.external_mac


def ask_for_look(account: AcmeAccount) -> None:
    """Somebody wants to know how the CA is. Repeatable; the caller waits or polls."""
    jobs.start_now(account, asked_at=clock.now())
    jobs.ring("acme_account", interactive=True)


def ask_for_new_key(*, account: AcmeAccount, actor: Actor) -> None:
    """Keep the next key and ring for the change. Repeatable while it is under way.

    Raises NeedsUser ca_account_closed before there is an account, ca_account_busy while proofs hang on the old key:
    what a TXT record holds is made from it.
    """
    with transaction.atomic():
        row = _locked(account)
        if not row.uri:
            raise NeedsUser("ca_account_closed", ca=ca_label(row.directory_url))
        if row.rolling_at is None:
            _require_idle(row)
            row.next_key, row.rolling_at = new_key(), clock.now()
            row.save(update_fields=["next_key", "rolling_at"])
            _record("ca.key_change_asked", row, actor)
        ask_for_look(row)
    account.refresh_from_db()


def require_settled(account_id: UUID) -> None:
    """Inside the transaction that lets an issuance go to its CA: raise `ca_key_changing` while the key changes.

    The lock makes it either see the change, or be seen by whoever asks for one.
    """
    rows = AcmeAccount.unscoped.select_for_update().filter(pk=account_id, rolling_at__isnull=False)
    if rows.exists():
        raise Transient("ca_key_changing")


def _require_idle(account: AcmeAccount) -> None:
    busy = _issuances(account).exclude(step__in=AWAY_FROM_CA).count()
    revoking = Revocation.unscoped.filter(
        workspace=account.workspace_id, certificate__directory_url=account.directory_url, ended_at=None
    )
    if busy or revoking.exists():
        raise NeedsUser("ca_account_busy", ca=ca_label(account.directory_url), count=busy + revoking.count())


def remove_ca(*, account: AcmeAccount, actor: Actor) -> None:
    """Have the account closed at the CA, then forget it. Repeatable.

    Raises NeedsUser ca_is_default for the portal's own CA, ca_in_use while something is issued or renewed there.
    """
    with transaction.atomic():
        row = _locked(account)
        if row.directory_url == default_url():
            raise NeedsUser("ca_is_default", ca=ca_label(row.directory_url))
        use = use_of(row)
        if use.issuances or use.renewals:
            raise NeedsUser("ca_in_use", ca=ca_label(row.directory_url), **vars(use))
        if row.closing_at is None:
            row.closing_at = clock.now()
            row.save(update_fields=["closing_at"])
            _record("ca.removed", row, actor, **difference(_shown(row), {}))
        ask_for_look(row)


def use_of(account: AcmeAccount) -> Use:
    here = {"workspace": account.workspace_id, "directory_url": account.directory_url}
    valid = Certificate.unscoped.filter(**here, not_after__gt=clock.now(), revoked_at=None)
    return Use(
        issuances=_issuances(account).exclude(step=Step.DONE).count(),
        renewals=Renewal.unscoped.filter(**here).count(),
        certificates=valid.count(),
    )


def _issuances(account: AcmeAccount) -> QuerySet[Issuance]:
    return Issuance.unscoped.filter(workspace=account.workspace_id, directory_url=account.directory_url)


def _locked(account: AcmeAccount) -> AcmeAccount:
    return AcmeAccount.unscoped.select_for_update().get(pk=account.pk)


def _shown(account: AcmeAccount, given: Given | None = None) -> dict[str, str]:
    """What the audit log compares; of the external key only that one was given."""
    bundle = account.ca_bundle.encode()
    shown = {
        "directory": account.directory_url,
        "own_roots": f"SHA-256 {hashlib.sha256(bundle).hexdigest()[:16]}" if bundle else "",
        "external_key_id": account.external_key_id,
        "preferred_chain": account.preferred_chain,
    }
    return shown | {"external_key": "given"} if given and given.external_mac else shown


def record_of(account: AcmeAccount, kind: str, **more: Any) -> Callable[[], None]:
    """An event to be written in the transaction of what it tells."""
    return lambda: _record(kind, account, None, **more)


def _record(kind: str, account: AcmeAccount, actor: Actor | None, **more: Any) -> None:
    data = {"ca": ca_label(account.directory_url), "directory": account.directory_url, **more}
    record(kind, workspace_id=account.workspace_id, actor=actor, data=data)
