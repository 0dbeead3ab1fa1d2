"""The worker's side of an account: its CA's directory once a week, the change of its key, its end.

A CA that ends, a profile that it drops, roots that no longer match: found out here while certificates are still far
from their renewal, instead of by a renewal that fails.
"""

import random
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from certificates.cas.accounts import record_of
from certificates.cas.directories import facts_of
from certificates.cas.ledger import forget_old
from certificates.cas.telling import tell_directory
from certificates.leaving import deactivate
from certificates.line import LEASE_SECONDS, connect_as, hand_in_next_key, is_known_by_next_key
from certificates.models import AcmeAccount
from config.lib import clock, errors, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, Transient

LOOKED_EVERY = timedelta(days=7)
# After a look that failed: soon, and later every few hours for as long as it takes.
PAUSES = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
MOST_CLOSING_ATTEMPTS = 12
# Accounts that were opened together need not all be looked at in the same minute of every week.
_chance = random.SystemRandom()


def work_accounts(batch: Sequence[AcmeAccount]) -> None:
    for account in batch:
        if account.closing_at:
            _close(account)
            continue
        if account.rolling_at:
            _change_key(account)
        _look(account)


def _look(account: AcmeAccount) -> None:
    """Blocks; repeatable. What was in the way is kept on the row."""
    forget_old()
    account.renew_lease(LEASE_SECONDS)
    try:
        with connect_as(account, in_line=False) as ca:
            facts = facts_of(ca.look_at_directory())
    except ExpectedError as error:
        _keep_failure(account, error)
        return
    crash_here("ca.looked")
    next_look = clock.now() + LOOKED_EVERY * _chance.uniform(0.9, 1.1)
    account.finish(
        run_after=next_look,
        looked_at=clock.now(),
        facts=facts,
        error_code="",
        error_params={},
        also=lambda: tell_directory(account, failures=0),
    )


def _keep_failure(account: AcmeAccount, error: ExpectedError) -> None:
    failures = account.attempts + 1
    named = error.retry_at if isinstance(error, Transient) else None
    pause = PAUSES[min(failures, len(PAUSES)) - 1]
    account.finish(
        run_after=max(clock.now() + pause, named or clock.now()),
        looked_at=clock.now(),
        attempts=failures,
        error_code=error.code,
        error_params=jobs.storable(error.params),
        also=lambda: tell_directory(account, failures=failures),
    )


def _change_key(account: AcmeAccount) -> None:
    """Repeatable after any crash: an account that the CA finds by the next key has it already."""
    account.renew_lease(LEASE_SECONDS)
    if not is_known_by_next_key(account):
        account.renew_lease(LEASE_SECONDS)
        hand_in_next_key(account)
        crash_here("ca.key_changed")
    account.save_step(rolling_at=None, rolled_at=clock.now(), also=partial(_swap_keys, account))
    crash_here("ca.key_kept")


def _swap_keys(account: AcmeAccount) -> None:
    account.sealed_key, account.next_key = account.next_key, None
    account.save(update_fields=["sealed_key", "next_key"])
    record_of(account, "ca.key_changed")()


def _close(account: AcmeAccount) -> None:
    """Tell the CA, then forget the account. One that cannot be told for a day is forgotten all the same."""
    account.renew_lease(LEASE_SECONDS)
    left = ""
    try:
        deactivate(account)
    except ExpectedError as error:
        if isinstance(error, Transient) and account.attempts < MOST_CLOSING_ATTEMPTS:
            raise
        left = errors.describe(error.code, error.params).title
    crash_here("ca.account_closed")
    account.finish(also=lambda: _forget(account, left))


def _forget(account: AcmeAccount, left: str) -> None:
    tell_directory(account, failures=0)
    record_of(account, "ca.forgotten", **({"not_closed_there": left} if left else {}))()
    account.delete()


def give_up(account: AcmeAccount, error: ExpectedError) -> None:
    """The CA refused the change of the key: the old one stays. Anything else is looked at again the next week."""
    refused = account.rolling_at is not None
    trouble = {"error_code": error.code, "error_params": jobs.storable(error.params)}
    account.finish(
        run_after=clock.now() + LOOKED_EVERY,
        looked_at=clock.now(),
        rolling_at=None,
        **trouble,
        also=partial(_drop_next_key, account, error) if refused else None,
    )


def _drop_next_key(account: AcmeAccount, error: ExpectedError) -> None:
    account.next_key = None
    account.save(update_fields=["next_key"])
    record_of(account, "ca.key_change_failed", error=errors.describe(error.code, error.params).title)()
