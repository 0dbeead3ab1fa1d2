"""Cloudflare's API v4 for zones and custom certificates.

What a request may hold is the vendor's OpenAPI description's (github.com/cloudflare/api-schemas), as generated into
its SDK: types/custom_certificates/custom_certificate_create_params.py and custom_certificate_edit_params.py.
"""

import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import DNSName, SubjectAlternativeName, load_pem_x509_certificates

from config.lib.x509 import matches
from tests.servers.panels.wire import Answer, Request, StandIn

TOKEN = "Sn3lZJTBX6kkg7OdcBUAxOO963GEIyGQqnFTOFYY"
# Name: the values that it may have, none where any text may stand.
CREATE: dict[str, tuple[str, ...]] = {
    "certificate": (),
    "private_key": (),
    "bundle_method": ("ubiquitous", "optimal", "force"),
    "custom_csr_id": (),
    "deploy": ("staging", "production"),
    "geo_restrictions": (),
    "policy": (),
    "type": ("legacy_custom", "sni_custom"),
}
EDIT = {name: values for name, values in CREATE.items() if name != "type"}


def told(result: Any, **about: Any) -> Answer:
    return Answer(200, {"success": True, "errors": [], "messages": [], "result": result, **about})


def refusal(status: int, *errors: tuple[int, str], **headers: str) -> Answer:
    listed = [{"code": code, "message": message} for code, message in errors]
    told_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"success": False, "errors": listed, "messages": [], "result": None}, told_headers)


def require_valid(body: dict[str, Any], allowed: dict[str, tuple[str, ...]], required: set[str]) -> None:
    assert set(body) <= set(allowed), sorted(set(body) - set(allowed))
    assert required <= set(body)
    for name, value in body.items():
        assert isinstance(value, str)
        assert not allowed[name] or value in allowed[name]


@dataclass
class Zone:
    name: str
    plan: str = "business"
    status: str = "active"
    certificates: dict[str, dict[str, Any]] = field(default_factory=dict)
    most: int = 5


@dataclass
class Cloudflare(StandIn):
    """`zones` by id. `per_page` is what a page has, whatever is asked for. `filters`: whether ?name= is heeded."""

    zones: dict[str, Zone] = field(default_factory=dict)
    token_status: str = "active"
    is_account_token: bool = False
    per_page: int = 50
    filters: bool = True
    shows_other_zones: bool = True
    # What a new certificate's state is, look by look.
    states: tuple[str, ...] = ("initializing", "pending", "active")
    pems: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self.zones = self.zones or {"a" * 32: Zone("example.net"), "b" * 32: Zone("example.org")}
        self._numbers = itertools.count(1)
        self._looks: Counter[str] = Counter()

    def respond(self, request: Request) -> Answer:
        assert request.path.startswith("/client/v4/")
        path = request.path.removeprefix("/client/v4/").split("/")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refusal(401, (1000, "Invalid API Token"))
        if path == ["user", "tokens", "verify"]:
            return self._verify()
        if path == ["zones"]:
            rows = [self._zone(identifier, zone) for identifier, zone in self.zones.items()]
            wanted = request.query.get("name") if self.filters else None
            return self._page(request, [row for row in rows if wanted in (None, row["name"])])
        zone = self.zones.get(path[1])
        if zone is None or path[2] != "custom_certificates":
            return refusal(404, (7003, "Could not route to the path, perhaps your object identifier is invalid?"))
        return self._certificates(request, path[1], zone, path[3:])

    def _verify(self) -> Answer:
        if self.is_account_token:
            return refusal(401, (1000, "Invalid API Token"))
        return told({"id": "e" * 32, "status": self.token_status})

    def _zone(self, identifier: str, zone: Zone) -> dict[str, Any]:
        plan = {"id": "1", "name": f"{zone.plan} plan", "legacy_id": zone.plan}
        return {"id": identifier, "name": zone.name, "status": zone.status, "plan": plan, "type": "full"}

    def _page(self, request: Request, rows: list[dict[str, Any]]) -> Answer:
        page = int(request.query["page"])
        total = -(-len(rows) // self.per_page)
        shown = rows[(page - 1) * self.per_page : page * self.per_page]
        return told(shown, result_info={"page": page, "per_page": self.per_page, "total_pages": total})

    def _certificates(self, request: Request, identifier: str, zone: Zone, rest: list[str]) -> Answer:
        if request.method == "GET":
            answer = self._page(request, list(map(dict, zone.certificates.values())))
            for row in zone.certificates.values():
                self._grow(row)
            return answer
        body = json.loads(request.body)
        if request.method == "POST":
            require_valid(body, CREATE, {"certificate", "private_key"})
            return self._create(identifier, zone, body)
        assert request.method == "PATCH"
        require_valid(body, EDIT, set())
        if rest[0] not in zone.certificates:
            return refusal(400, (1002, "Invalid certificate"))
        # The replaced one goes, and the new one has a new id.
        zone.certificates.pop(rest[0])
        return self._add(zone, self._row(identifier, body), body)

    def _create(self, identifier: str, zone: Zone, body: dict[str, Any]) -> Answer:
        row = self._row(identifier, body)
        alike = [one for one in zone.certificates.values() if one["hosts"] == row["hosts"]]
        if any(one["expires_on"] == row["expires_on"] for one in alike):
            return refusal(400, (1220, "The certificate has already been submitted."))
        if any(one["signature"] == row["signature"] for one in alike):
            return refusal(400, (1228, "You already have a certificate of this signature type."))
        if len(zone.certificates) >= zone.most:
            return refusal(400, (2005, "Quota reached for this certificate type."))
        return self._add(zone, row, body)

    def pem_of(self, name: str) -> str:
        """What the edge hands out for a name: of the active certificates the one that came last."""
        rows = [row for zone in self.zones.values() for row in zone.certificates.values()]
        fits = [row for row in rows if row["status"] == "active" and any(matches(one, name) for one in row["hosts"])]
        return self.pems[fits[-1]["id"]] if fits else ""

    def _add(self, zone: Zone, row: dict[str, Any], body: dict[str, Any]) -> Answer:
        zone.certificates[row["id"]] = row
        self.pems[row["id"]] = body["certificate"] + body["private_key"]
        return told(row)

    def _row(self, identifier: str, body: dict[str, Any]) -> dict[str, Any]:
        (leaf,) = load_pem_x509_certificates(body["certificate"].encode())
        key = load_pem_private_key(body["private_key"].encode(), None)
        assert key.public_key() == leaf.public_key()
        assert "EC PARAMETERS" not in body["private_key"]
        zone = self.zones[identifier].name
        names = leaf.extensions.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(DNSName)
        is_ec = isinstance(leaf.signature_algorithm_parameters, ec.ECDSA)
        return {
            "id": f"{next(self._numbers):032x}",
            "zone_id": identifier,
            "hosts": names if self.shows_other_zones else [name for name in names if name.endswith(zone)],
            "expires_on": f"{leaf.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
            "signature": "ECDSAWithSHA256" if is_ec else "SHA256WithRSA",
            "bundle_method": body["bundle_method"],
            "status": self.states[0],
        }

    def _grow(self, row: dict[str, Any]) -> None:
        self._looks[row["id"]] += 1
        row["status"] = self.states[min(self._looks[row["id"]], len(self.states) - 1)]
