"""cPanel, by UAPI with an API token of the account. https://api.docs.cpanel.net/openapi/cpanel/"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from certificates.dns.providers.kinds import Field
from config.lib import x509
from config.lib.errors import ExpectedError, NeedsUser
from deploy.panels.exchange import exchange, in_words, json_object, require_answer
from deploy.panels.panel import Access, Bundle, Installed, LoginRefused, Panel, Seen, SiteResult, Unsure, each
from deploy.panels.sites import covered, identifier, shown, site_names

# Of the answer to `list_domains`; the main domain first.
_LISTS = ("addon_domains", "parked_domains", "sub_domains")
# Its errors are sentences in English; two of them say more than that it did not work.
_WRONG_DOOR = ("permission denied", "could not find the function", "function not found")
_FEATURE_OFF = ("feature", "disabled")


@dataclass(frozen=True)
class _Told:
    """The body of an answer whose `status` was 1."""

    data: Any
    warnings: tuple[str, ...]


def _call(access: Access, function: str, form: Mapping[str, str] | None = None, *, query: str = "") -> _Told:
    """One UAPI function. What is written goes by POST: a query with a key in it would stand in the server's logs."""
    headers = {"authorization": f"cpanel {access.user}:{access.secret}", "accept": "application/json"}
    secrets = [form["key"]] if form else []
    if form:
        headers["content-type"] = "application/x-www-form-urlencoded"
    body = urlencode(form).encode() if form else b""
    answer = exchange(access, "POST" if form else "GET", f"/execute/{function}{query}", headers, body)
    require_answer(access, answer, secrets)
    told = json_object(access, answer)
    # A failure comes with HTTP 200; some versions write the number as text.
    if str(told.get("status")) != "1":
        raise _refusal(access, _sentences(access, told.get("errors"), secrets))
    return _Told(told.get("data"), _sentences(access, told.get("warnings"), secrets))


def _sentences(access: Access, told: Any, secrets: Sequence[str]) -> tuple[str, ...]:
    listed = told if isinstance(told, list) else [told] if told else []
    return tuple(in_words(access, str(one), secrets) for one in listed[:20])


def _refusal(access: Access, errors: Sequence[str]) -> NeedsUser:
    words = in_words(access, " ".join(errors)) or "no reason given"
    told = {"panel": access.panel, "host": access.host, "port": access.port, "answer": words}
    if any(part in words.lower() for part in _WRONG_DOOR):
        return NeedsUser("panel_wrong_door", **told)
    if any(part in words.lower() for part in _FEATURE_OFF):
        return NeedsUser("panel_feature_off", **told)
    return NeedsUser("panel_refused", **told)


def _sites(access: Access) -> list[str]:
    data = _call(access, "DomainInfo/list_domains").data
    data = data if isinstance(data, dict) else {}
    lists = (data.get(name) for name in _LISTS)
    return site_names([data.get("main_domain"), *(one for told in lists if isinstance(told, list) for one in told)])


def _hosts(access: Access) -> list[Installed]:
    """What is installed on each virtual host, with every name that it answers to."""
    rows = _call(access, "SSL/installed_hosts").data
    return [_host(access, row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _host(access: Access, row: Mapping[str, Any]) -> Installed:
    certificate = row.get("certificate")
    certificate = certificate if isinstance(certificate, dict) else {}
    lists = (row.get(name) for name in ("domains", "fqdns"))
    own = (row.get("servername"), row.get("host"))
    names = site_names([*own, *(one for told in lists if isinstance(told, list) for one in told)])
    return Installed(
        site=names[0] if names else "",
        fingerprint=_fingerprint(row.get("certificate_text") or certificate.get("certificate_text")),
        expires_at=_moment(certificate.get("not_after")),
        ref=identifier(certificate.get("id")),
        names=tuple(names),
    )


def _fingerprint(pem: Any) -> str:
    try:
        return x509.pasted_certificates(str(pem or "").encode(), at_most=1)[0].facts.fingerprint_sha256
    except NeedsUser:
        return ""


def _moment(told: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(told), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _with_fingerprint(access: Access, one: Installed) -> Installed:
    """Where the list has no text of the certificate, it is asked for by its id."""
    if one.fingerprint or not one.ref:
        return one
    data = _call(access, "SSL/show_cert", query=f"?id={quote(one.ref, safe='')}").data
    pem = data.get("cert") if isinstance(data, dict) else ""
    return Installed(one.site, _fingerprint(pem), one.state, one.expires_at, one.ref, one.names)


def read_back(access: Access, names: Sequence[str]) -> list[Installed]:
    """What the sites have that `names` cover; one row per site, in the order of the account's list."""
    hosts = _hosts(access)
    return [one for site in covered(_sites(access), names) if (one := _on(access, hosts, site))]


def _on(access: Access, hosts: Sequence[Installed], site: str) -> Installed | None:
    # Another site's virtual host may list this name among its own; an addon domain stands in no row but such a one.
    rows = sorted((host for host in hosts if site in host.names), key=lambda host: host.site != site)
    found = rows[0] if rows else _dedicated(access, site)
    if found is None:
        return None
    told = _with_fingerprint(access, found)
    return Installed(site, told.fingerprint, told.state, told.expires_at, told.ref, told.names)


def _dedicated(access: Access, site: str) -> Installed | None:
    """A site with an address of its own may be missing from the list; for every other one this fails."""
    try:
        row = _call(access, "SSL/installed_host", query=f"?domain={quote(site, safe='')}").data
    except LoginRefused:
        raise
    except NeedsUser:
        return None
    told = _host(access, row) if isinstance(row, dict) else None
    # Where it says whose it is, it has to be this site's: asked for none, the account's main site is told of.
    return told if told and (not told.names or site in told.names) else None


def test(access: Access, names: Sequence[str]) -> Seen:
    """Lists the account's sites and what is installed; needs the feature SSL/TLS and nothing else."""
    sites = _sites(access)
    hosts = _hosts(access)
    may = (
        f"The token may list the account's {len(sites)} sites.",
        f"It may read certificates; {len(hosts)} sites have one.",
    )
    return Seen(tuple(sites), tuple(covered(sites, names)), may, ())


def install(access: Access, bundle: Bundle) -> list[SiteResult]:
    """One call for each site of the account that the certificate covers. Raises NeedsUser panel_no_site before any."""
    sites = _sites(access)
    matching = covered(sites, bundle.names)
    if not matching:
        raise NeedsUser("panel_no_site", panel=access.panel, names=shown(bundle.names), found=shown(sites))
    hosts = _hosts(access)
    return each(matching, lambda site: _install_on(access, bundle, hosts, site))


def _install_on(access: Access, bundle: Bundle, hosts: Sequence[Installed], site: str) -> SiteResult:
    before = _on(access, hosts, site)
    if before and before.fingerprint == bundle.fingerprint:
        return SiteResult(site, "unchanged", ref=before.ref)
    form = {"domain": site, "cert": bundle.leaf, "key": bundle.key, "cabundle": bundle.chain}
    try:
        told = _call(access, "SSL/install_ssl", form)
    except Unsure as error:
        return _looked_for(access, bundle, site, error)
    data = told.data if isinstance(told.data, dict) else {}
    uncovered = data.get("warning_domains")
    return SiteResult(
        site,
        "installed",
        said=" ".join(told.warnings)[:300],
        uncovered=tuple(site_names(uncovered)) if isinstance(uncovered, list) else (),
        ref=identifier(data.get("cert_id")),
    )


def _looked_for(access: Access, bundle: Bundle, site: str, unsure: Unsure) -> SiteResult:
    """No answer came to an installation: whether it was done is seen by looking."""
    try:
        found = _on(access, _hosts(access), site)
    except ExpectedError:
        raise unsure from None
    if found is None or found.fingerprint != bundle.fingerprint:
        raise unsure
    return SiteResult(site, "installed", ref=found.ref)


PANEL = Panel(
    name="cpanel",
    label="cPanel",
    fields=(
        Field("host", "Server", "The host of the address at which you open cPanel, such as server12.hoster.example."),
        Field("port", "Port", "2083. Not 2087, which is WHM's, and not 2082, which has no TLS.", default="2083"),
        Field(
            "username",
            "User name",
            "The name with which you sign in: in cPanel, General Information, Current User.",
        ),
        Field(
            "api_token",
            "API token",
            "cPanel: Security, Manage API Tokens, Create. Choose an expiration date or none, and copy the token at "
            "once: it is shown only then.",
            is_secret=True,
        ),
    ),
    rights="A token may do whatever the account may; cPanel has none for certificates alone. The account needs the "
    "feature SSL/TLS, which its hoster gives: look for SSL/TLS under Security. Give the portal a token of its own, so "
    "that it can be revoked alone.",
    test=test,
    install=install,
    read_back=read_back,
    port=2083,
    advice=(
        "Every site of the account that the certificate covers gets it; www and mail names go along with their site.",
        "If AutoSSL is on for a site, the hoster may let it replace certificates that are about to expire.",
    ),
)
