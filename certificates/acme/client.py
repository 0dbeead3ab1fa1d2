"""What an issuance asks of a CA, one exchange per call."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from acme import challenges, messages
from cryptography import x509
from josepy.interfaces import JSONDeSerializable
from josepy.json_util import field

from certificates.acme.facts import (
    Authorization,
    Directory,
    ExternalAccount,
    Order,
    RenewalInfo,
    bad_answer,
    read_authorization,
    read_directory,
    read_order,
    read_renewal_info,
)
from certificates.acme.kept import Kept, kept_session
from certificates.acme.network import EXCHANGE_SECONDS, Network, json_of, retry_at
from config.lib.errors import ExpectedError, Permanent, Transient

DIRECTORY_SECONDS = 300
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_directories: dict[tuple[str, str], tuple[float, Directory]] = {}


@dataclass(frozen=True)
class IssuedChain:
    """Leaf first. `alternate_urls` are other chains for the same leaf."""

    pems: tuple[str, ...]
    alternate_urls: tuple[str, ...] = ()


class _NewOrder(messages.NewOrder):
    """The library's newOrder has no `replaces` (RFC 9773, section 5)."""

    replaces: str = field("replaces", omitempty=True)


@contextmanager
def connect(
    directory_url: str, *, account_key_pem: bytes, account_uri: str = "", ca_bundle: str = ""
) -> "Iterator[AcmeClient]":
    """A client that signs with `account_key_pem`, as the account at `account_uri` once there is one.

    Opens no connection before the first exchange. `ca_bundle` names a file of roots trusted for this CA's API, or
    is their PEM.
    """
    with kept_session(directory_url, ca_bundle) as kept:
        yield AcmeClient((directory_url, ca_bundle), kept, account_key_pem, account_uri)


class AcmeClient:
    """Blocking, not for two threads at once. Nothing here sleeps or waits for a state."""

    def __init__(self, at: tuple[str, str], kept: Kept, account_key_pem: bytes, account_uri: str) -> None:
        self.directory_url = at[0]
        host = urlsplit(self.directory_url).hostname or self.directory_url
        # What was read under one workspace's roots is nobody else's.
        self._at = at
        self._network = Network(kept, account_key_pem, account_uri, host)

    @property
    def has_answered(self) -> bool:
        """Whether the CA said anything but that it has a problem of its own."""
        return self._network.has_answered

    def directory(self) -> Directory:
        """The CA's directory; asked for at most once in five minutes per process."""
        known = _directories.get(self._at)
        if known is None or known[0] < time.monotonic():
            return self.look_at_directory()
        return known[1]

    def look_at_directory(self) -> Directory:
        """The CA's directory as it is now."""
        with self._network.within(EXCHANGE_SECONDS):
            response = self._network.get(self.directory_url)
        directory = read_directory(self.directory_url, json_of(response))
        _directories[self._at] = (time.monotonic() + DIRECTORY_SECONDS, directory)
        return directory

    def open_account(self, *, email: str = "", external: ExternalAccount | None = None) -> str:
        """The account's URI: a new one, or the one that this key already has. Repeatable."""
        directory = self.directory()
        binding = self._binding(external, directory) if external else None
        registration = messages.NewRegistration.from_data(
            email=email or None, terms_of_service_agreed=True, external_account_binding=binding
        )
        self._network.use_account("")
        uri = self._post("newAccount", registration).headers.get("Location", "")
        if not uri:
            raise bad_answer("The account has no URL.")
        self._network.use_account(uri)
        return uri

    def find_account(self) -> str:
        """The URI of the account that this key has; empty when it has none, or one that is closed. Opens none."""
        self._network.use_account("")
        try:
            response = self._post("newAccount", messages.NewRegistration(only_return_existing=True))
        except (Permanent, Transient) as error:
            if not _has_no_account(error):
                raise
            return ""
        uri = response.headers.get("Location", "")
        self._network.use_account(uri)
        return uri

    def deactivate_account(self, uri: str) -> None:
        """Close the account for good: this key never orders again (RFC 8555, section 7.3.6). Repeatable."""
        self._network.use_account(uri)
        try:
            self._send(uri, messages.UpdateRegistration(status=messages.STATUS_DEACTIVATED))
        except (Permanent, Transient) as error:
            if not _has_no_account(error):
                raise

    def change_key(self, new_key_pem: bytes) -> None:
        """Give the account another key (RFC 8555, section 7.3.5). NOT repeatable: the old key ends with it.

        Whether it came to pass, an account found by the new key tells.
        """
        self._post("keyChange", self._network.key_change(new_key_pem, self._endpoint("keyChange")))

    def new_order(self, names: Sequence[str], *, profile: str = "", replaces: str = "") -> Order:
        """Order a certificate. NOT repeatable: each call may leave one more pending order."""
        identifiers = [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name) for name in names]
        request = _NewOrder(identifiers=identifiers, profile=profile, replaces=replaces)
        response = self._post("newOrder", request)
        url = response.headers.get("Location", "")
        if not url:
            raise bad_answer("The order has no URL.")
        return read_order(url, json_of(response), retry_at(response))

    def load_order(self, url: str) -> Order:
        """One look at an order. A CA that no longer knows it raises `acme_order_expired`."""
        try:
            response = self._look(url)
        except Permanent as error:
            if error.params.get("status") != 404:
                raise
            raise Permanent("acme_order_expired", **error.params) from error
        return read_order(url, json_of(response), retry_at(response))

    def load_authorization(self, url: str) -> Authorization:
        """One look at an authorization."""
        response = self._look(url)
        return read_authorization(url, json_of(response), self._network.thumbprint, retry_at(response))

    def answer_challenge(self, url: str) -> None:
        """Tell the CA to look. It looks once: an order whose validation failed is lost.

        Repeatable: a challenge that was answered before is refused as malformed, and what it came to
        is in its authorization.
        """
        try:
            self._send(url, challenges.DNS01Response(key_authorization=""))
        except Permanent as error:
            if error.params.get("kind") != "malformed":
                raise

    def finalize(self, order: Order, csr_der: bytes) -> Order:
        """Hand in the CSR. Repeatable: an order past this point is looked at instead."""
        request = messages.CertificateRequest(csr=x509.load_der_x509_csr(csr_der))
        try:
            response = self._send(order.finalize_url, request)
        except ExpectedError as error:
            if error.code != "acme_order_not_ready":
                raise
            return self.load_order(order.url)
        return read_order(order.url, json_of(response), retry_at(response))

    def download_chain(self, url: str) -> IssuedChain:
        """The issued certificate with its intermediates. Repeatable."""
        response = self._look(url)
        pems = tuple(f"{pem}\n" for pem in _PEM.findall(response.text))
        if not pems:
            raise bad_answer("The certificate is not PEM.")
        links = requests.utils.parse_header_links(response.headers.get("Link", ""))
        return IssuedChain(pems, tuple(link["url"] for link in links if link.get("rel") == "alternate"))

    def deactivate_authorization(self, url: str) -> None:
        """Give a proof back, so that no later order can reuse it. Repeatable."""
        try:
            self._send(url, messages.UpdateAuthorization(status=messages.STATUS_DEACTIVATED))
        except Permanent as error:
            if error.params.get("kind") != "malformed":
                raise

    def renewal_info(self, certificate_id: str) -> RenewalInfo | None:
        """When the CA would have this certificate renewed; None where it makes no suggestions. Repeatable."""
        with self._network.within(EXCHANGE_SECONDS):
            url = self.directory().endpoints.get("renewalInfo")
            if not url:
                return None
            response = self._network.get(f"{url.rstrip('/')}/{certificate_id}")
        return read_renewal_info(json_of(response), retry_at(response))

    def revoke(self, leaf_pem: str, reason: int = 0) -> None:
        """Revoke with a reason of RFC 5280, section 5.3.1. Repeatable."""
        certificate = x509.load_pem_x509_certificate(leaf_pem.encode())
        try:
            self._post("revokeCert", messages.Revocation(certificate=certificate, reason=reason))
        except Permanent as error:
            if error.params.get("kind") != "alreadyRevoked":
                raise

    def _post(self, endpoint: str, payload: JSONDeSerializable) -> requests.Response:
        with self._network.within(EXCHANGE_SECONDS):
            return self._send(self._endpoint(endpoint), payload)

    def _endpoint(self, name: str) -> str:
        url = self.directory().endpoints.get(name)
        if not url:
            raise bad_answer(f"The directory lacks {name}.")
        return url

    def _look(self, url: str) -> requests.Response:
        return self._send(url, None)

    def _send(self, url: str, payload: JSONDeSerializable | None) -> requests.Response:
        with self._network.within(EXCHANGE_SECONDS):
            return self._network.post(url, payload, new_nonce_url=self.directory().endpoints["newNonce"])

    def _binding(self, external: ExternalAccount, directory: Directory) -> dict[str, object]:
        return messages.ExternalAccountBinding.from_data(
            self._network.account_key.public_key(),
            external.key_id,
            external.mac_key.reveal_text(),
            messages.Directory(dict(directory.endpoints)),
        )


def _has_no_account(error: ExpectedError) -> bool:
    """Whether the CA knows no account of this key, or has closed it: that one is `unauthorized`."""
    return error.params.get("kind") in ("accountDoesNotExist", "unauthorized")
