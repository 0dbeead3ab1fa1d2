"""Looks at a site from outside: its front page, its DNS, and, where ownership is proven, a few doors of its server.

Runs in the worker role without the encryption key; everything goes through egress, within one deadline each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings

from config.lib import egress, x509
from config.lib.errors import ExpectedError
from domains.hosting.evidence import Fact, fact_of_path, facts_of_dns, facts_of_names, facts_of_page, facts_of_port

PAGE_BYTES = 524_288
PAGE_SECONDS = 10.0
REDIRECTS = 5
DNS_SECONDS = 5.0
ALIASES = 3
# Of a proven host only: a portal that knocks at strangers' doors is a port scanner.
PANEL_PORTS = (2083, 8443, 2222, 8083)
PORT_SECONDS = 3.0
PATHS_ASKED = ("/wp-json/", "/wp-login.php", "/user/login", "/administrator/", "/magento_version")
PATHS_SECONDS = 6.0
_SMALL_PAGE = 65_536
# What may be tried again without TLS: everything but a refusal of ours.
_HTTP_AFTER = frozenset({"connect_refused", "connect_timeout", "connect_unreachable", "tls_failed", "http_failed"})


@dataclass(frozen=True)
class Look:
    """One front page. `status` is None where none came; `error` then says why."""

    facts: list[Fact] = field(default_factory=list)
    status: int | None = None
    url: str = ""
    elsewhere: str = ""
    distrust: str = ""
    error: ExpectedError | None = None


def look_at_page(host: str, port: int, *, family: int | None = None, seconds: float = PAGE_SECONDS) -> Look:
    """The front page over HTTPS, on the usual port else over HTTP. Blocks for `seconds` at most; never raises ours."""
    deadline = egress.Deadline(seconds)
    # A host that drops packets must leave time for its other door.
    first = deadline.capped(seconds * 0.6) if port == 443 else deadline
    try:
        return _of_sighting(_ask(f"https://{_authority(host, port)}/", first, family), host)
    except ExpectedError as problem:
        if port != 443 or problem.code not in _HTTP_AFTER | {"deadline_exceeded"}:
            return Look(error=problem)
        return _plain(host, deadline, family, problem)


def _plain(host: str, deadline: egress.Deadline, family: int | None, problem: ExpectedError) -> Look:
    try:
        return _of_sighting(_ask(f"http://{host}/", deadline, family), host)
    except ExpectedError:
        return Look(error=problem)


def _authority(host: str, port: int) -> str:
    return host if port == 443 else f"{host}:{port}"


def _ask(
    url: str,
    deadline: egress.Deadline,
    family: int | None = None,
    *,
    most: int = PAGE_BYTES,
    redirects: int = REDIRECTS,
) -> egress.Sighting:
    # Named like a browser, since some sites show robots another page; and by our own name, so that they can object.
    agent = f"Mozilla/5.0 (compatible; ManageMyCert; +{settings.SITE_URL})"
    return egress.http_unverified_for_detection(
        url,
        headers={"user-agent": agent, "accept": "text/html,*/*;q=0.8"},
        deadline=deadline,
        max_bytes=most,
        redirects=redirects,
        family=family,
    )


def _of_sighting(seen: egress.Sighting, host: str) -> Look:
    names = x509.certificate_facts(seen.hops[0].certificate).sans if seen.hops[0].certificate else ()
    return Look(
        facts=[*facts_of_page(seen.hops, host), *facts_of_names(names)],
        status=seen.hops[-1].status,
        url=seen.hops[-1].url,
        elsewhere=seen.elsewhere,
        distrust=seen.distrust,
    )


def look_up_host(host: str, addresses: Sequence[str]) -> list[Fact]:
    """Aliases and name servers beside the addresses that are known. Blocks; what the DNS does not say is absent."""
    deadline = egress.Deadline(DNS_SECONDS)
    aliases: list[str] = []
    servers = set[str]()
    name = host
    for _ in range(ALIASES):
        try:
            answers = egress.lookup_records(name, "CNAME", deadline, follow=False)
        except ExpectedError:
            break
        if name == host:
            # The zone's own servers are called by name, resolvers by their address.
            servers = {one.server for one in answers if ":" not in one.server}
        targets = sorted({value.removesuffix(".") for one in answers for value in one.values or ()})
        if not targets or targets[0] in aliases:
            break
        name = targets[0]
        aliases.append(name)
    return facts_of_dns(aliases, sorted(servers), addresses)


def partner_of(host: str) -> str:
    """The bare domain of a www name and the other way round; empty for every other name."""
    apex = egress.registrable_domain(host)
    if host == apex:
        return f"www.{host}"
    return apex if host == f"www.{apex}" else ""


def knock(host: str, port: int) -> tuple[str, list[Fact]]:
    """Whether a panel's port is open, closed or unknown (a filter is silent), and what it said. Blocks 3 seconds."""
    try:
        seen = _ask(f"https://{host}:{port}/", egress.Deadline(PORT_SECONDS), most=_SMALL_PAGE, redirects=0)
    except ExpectedError as problem:
        return ("closed" if problem.code == "connect_refused" else "unknown"), []
    return "open", facts_of_port(port, seen.hops[0])


def ask_paths(url: str) -> list[Fact]:
    """What answers at paths that only one kind of software has, on the site that `url` belongs to. Blocks."""
    deadline = egress.Deadline(PATHS_SECONDS)
    facts = []
    for path in PATHS_ASKED:
        try:
            seen = _ask(f"{_origin(url)}{path}", deadline, most=_SMALL_PAGE, redirects=0)
        except ExpectedError:
            break
        if seen.hops[0].status == 200:
            facts.append(fact_of_path(path, seen.hops[0]))
    return facts


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
