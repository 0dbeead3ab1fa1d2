"""Plesk's XML API and the one question of its REST, as docs.plesk.com describes them."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from tests.servers.ca import Issued
from tests.servers.panels.sites import serving
from tests.servers.panels.wire import Answer, Request, StandIn

USER, PASSWORD, KEY = "acme", "Pä55 w<o>rd&", "3b5f6a1c-7d8e-4f90-a1b2-c3d4e5f60718"
AGENT = "/enterprise/control/agent.php"


def element(tag: str, *inside: Any) -> ET.Element:
    made = ET.Element(tag)
    for one in inside:
        if isinstance(one, str):
            made.text = one
        else:
            made.append(one)
    return made


def ok(*inside: ET.Element) -> ET.Element:
    return element("result", element("status", "ok"), *inside)


def error(number: int, text: str = "It did not work.", around: str = "result") -> ET.Element:
    told = (element("status", "error"), element("errcode", str(number)), element("errtext", text))
    return element(around, *told)


def packet(*inside: ET.Element) -> Answer:
    body = ET.tostring(element("packet", *inside), encoding="unicode")
    return Answer(200, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}', {"Content-Type": "text/xml"})


@dataclass
class Plesk(StandIn):
    """`sites` are site: subscription; `pools` certificates by subscription and name; `assigned` names by site."""

    sites: dict[str, str] = field(default_factory=dict)
    forwarded: list[str] = field(default_factory=list)
    pools: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    assigned: dict[str, str] = field(default_factory=dict)
    # Where a site is served that does not share the panel's address, by site; others are told of with `shared`.
    own_addresses: dict[str, str] = field(default_factory=dict)
    shared: str = "127.0.0.1"
    is_administrator: bool = False
    # Before Plesk 12 the repository was called by its site.
    knows_webspace: bool = True

    def __post_init__(self) -> None:
        super().__init__()
        self.sites = self.sites or {
            "example.net": "example.net",
            "blog.example.net": "example.net",
            "shop.example.org": "shop.example.org",
        }
        self.pools = self.pools or {webspace: {} for webspace in self.sites.values()}

    def served(self, site: str) -> str:
        """The PEM that its web server would hand out."""
        return self.pools[self.sites[site]].get(self.assigned.get(site, ""), {}).get("cert", "")

    def pem_of(self, site: str) -> str:
        """With its chain and key, as its web server has it; empty for none."""
        kept = self.pools.get(self.sites.get(site, ""), {}).get(self.assigned.get(site, ""))
        return kept["cert"] + kept["ca"] + kept["pvt"] if kept else ""

    def respond(self, request: Request) -> Answer:
        if request.path == "/api/v2/server":
            return self._rest(request)
        assert (request.method, request.path) == ("POST", AGENT)
        assert request.headers["content-type"] == "text/xml"
        if not self._is_let_in(request):
            return packet(error(1001, "You have entered incorrect username or password.", "system"))
        asked = ET.fromstring(request.body)  # noqa: S314  (what the portal wrote)
        assert asked.tag == "packet"
        return packet(*(self._operator(operator) for operator in asked))

    def _is_let_in(self, request: Request) -> bool:
        headers = request.headers
        password = headers.get("http_auth_passwd", "").encode("latin-1").decode()
        return headers.get("key") == KEY or (headers.get("http_auth_login"), password) == (USER, PASSWORD)

    def _rest(self, request: Request) -> Answer:
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = request.headers.get("authorization") == f"Basic {basic}" or request.headers.get("x-api-key") == KEY
        if not known or not self.is_administrator:
            return Answer(401, {"code": 401, "message": "Unauthorized"})
        return Answer(200, {"platform": "Unix", "panel_version": "18.0.62.2", "hostname": "panel.example.net"})

    def _operator(self, operator: ET.Element) -> ET.Element:
        (verb,) = operator
        told = getattr(self, f"_{operator.tag}_{verb.tag.replace('-', '_')}")(verb)
        return element(operator.tag, element(verb.tag, *told))

    def _webspace_get(self, verb: ET.Element) -> list[ET.Element]:
        return self._rows(verb, [site for site, webspace in self.sites.items() if site == webspace])

    def _site_get(self, verb: ET.Element) -> list[ET.Element]:
        return self._rows(verb, [site for site, webspace in self.sites.items() if site != webspace])

    def _rows(self, verb: ET.Element, every: list[str]) -> list[ET.Element]:
        assert [one.tag for one in verb] == ["filter", "dataset"]
        wanted = [one.text or "" for one in verb.findall("filter/name")] or every
        with_hosting = verb.find("dataset/hosting") is not None
        rows = [self._row(site, with_hosting) if site in every else error(1013) for site in wanted]
        return rows or [ok()]

    def _row(self, site: str, with_hosting: bool) -> ET.Element:
        webspace = self.sites[site]
        kind = "std_fwd" if site in self.forwarded else "vrt_hst"
        told = {"name": site, "ascii-name": site, "htype": kind, "guid": f"guid-{site}"}
        told |= {} if site == webspace else {"webspace-guid": f"guid-{webspace}"}
        data = element("data", element("gen_info", *(element(tag, text) for tag, text in told.items())))
        if with_hosting:
            is_tls = "true" if site in self.assigned else "false"
            settings = {"ssl": is_tls, "certificate_name": self.assigned.get(site, ""), "php": "true"}
            rows = (element("property", element("name", k), element("value", v)) for k, v in settings.items())
            address = element("ip_address", self.own_addresses.get(site, self.shared))
            data.append(element("hosting", element("vrt_hst", *rows, address)))
        return ok(data)

    def _certificate_get_pool(self, verb: ET.Element) -> list[ET.Element]:
        pool = self.pools.get(verb.findtext("filter/domain-name") or "")
        if pool is None:
            return [error(1013)]
        names = [element("certificate", element("name", name)) for name in pool]
        return [ok(element("certificates", *names))]

    def _certificate_install(self, verb: ET.Element) -> list[ET.Element]:
        return self._put(verb, is_new=True)

    def _certificate_update(self, verb: ET.Element) -> list[ET.Element]:
        return self._put(verb, is_new=False)

    def _put(self, verb: ET.Element, *, is_new: bool) -> list[ET.Element]:
        name, place, content = verb
        assert (name.tag, content.tag) == ("name", "content")
        assert [one.tag for one in content] == ["csr", "pvt", "cert", "ca"]
        if place.tag != ("webspace" if self.knows_webspace else "site"):
            return [error(1014, "Parser error")]
        pool = self.pools.get(place.text or "")
        if pool is None or (not is_new and name.text not in pool):
            return [error(1013)]
        if is_new and name.text in pool:
            return [error(1007, "already exists")]
        pool[name.text or ""] = {one.tag: one.text or "" for one in content}
        return [ok()]

    def _site_set(self, verb: ET.Element) -> list[ET.Element]:
        assert [one.tag for one in verb] == ["filter", "values"]
        site = verb.findtext("filter/name") or ""
        rows = verb.findall("values/hosting/vrt_hst/property")
        settings = {row.findtext("name"): row.findtext("value") or "" for row in rows}
        if site not in self.sites:
            return [error(1013)]
        if settings["certificate_name"] not in self.pools[self.sites[site]]:
            return [error(1019, "No such certificate")]
        assert settings["ssl"] == "true"
        self.assigned[site] = settings["certificate_name"]
        return [ok()]


@contextmanager
def web_server(plesk: Plesk, default: Issued) -> Iterator[int]:
    """The sites' own port: each name gets the certificate that it is set to now, every other name `default`.

    So does a site with an address of its own where the others are.
    """

    def at_the_shared_address(site: str) -> str:
        return "" if site in plesk.own_addresses else plesk.pem_of(site)

    with serving(at_the_shared_address, default) as port:
        yield port
