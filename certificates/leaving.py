"""The accounts of a workspace that is deleted are closed at their CAs; the keys go with the rows."""

from urllib.parse import urlsplit

from accounts.closing import Settling
from certificates.line import connect_as
from certificates.models import AcmeAccount
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError, Transient, describe


def deactivate_accounts(call: Settling) -> list[str]:
    """Close each account at its CA, then forget it. Raises Transient while a CA cannot be asked."""
    left: list[str] = []
    later: Transient | None = None
    for account in AcmeAccount.objects.for_workspace(call.workspace_id).order_by("created_at", "id"):
        try:
            call.hold()
            deactivate(account)
        except ExpectedError as error:
            if isinstance(error, Transient) and not call.is_last:
                later = error
                continue
            left.append(_in_words(account, error))
        else:
            account.delete()
    if later:
        raise later
    return left


def deactivate(account: AcmeAccount) -> None:
    """Close the account at its CA. Blocks; repeatable."""
    with connect_as(account) as ca:
        # A worker that died right after opening the account has left its key and no URI.
        uri = account.uri or ca.find_account()
        if uri:
            ca.deactivate_account(uri)
            crash_here("close.account_deactivated")


def _in_words(account: AcmeAccount, error: ExpectedError) -> str:
    host = urlsplit(account.directory_url).hostname or account.directory_url
    why = describe(error.code, error.params).title
    return f"The account at {host} could not be closed there ({why}): {account.uri or 'its address was never told'}"
