"""The DNS providers that we offer: what they want to know, and which hosts they are reached at.

A hand-written table of those whose interface is documented and was tried; the library knows many more, some of
which read web pages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from config.lib import egress
from config.lib.errors import ExpectedError, NeedsUser
from config.lib.registry import Registry


@dataclass(frozen=True)
class Field:
    """One input of the form, and of `config` in the API; `name` is what the library calls it.

    `where` says where to find the value. `choices` are (value, label).
    """

    name: str
    label: str
    where: str = ""
    is_secret: bool = False
    is_required: bool = True
    default: str = ""
    choices: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class ProviderKind:
    """`hosts` names every host that a visit may reach, from the fields; `options` are fixed ones of the library.

    `module` is the library's name of the provider; empty: RFC 2136, which needs no library.
    """

    key: str
    label: str
    fields: Sequence[Field]
    hosts: Callable[[Mapping[str, str]], Sequence[str]]
    module: str = ""
    ttl: int = 60
    options: Mapping[str, str] | None = None

    @property
    def secret_names(self) -> frozenset[str]:
        return frozenset(field.name for field in self.fields if field.is_secret)


kinds: Registry[ProviderKind] = Registry("DNS provider kinds")


def at(*hosts: str) -> Callable[[Mapping[str, str]], Sequence[str]]:
    return lambda _values: hosts


def token(where: str, label: str = "API token", name: str = "auth_token") -> Field:
    return Field(name, label, where, is_secret=True)


OVH = {
    "ovh-eu": ("eu.api.ovh.com", "OVH Europe"),
    "ovh-ca": ("ca.api.ovh.com", "OVH Canada"),
    "ovh-us": ("api.ovhcloud.com", "OVH US"),
}
ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1")


def url_host(values: Mapping[str, str]) -> Sequence[str]:
    """The host of a URL that a customer typed. Raises NeedsUser dns_provider_url."""
    url = values.get("pdns_server", "")
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and not parts.username and not parts.query
        host = egress.parse_host(parts.hostname or "") if is_good and parts.port != 0 else ""
    except (ValueError, ExpectedError):
        host = ""
    if not host:
        raise NeedsUser("dns_provider_url", url=url)
    return [host]


def server_host(values: Mapping[str, str]) -> Sequence[str]:
    """The host of a name server that a customer typed. Raises NeedsUser host_malformed."""
    return [egress.parse_host(values.get("server", "").rpartition(":")[0] or values.get("server", ""))]


_ALL = (
    ProviderKind(
        "cloudflare",
        "Cloudflare",
        (
            token("My Profile, API Tokens: a token with the permission Zone, DNS, Edit for this zone alone."),
            Field(
                "zone_id",
                "Zone ID",
                "On the zone's overview page, under API. A token for one zone needs it.",
                is_required=False,
            ),
        ),
        at("api.cloudflare.com"),
        "cloudflare",
    ),
    ProviderKind(
        "digitalocean",
        "DigitalOcean",
        (token("API, Tokens: a token with the scopes domain:create, read, update and delete."),),
        at("api.digitalocean.com"),
        "digitalocean",
    ),
    ProviderKind(
        "hetzner",
        "Hetzner",
        (token("Hetzner Console, the project, Security, API tokens: Read & Write. DNS Console: API tokens."),),
        at("api.hetzner.cloud", "dns.hetzner.com"),
        "hetzner",
    ),
    ProviderKind(
        "ovh",
        "OVHcloud",
        (
            Field("auth_entrypoint", "Region", choices=[(key, label) for key, (_, label) in OVH.items()]),
            Field("auth_application_key", "Application key", "From the page /createToken of your region's API."),
            Field("auth_application_secret", "Application secret", "From the same page.", is_secret=True),
            Field("auth_consumer_key", "Consumer key", "From the same page, with rights to /domain/*.", is_secret=True),
        ),
        lambda values: [OVH[values["auth_entrypoint"]][0]],
        "ovh",
    ),
    ProviderKind(
        "gandi",
        "Gandi",
        (token("Account, Authentication options: a personal access token that may manage domain names.", "Token"),),
        at("api.gandi.net"),
        "gandi",
        300,
        {"api_protocol": "rest"},
    ),
    ProviderKind(
        "godaddy",
        "GoDaddy",
        (
            Field("auth_key", "Key", "developer.godaddy.com, API Keys: a production key."),
            Field("auth_secret", "Secret", "Shown once beside the key.", is_secret=True),
        ),
        at("api.godaddy.com"),
        "godaddy",
        600,
    ),
    ProviderKind(
        "dnsimple",
        "DNSimple",
        (token("Account, Access tokens: an account token."),),
        at("api.dnsimple.com"),
        "dnsimple",
    ),
    ProviderKind(
        "vultr",
        "Vultr",
        (token("Account, API: your key; its access control must let this portal's address in.", "API key"),),
        at("api.vultr.com"),
        "vultr",
        120,
    ),
    ProviderKind(
        "porkbun",
        "Porkbun",
        (
            Field("auth_key", "API key", "Account, API access; API access must be on for the domain."),
            Field("auth_secret", "Secret API key", "Shown once beside the key.", is_secret=True),
        ),
        at("api.porkbun.com"),
        "porkbun",
        600,
    ),
    ProviderKind(
        "ionos",
        "IONOS",
        (token("developer.hosting.ionos.com, API keys: prefix, a dot, and the secret.", "API key", "api_key"),),
        at("api.hosting.ionos.com"),
        "ionos",
    ),
    ProviderKind(
        "desec",
        "deSEC",
        (token("desec.io, Token management."),),
        at("desec.io"),
        "desec",
        3600,
    ),
    ProviderKind(
        "powerdns",
        "PowerDNS",
        (
            Field("pdns_server", "API address", "Such as https://dns.example.net:8081, as this portal reaches it."),
            Field("pdns_server_id", "Server ID", "Nearly always localhost.", default="localhost"),
            token("api-key of pdns.conf.", "API key"),
        ),
        url_host,
        "powerdns",
    ),
    ProviderKind(
        "rfc2136",
        "Your own name server (RFC 2136)",
        (
            Field(
                "server", "Name server", "Its host, or host:port, as this portal reaches it; TCP, port 53 by default."
            ),
            Field("key_name", "TSIG key name", "As the server's configuration names it."),
            Field(
                "algorithm",
                "Algorithm",
                "As the server's configuration says.",
                default="hmac-sha256",
                choices=[(name, name) for name in ALGORITHMS],
            ),
            Field("key_secret", "TSIG secret", "The key in base64.", is_secret=True),
        ),
        server_host,
    ),
)
for _kind in _ALL:
    kinds.add(_kind.key, _kind)
