"""What is kept of the door of a panel: the certificate that it showed, and whether it takes the credential."""

import contextlib
from collections.abc import Iterator, Sequence

from django.db import transaction
from django.db.models import Q, QuerySet

from auditlog.events import record
from config.lib import clock
from config.lib.errors import ExpectedError
from deploy.models import PanelAccount, TargetRun
from deploy.panels.panel import LoginRefused
from deploy.reconcile import reconcile_all

_SHOWED = ("panel_certificate_untrusted", "panel_certificate_changed")


@contextlib.contextmanager
def knocking(run: TargetRun) -> Iterator[None]:
    """For the length of what is asked of the panel: passes every error on, after what it says was kept."""
    try:
        yield
    except ExpectedError as error:
        if error.code in _SHOWED and error.params.get("seen"):
            _note_certificate(run, error.code, str(error.params["seen"]))
        refuse_login(run, [error])
        raise
    # It showed what it should: another certificate that was seen once is nothing to trust, and news if it comes again.
    _held(run).exclude(seen_fingerprint="").update(seen_fingerprint="")


def refuse_login(run: TargetRun, errors: Sequence[ExpectedError | None]) -> None:
    """A refused credential waits for a person: panels lock whoever goes on. Says nothing of one saved meanwhile."""
    if any(isinstance(error, LoginRefused) for error in errors):
        _held(run).update(refused_at=clock.now())


@transaction.atomic
def welcome_login(run: TargetRun) -> None:
    """The panel takes it again: what waited for that goes on."""
    if _held(run).exclude(refused_at=None).update(refused_at=None) and run.panel_account:
        reconcile_all(run.panel_account)


def _held(run: TargetRun) -> QuerySet[PanelAccount]:
    """The account while this claim has it: one that was changed meanwhile is not meant."""
    return PanelAccount.unscoped.filter(Q(pk=run.panel_account_id), lease_token=run.lease_token)


@transaction.atomic
def _note_certificate(run: TargetRun, code: str, seen: str) -> None:
    """Once per new certificate: a ladder of retries must not send a mail each."""
    rows = _held(run).exclude(seen_fingerprint=seen)
    if rows.update(seen_fingerprint=seen) and code == "panel_certificate_changed" and run.panel_account:
        record(
            "panel.certificate_changed",
            workspace_id=run.workspace_id,
            domain_id=run.domain_id,
            domain_label=run.domain.label,
            run_id=run.pk,
            data={"panel": run.label, "expected": run.panel_account.fingerprint_sha256, "seen": seen},
        )
