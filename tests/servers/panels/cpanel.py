"""cPanel's UAPI, as https://api.docs.cpanel.net/openapi/cpanel/ describes it."""

from dataclasses import dataclass, field
from typing import Any

from cryptography.x509 import load_pem_x509_certificate

from tests.servers.panels.wire import Answer, Request, StandIn

USER, TOKEN = "acmeuser", "U7HMR63FGY292DQZ4H5BFH16JLYMO01M"


def told(data: Any = None, *, errors: list[str] | None = None, warnings: list[str] | None = None) -> Answer:
    """The flat envelope: a failure comes with HTTP 200."""
    body: dict[str, Any] = {
        "status": 0 if errors else 1,
        "errors": errors,
        "warnings": warnings,
        "messages": None,
        "metadata": {},
    }
    return Answer(200, {**body, "data": data})


@dataclass
class Cpanel(StandIn):
    """`installed` is PEM by site. `with_text`: whether the list has the text of certificates, as newer versions do."""

    main: str = "example.net"
    addons: list[str] = field(default_factory=lambda: ["shop.example.org"])
    parked: list[str] = field(default_factory=list)
    subs: list[str] = field(default_factory=lambda: ["blog.example.net"])
    installed: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    # Sites that the server does not take a certificate for, with what it says.
    refuses: dict[str, str] = field(default_factory=dict)
    with_text: bool = True
    # PEM of sites that have an address of their own, and are in no list.
    dedicated: dict[str, str] = field(default_factory=dict)
    # More names that a site's virtual host answers to, by site.
    aliases: dict[str, list[str]] = field(default_factory=dict)
    # Whether the account's main site is told of, whichever was asked for.
    tells_main: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def pem_of(self, site: str) -> str:
        """With its key, as the web server has it; empty for none."""
        return self.installed[site] + self.keys[site] if site in self.keys else ""

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"cpanel {USER}:{TOKEN}":
            return Answer(401, {"errors": ["The login is invalid."], "status": 0})
        function = request.path.removeprefix("/execute/")
        if function == "DomainInfo/list_domains":
            lists = {"addon_domains": self.addons, "parked_domains": self.parked, "sub_domains": self.subs}
            return told({"main_domain": self.main, **lists})
        if function == "SSL/installed_hosts":
            return told([self._host(site, pem) for site, pem in self.installed.items()])
        if function == "SSL/show_cert":
            kept = {**self.installed, **self.dedicated}
            return told({"cert": kept[request.query["id"].removeprefix("id_")], "details": {}})
        if function == "SSL/installed_host":
            return self._dedicated_host(request.query["domain"])
        if function == "SSL/install_ssl":
            return self._install(request)
        return told(errors=["Could not find the function in the module."])

    def _host(self, site: str, pem: str) -> dict[str, Any]:
        parsed = load_pem_x509_certificate(pem.encode())
        certificate = {"id": f"id_{site}", "domains": [site], "not_after": int(parsed.not_valid_after_utc.timestamp())}
        row: dict[str, Any] = {"servername": site, "domains": self._names(site), "certificate": certificate}
        return row | ({"certificate_text": pem} if self.with_text else {})

    def _names(self, site: str) -> list[str]:
        return [site, f"www.{site}", *self.aliases.get(site, [])]

    def _dedicated_host(self, site: str) -> Answer:
        site = self.main if self.tells_main else site
        if site not in self.dedicated:
            return told(errors=["You do not have a dedicated IP address."])
        return told({"host": site, "certificate": {"id": f"id_{site}", "domains": [site]}})

    def _install(self, request: Request) -> Answer:
        # The key would stand in the server's access log.
        assert request.method == "POST"
        assert "?" not in request.target
        given = request.form
        assert set(given) <= {"domain", "cert", "key", "cabundle"}
        assert given["cert"].count("BEGIN CERTIFICATE") == 1
        assert "PRIVATE KEY" in given["key"]
        site = given["domain"]
        if site in self.refuses:
            return told(errors=[self.refuses[site]])
        if site not in (self.main, *self.addons, *self.parked, *self.subs):
            return told(errors=[f"The domain {site} is not managed by this account."])
        self.installed[site], self.keys[site] = given["cert"], given["key"] + given.get("cabundle", "")
        working = {"working_domains": [site, f"www.{site}"], "warning_domains": [f"mail.{site}"]}
        return told({"user": USER, "domain": site, "cert_id": f"id_{site}", **working})
