"""The connection to a CA as a workspace's account."""

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings

from certificates import acme
from certificates.acme.network import EXCHANGE_SECONDS
from certificates.cas import outages
from certificates.keys import new_key
from certificates.models import AcmeAccount, Issuance
from config.lib import clock
from config.lib.errors import Transient

LEASE_SECONDS = 60
# With what is left after these an exchange ends within the lease.
FRESH_SECONDS = LEASE_SECONDS - EXCHANGE_SECONDS - 5
# A workspace's own CA may be as slow as it likes, but not at the price of a worker: each claim ends.
LONGEST_CLAIM_SECONDS = 300


@contextmanager
def connect_as(account: AcmeAccount, *, in_line: bool = True) -> Iterator[acme.AcmeClient]:
    """A client that signs as this account. Raises Transient acme_waits while its CA is out of reach."""
    bundle = bundle_of(account)
    outage = outages.require_reachable(account.directory_url, bundle, in_line=in_line)
    client = acme.connect(
        account.directory_url,
        account_key_pem=account.sealed_key.reveal(),
        account_uri=account.uri,
        ca_bundle=bundle,
    )
    try:
        with client as ca:
            try:
                yield ca
            finally:
                if ca.has_answered:
                    outages.note_answer(outage)
    except Transient as error:
        outages.note_failure(account.directory_url, bundle, outage, error)
        raise


def wait_for(workspace_id: uuid.UUID, directory_url: str) -> Transient | None:
    """Why nothing is to be begun at this CA just now, with a place in the line; None when it may be."""
    account = AcmeAccount.unscoped.filter(workspace=workspace_id, directory_url=directory_url).first()
    return outages.wait_of(directory_url, bundle_of(account)) if account else None


def external_of(account: AcmeAccount) -> acme.ExternalAccount | None:
    """What binds it to an account that the CA knows already, where the workspace gave that."""
    if not account.external_mac:
        return None
    return acme.ExternalAccount(account.external_key_id, account.external_mac)


def is_known_by_next_key(account: AcmeAccount) -> bool:
    """Whether the CA finds this account by the key that is to take the other's place. Blocks; repeatable."""
    next_pem = account.next_key.reveal()
    with acme.connect(account.directory_url, account_key_pem=next_pem, ca_bundle=bundle_of(account)) as ca:
        return ca.find_account() == account.uri


def hand_in_next_key(account: AcmeAccount) -> None:
    """Have the CA take the next key in place of the other. Blocks; NOT repeatable."""
    with connect_as(account) as ca:
        ca.change_key(account.next_key.reveal())


def bundle_of(account: AcmeAccount) -> str:
    """The roots that its CA's interface is verified against, in one of the forms that `acme.connect` takes."""
    if account.ca_bundle:
        return account.ca_bundle
    return settings.ACME_CA_BUNDLE if account.directory_url == settings.ACME_DIRECTORY_URL else ""


class Line:
    """One issuance's connection to its CA: opened at its first use, kept for the steps of one claim."""

    def __init__(self, stack: ExitStack, issuance: Issuance) -> None:
        self._stack = stack
        self._issuance = issuance
        self._client: acme.AcmeClient | None = None
        # The claim has just begun the lease.
        self._renewed_at = self._began_at = time.monotonic()
        self._account: AcmeAccount | None = None
        self._order: acme.Order | None = None

    def ca(self) -> acme.AcmeClient:
        """The client, with a lease that outlasts an exchange: every caller is about to ask the CA something.

        Raises Transient acme_too_slow when the exchanges of this claim have taken minutes.
        """
        if time.monotonic() - self._began_at > LONGEST_CLAIM_SECONDS:
            raise Transient("acme_too_slow", minutes=LONGEST_CLAIM_SECONDS // 60)
        if time.monotonic() - self._renewed_at > FRESH_SECONDS:
            self._issuance.renew_lease(LEASE_SECONDS)
            self._renewed_at = time.monotonic()
        if self._client is None:
            self._client = self._stack.enter_context(connect_as(self.account()))
        return self._client

    def load_order(self) -> acme.Order:
        """What the step before was told, if that was in this claim; else one look."""
        order, self._order = self._order, None
        return order or self.ca().load_order(self._issuance.order_url)

    def remember(self, order: acme.Order) -> None:
        """For the very next step, which would else ask the CA what it has just said."""
        self._order = order

    def account(self) -> AcmeAccount:
        """Read once for each claim."""
        if self._account is None:
            self._account = account_of(self._issuance)
        return self._account


def account_of(issuance: Issuance) -> AcmeAccount:
    """The workspace's account row at this CA; its key is stored before the CA hears of it."""
    account, _ = AcmeAccount.unscoped.get_or_create(
        workspace_id=issuance.workspace_id,
        directory_url=issuance.directory_url,
        defaults={"sealed_key": new_key(), "run_after": clock.now()},
    )
    return account
