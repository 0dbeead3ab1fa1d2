"""The connection to a CA as a workspace's account."""

from contextlib import AbstractContextManager, ExitStack

from django.conf import settings

from certificates import acme
from certificates.keys import new_key
from certificates.models import AcmeAccount, Issuance

LEASE_SECONDS = 60


def connect_as(account: AcmeAccount) -> AbstractContextManager[acme.AcmeClient]:
    """A client that signs as this account."""
    return acme.connect(
        account.directory_url,
        account_key_pem=account.sealed_key.reveal(),
        account_uri=account.uri,
        ca_bundle=settings.ACME_CA_BUNDLE,
    )


class Line:
    """One issuance's connection to its CA: opened at its first use, kept for the steps of one claim."""

    def __init__(self, stack: ExitStack, issuance: Issuance) -> None:
        self._stack = stack
        self._issuance = issuance
        self._client: acme.AcmeClient | None = None

    def ca(self) -> acme.AcmeClient:
        """The client, with the lease renewed: every caller is about to ask the CA something."""
        self._issuance.renew_lease(LEASE_SECONDS)
        if self._client is None:
            self._client = self._stack.enter_context(connect_as(account_of(self._issuance)))
        return self._client


def account_of(issuance: Issuance) -> AcmeAccount:
    """The workspace's account row at this CA; its key is stored before the CA hears of it."""
    account, _ = AcmeAccount.unscoped.get_or_create(
        workspace_id=issuance.workspace_id,
        directory_url=issuance.directory_url,
        defaults={"sealed_key": new_key()},
    )
    return account
