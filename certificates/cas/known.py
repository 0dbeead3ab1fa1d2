"""What is known of CAs before anybody asks them: addresses, what they want, how much they give. Data, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

MOST_NAMES = 100


class Counted(StrEnum):
    """What CAs count."""

    ORDERS = "orders"
    OF_DOMAIN = "certificates_of_domain"
    OF_NAMES = "certificates_of_names"
    FAILURES = "failures"
    ACCOUNTS = "accounts"


@dataclass(frozen=True)
class Limit:
    """At most `most` of something in any stretch of `within`; ORDERS and OF_DOMAIN spare the renewals of a name set."""

    counted: Counted
    most: int
    within: timedelta

    @property
    def spares_renewals(self) -> bool:
        return self.counted in (Counted.ORDERS, Counted.OF_DOMAIN)


@dataclass(frozen=True)
class Profile:
    """A kind of certificate that a CA offers, as its directory calls it; `words` say what it is."""

    name: str
    words: str
    most_names: int = MOST_NAMES


@dataclass(frozen=True)
class Ca:
    """`label` is how it is called within a sentence. `key_types` is empty where any will do.

    `credentials_at` says where the key id and MAC key of its external account binding come from, and is empty
    where none are needed. `refuses_redundant`: no wildcard beside a name that it covers.
    """

    label: str
    directory_url: str
    key: str = ""
    is_for_trials: bool = False
    credentials_at: str = ""
    profiles: tuple[Profile, ...] = ()
    limits: tuple[Limit, ...] = ()
    key_types: tuple[str, ...] = ()
    refuses_redundant: bool = False

    @property
    def title(self) -> str:
        """Its name where a line begins with it."""
        return self.label[0].upper() + self.label[1:]

    @property
    def host(self) -> str:
        return urlsplit(self.directory_url).hostname or self.directory_url

    def most_names(self, profile: str) -> int:
        """The default is what an order gets that names none."""
        return next((known.most_names for known in self.profiles if known.name == profile), MOST_NAMES)

    def limit(self, counted: Counted) -> Limit | None:
        return next((limit for limit in self.limits if limit.counted == counted), None)


_HOUR, _WEEK = timedelta(hours=1), timedelta(days=7)

LETS_ENCRYPT_PROFILES = (
    Profile("classic", "90 days, up to 100 names; the usual one"),
    Profile("tlsserver", "45 days, up to 25 names, an hour to prove them", most_names=25),
    Profile("shortlived", "6 days, up to 25 names, an hour to prove them", most_names=25),
)


def _lets_encrypt_limits(*, orders: int, of_names: int, failures: int) -> tuple[Limit, ...]:
    """As published for 2026; the refill is gradual there, so a sliding count is on the safe side."""
    return (
        Limit(Counted.ORDERS, orders, 3 * _HOUR),
        Limit(Counted.OF_DOMAIN, max(of_names, 50), _WEEK),
        Limit(Counted.OF_NAMES, of_names, _WEEK),
        Limit(Counted.FAILURES, failures, _HOUR),
        Limit(Counted.ACCOUNTS, 10 if of_names < 50 else 50, 3 * _HOUR),
    )


_SSLCOM = "Sign in at ssl.com: the dashboard shows key id and HMAC key under API and ACME."

KNOWN: Sequence[Ca] = (
    Ca(
        "Let's Encrypt",
        "https://acme-v02.api.letsencrypt.org/directory",
        key="letsencrypt",
        profiles=LETS_ENCRYPT_PROFILES,
        limits=_lets_encrypt_limits(orders=300, of_names=5, failures=5),
        refuses_redundant=True,
    ),
    Ca(
        "Let's Encrypt (staging)",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
        key="letsencrypt-staging",
        is_for_trials=True,
        profiles=LETS_ENCRYPT_PROFILES,
        limits=_lets_encrypt_limits(orders=1500, of_names=30_000, failures=200),
        refuses_redundant=True,
    ),
    Ca(
        "ZeroSSL",
        "https://acme.zerossl.com/v2/DV90",
        key="zerossl",
        credentials_at="Sign in at zerossl.com, open Developer, and generate EAB Credentials for ACME Clients.",
    ),
    Ca(
        "Google Trust Services",
        "https://dv.acme-v02.api.pki.goog/directory",
        key="google",
        credentials_at="Enable the Public Certificate Authority API in a Google Cloud project, then run "
        "gcloud publicca external-account-keys create. The key works once, and only for some days.",
    ),
    Ca(
        "SSL.com (ECDSA)",
        "https://acme.ssl.com/sslcom-dv-ecc",
        key="sslcom-ecc",
        credentials_at=_SSLCOM,
        key_types=("ecdsa-p256", "ecdsa-p384"),
    ),
    Ca(
        "SSL.com (RSA)",
        "https://acme.ssl.com/sslcom-dv-rsa",
        key="sslcom-rsa",
        credentials_at=_SSLCOM,
        key_types=("rsa-2048", "rsa-3072", "rsa-4096"),
    ),
)
_BY_URL: Mapping[str, Ca] = {ca.directory_url: ca for ca in KNOWN}
_BY_KEY: Mapping[str, Ca] = {ca.key: ca for ca in KNOWN}


def ca_at(directory_url: str) -> Ca:
    """What is known of the CA at this directory, which may be no more than its host."""
    known = _BY_URL.get(directory_url)
    return known or Ca(f"the CA at {urlsplit(directory_url).hostname or directory_url}", directory_url)


def known_ca(key: str) -> Ca | None:
    return _BY_KEY.get(key)


def ca_label(directory_url: str) -> str:
    """How a CA is called within a sentence."""
    return ca_at(directory_url).label
