"""Plesk: the XML API installs and assigns, for resellers and customers too; REST answers administrators alone."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from certificates.dns.providers.kinds import Field
from config.lib import egress, x509
from config.lib.errors import ExpectedError, NeedsUser
from deploy.panels.exchange import exchange, in_words, json_object, require_answer
from deploy.panels.panel import Access, Bundle, Installed, Panel, Seen, SiteResult, each
from deploy.panels.plesk_xml import EXISTS, MALFORMED, MISSING, node, properties, results, talk, texts
from deploy.panels.sites import covered, identifier, shown, site_names
from domains.tls import TlsFailed, fetch_chain

_LOOK_SECONDS = 5.0
_ADVICE = (
    "The certificate is kept in each subscription as ManageMyCert and the domain's name, and is updated under it: "
    "whatever else you use it for in Plesk is renewed with it."
)


@dataclass(frozen=True)
class _Site:
    """A site with web hosting, and the subscription in whose repository its certificate lies."""

    name: str
    webspace: str


@dataclass(frozen=True)
class _State:
    """What a site is set to, and what its address hands out for it."""

    certificate: str
    is_tls: bool
    served: str


def _sites(access: Access) -> dict[str, _Site]:
    """Every site of the account by its name; main domains are subscriptions and come first."""
    everything = [node("filter"), node("dataset", node("gen_info"))]
    packet = talk(access, node("webspace", node("get", *everything)), node("site", node("get", *everything)))
    webspaces = list(results(access, packet, "webspace/get", missing_is_none=True))
    main = {guid: name for row in webspaces for guid in texts(row, "data/gen_info/guid") for name in _name_of(row)}
    found = {name: _Site(name, name) for row in webspaces if _has_hosting(row) for name in _name_of(row)}
    for row in results(access, packet, "site/get", missing_is_none=True):
        webspace = next((main[guid] for guid in texts(row, "data/gen_info/webspace-guid") if guid in main), "")
        for name in _name_of(row) if _has_hosting(row) else ():
            found.setdefault(name, _Site(name, webspace or name))
    return found


def _name_of(row: ET.Element) -> list[str]:
    return site_names(texts(row, "data/gen_info/ascii-name") or texts(row, "data/gen_info/name"))


def _has_hosting(row: ET.Element) -> bool:
    """Forwarded sites, and those without a web site, have no certificate of their own."""
    return texts(row, "data/gen_info/htype") == ["vrt_hst"]


def _states(access: Access, sites: Sequence[_Site]) -> dict[str, _State]:
    """Of these sites. Blocks while it looks at each: the API does not tell which certificate a name stands for."""
    settings: dict[str, _Hosting] = {}
    for operator in ("webspace", "site"):
        names = [site.name for site in sites if (site.name == site.webspace) == (operator == "webspace")]
        if names:
            settings |= _hosting(access, operator, names)
    served = _served(access, {site.name: settings.get(site.name, _Hosting()).addresses for site in sites})
    return {
        site.name: _State(
            certificate=identifier(settings.get(site.name, _Hosting()).properties.get("certificate_name")),
            is_tls=settings.get(site.name, _Hosting()).properties.get("ssl") == "true",
            served=served.get(site.name, ""),
        )
        for site in sites
    }


@dataclass(frozen=True)
class _Hosting:
    """The settings of a site's web hosting by name, and the addresses that it is served at."""

    properties: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()


def _hosting(access: Access, operator: str, names: Sequence[str]) -> dict[str, _Hosting]:
    wanted = [node("filter", *(node("name", name) for name in names))]
    wanted.append(node("dataset", node("gen_info"), node("hosting")))
    packet = talk(access, node(operator, node("get", *wanted)))
    rows = results(access, packet, f"{operator}/get", missing_is_none=True)
    place = "data/hosting/vrt_hst"
    told = ((row, _Hosting(properties(row, place), _addresses(row, place))) for row in rows)
    return {name: hosting for row, hosting in told for name in _name_of(row)}


def _addresses(row: ET.Element, place: str) -> tuple[str, ...]:
    """Those that are addresses; IPv4 before IPv6, as they are written."""
    return tuple(one for one in texts(row, f"{place}/ip_address")[:2] if egress.literal_address(one))


def _served(access: Access, sites: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The leaf's SHA-256 that is handed out for each site; nothing of what cannot be seen.

    A site with an address of its own is served there alone. Behind NAT Plesk knows inner addresses only, which
    nobody connects to from here: then the panel's machine is asked.
    """
    found: dict[str, str] = {}
    silent: set[str] = set()
    for site, addresses in sites.items():
        for host in (*addresses, access.host):
            seen = "" if host in silent else _leaf_at(access, host, site, silent)
            if seen:
                found[site] = seen
                break
    return found


def _leaf_at(access: Access, host: str, site: str, silent: set[str]) -> str:
    try:
        ders = fetch_chain(host, access.web_port, site, access.deadline.capped(_LOOK_SECONDS)).ders
    except TlsFailed:
        return ""
    except ExpectedError:
        # The port is the same for all of them: whoever cannot reach it waits once.
        silent.add(host)
        return ""
    return x509.fingerprint(ders[0]) if ders else ""


def read_back(access: Access, names: Sequence[str]) -> list[Installed]:
    """What the sites are set to that `names` cover, with what is handed out for each."""
    sites = _sites(access)
    matching = [sites[name] for name in covered(sites, names)]
    states = _states(access, matching)
    return [_installed(site.name, states[site.name]) for site in matching]


def _installed(site: str, state: _State) -> Installed:
    return Installed(site, state.served, "active" if state.is_tls else "off", ref=state.certificate, names=(site,))


def test(access: Access, names: Sequence[str]) -> Seen:
    """Lists the account's sites and the certificates of one matching subscription, and asks REST who this is."""
    sites = _sites(access)
    matching = covered(sites, names)
    may = [f"The login may list the account's {len(sites)} sites."]
    if matching:
        webspace = sites[matching[0]].webspace
        may.append(f"It may read the certificates of {webspace}; there are {len(_pool(access, webspace))}.")
    version = _version(access)
    note = "It is no administrator's, or REST is off; the portal needs neither."
    may += [f"It is an administrator's; Plesk {version}."] if version else []
    return Seen(tuple(sites), tuple(matching), tuple(may), () if version else (note,))


def _version(access: Access) -> str:
    """Plesk's version by REST; empty where that does not answer: it is for administrators, and may be switched off."""
    login = base64.b64encode(f"{access.user}:{access.secret}".encode()).decode()
    headers = {"authorization": f"Basic {login}"} if access.user else {"x-api-key": access.secret}
    try:
        answer = exchange(access, "GET", "/api/v2/server", {**headers, "accept": "application/json"})
        require_answer(access, answer)
        told = json_object(access, answer)
    except ExpectedError:
        return ""
    return in_words(access, str(told.get("panel_version") or "of an unknown version"))[:60]


def _pool(access: Access, webspace: str) -> list[str]:
    """The names of the certificates in a subscription's repository."""
    wanted = node("certificate", node("get-pool", node("filter", node("domain-name", webspace))))
    rows = results(access, talk(access, wanted), "certificate/get-pool", missing_is_none=True)
    return [name for row in rows for name in texts(row, "certificates/certificate/name")]


def install(access: Access, bundle: Bundle) -> list[SiteResult]:
    """Put it into the repository of each subscription once, and set each matching site to it.

    Raises NeedsUser panel_no_site before anything is sent.
    """
    sites = _sites(access)
    matching = [sites[name] for name in covered(sites, bundle.names)]
    if not matching:
        found = shown(list(sites))
        raise NeedsUser("panel_no_site", panel=access.panel, names=shown(bundle.names), found=found)
    states = _states(access, matching)
    stored: dict[str, ExpectedError | None] = {
        site.webspace: None for site in matching if _is_there(states[site.name], bundle)
    }
    return each(
        [site.name for site in matching],
        lambda name: _install_on(access, bundle, sites[name], states[name], stored),
    )


def _is_there(state: _State, bundle: Bundle) -> bool:
    return state.is_tls and state.certificate == _called(bundle) and state.served == bundle.fingerprint


def _called(bundle: Bundle) -> str:
    """Its name in the repository, the same after a renewal."""
    return f"ManageMyCert {bundle.label}"


def _install_on(
    access: Access, bundle: Bundle, site: _Site, state: _State, stored: dict[str, ExpectedError | None]
) -> SiteResult:
    if _is_there(state, bundle):
        return SiteResult(site.name, "unchanged", ref=_called(bundle))
    _store_once(access, bundle, site.webspace, stored)
    if not state.is_tls or state.certificate != _called(bundle):
        _assign(access, bundle, site.name)
    return SiteResult(site.name, "installed", ref=_called(bundle))


def _store_once(access: Access, bundle: Bundle, webspace: str, stored: dict[str, ExpectedError | None]) -> None:
    """A subscription that refused it does so for each of its sites, without being asked again."""
    if webspace not in stored:
        try:
            _store(access, bundle, webspace)
            stored[webspace] = None
        except ExpectedError as error:
            stored[webspace] = error
    if refused := stored[webspace]:
        raise refused


def _store(access: Access, bundle: Bundle, webspace: str) -> None:
    """An update keeps every use of the old one, also those that a person has made of it, such as for mail."""
    first = "update" if _called(bundle) in _pool(access, webspace) else "install"
    other, sign = ("install", MISSING) if first == "update" else ("update", EXISTS)
    try:
        _put(access, bundle, webspace, first)
    except NeedsUser as error:
        if error.params.get("number") != sign:
            raise
        _put(access, bundle, webspace, other)


def _put(access: Access, bundle: Bundle, webspace: str, verb: str) -> None:
    try:
        _put_into(access, bundle, node("webspace", webspace), verb)
    except NeedsUser as error:
        # Versions before `webspace` called it so.
        if error.params.get("number") not in (MISSING, MALFORMED):
            raise
        _put_into(access, bundle, node("site", webspace), verb)


def _put_into(access: Access, bundle: Bundle, place: ET.Element, verb: str) -> None:
    """The order of the nodes is the schema's."""
    content = node("content", node("csr"), node("pvt", bundle.key), node("cert", bundle.leaf), node("ca", bundle.chain))
    asked = node("certificate", node(verb, node("name", _called(bundle)), place, content))
    packet = talk(access, asked, secrets=[bundle.key])
    list(results(access, packet, f"certificate/{verb}", secrets=[bundle.key]))


def _assign(access: Access, bundle: Bundle, site: str) -> None:
    wanted = (("ssl", "true"), ("certificate_name", _called(bundle)))
    hosting = node("vrt_hst", *(node("property", node("name", key), node("value", value)) for key, value in wanted))
    values = node("values", node("hosting", hosting))
    packet = talk(access, node("site", node("set", node("filter", node("name", site)), values)))
    list(results(access, packet, "site/set"))


PANEL = Panel(
    name="plesk",
    label="Plesk",
    fields=(
        Field("host", "Server", "The host of the address at which you open Plesk, such as server12.hoster.example."),
        Field("port", "Port", "8443, unless the address at which you open Plesk has another.", default="8443"),
        Field(
            "username",
            "User name",
            "The name with which you sign in to Plesk. Leave it empty if you enter a secret key below.",
            is_required=False,
        ),
        Field(
            "password",
            "Password or secret key",
            "The password of this user; or a secret key, which an administrator makes for your user and this portal's "
            "address: plesk bin secret_key --create -ip-address ADDRESS -description ManageMyCert",
            is_secret=True,
        ),
    ),
    rights="The customer who has the subscription is enough; a reseller reaches all of theirs. The user needs the "
    "permission for remote access by the XML API, and the subscription the one to manage certificates. An additional "
    "user of the customer, or a secret key for one address, can be taken back alone.",
    test=test,
    install=install,
    read_back=read_back,
    port=8443,
    secret_field="password",  # noqa: S106  (the field's name)
    advice=(_ADVICE,),
)
