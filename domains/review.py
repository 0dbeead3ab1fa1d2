"""A domain's certificate as its page shows it: rows turned into what the components take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from config.lib import clock
from config.lib.errors import Wording, describe
from config.lib.moments import parse_moment
from domains.history import others_now
from domains.models import Domain, Inspection, Ownership, Visit
from domains.ownership import is_seen, records_of
from domains.state import end_in


@dataclass(frozen=True)
class Served:
    """The served certificate in words."""

    subject: str
    issuer: str
    sans: list[str]
    more_sans: int
    key: str
    signature: str
    usages: list[str]
    serial: str
    fingerprint_sha256: str
    not_before: datetime | None
    not_after: datetime | None
    tls_version: str
    cipher: str
    address: str
    seen_at: datetime
    chain: list[dict[str, Any]]


@dataclass(frozen=True)
class ProblemNote:
    severity: str
    wording: Wording


@dataclass(frozen=True)
class Alternate:
    """A certificate that is served in turn with the current one."""

    fingerprint_sha256: str
    issuer: str
    seen_at: datetime | None
    not_before: datetime | None
    not_after: datetime | None
    problems: list[Wording]


@dataclass(frozen=True)
class Review:
    """Everything the Overview says about the latest visit; `certificate_at` is when one was last seen."""

    is_under_way: bool
    visited_at: datetime | None
    served: Served | None
    problems: list[ProblemNote] = field(default_factory=list)
    trouble: Wording | None = None
    is_confirmed: bool = False
    page: str = ""
    life_state: str = ""
    certificate_at: datetime | None = None
    alternates: list[Alternate] = field(default_factory=list)
    put_off_until: datetime | None = None


def review_of(domain: Domain) -> Review:
    """The page's words for a domain that was loaded with `visit__inspection`."""
    visit: Visit = domain.visit
    inspection = visit.inspection
    trouble = describe(visit.error_code, visit.error_params) if visit.error_code else None
    return Review(
        is_under_way=visit.is_under_way,
        visited_at=visit.visited_at,
        served=served_of(inspection, visit) if inspection else None,
        problems=problems_of(inspection) if inspection else [],
        trouble=trouble,
        is_confirmed=visit.failures > 1,
        page=_page(visit),
        life_state=_life_state(domain, inspection, visit),
        certificate_at=visit.certificate_at or (inspection.seen_at if inspection else None),
        alternates=[_alternate(one) for one in others_now(visit, clock.now()).values()],
        put_off_until=visit.put_off_until,
    )


def _life_state(domain: Domain, inspection: Inspection | None, visit: Visit) -> str:
    """The colour of the life that is drawn: the domain's, unless that speaks of a certificate served in turn."""
    if inspection and others_now(visit, clock.now()):
        return ""
    # 'Unverified' must not hide what the first look is about: that the certificate is near its end.
    near_end = end_in(problem["code"] for problem in inspection.problems) if inspection else ""
    return domain.state if domain.is_verified else near_end or domain.state


def _alternate(one: Mapping[str, Any]) -> Alternate:
    moments = {name: parse_moment(one[key]) if one[key] else None for name, key in _MOMENTS.items()}
    problems = [describe(each["code"], each["params"]) for each in one["problems"]]
    return Alternate(one["fingerprint_sha256"], one["issuer"], problems=problems, **moments)


_MOMENTS = {"seen_at": "at", "not_before": "not_before", "not_after": "not_after"}


def served_of(inspection: Inspection, visit: Visit) -> Served:
    leaf = inspection.leaf
    return Served(
        subject=leaf["subject"],
        issuer=leaf["issuer"],
        sans=leaf["sans"][:20],
        more_sans=max(0, leaf["san_count"] - 20),
        key=leaf["key"],
        signature=leaf["signature"],
        usages=leaf["usages"],
        serial=leaf["serial"],
        fingerprint_sha256=inspection.fingerprint_sha256,
        not_before=visit.not_before,
        not_after=visit.not_after,
        tls_version=visit.tls_version or inspection.tls_version,
        cipher=visit.cipher or inspection.cipher,
        address=visit.address or inspection.address,
        seen_at=inspection.seen_at,
        chain=chain_links(inspection),
    )


def chain_links(inspection: Inspection) -> list[dict[str, Any]]:
    """The chain as `components/chain.html` takes it, with a dashed link where one is missing."""
    links = [_link(one) for one in inspection.chain]
    if any(problem["code"] == "missing_intermediate" for problem in inspection.problems):
        missing = inspection.chain[-1]
        name = missing.get("issuer_common_name") or missing["issuer_name"]
        links.append({"name": name or "its issuer", "detail": "not sent", "is_missing": True})
    return links


def _link(one: Mapping[str, Any]) -> dict[str, Any]:
    name = one["common_name"] or one["subject"] or (one["sans"] or ["no name"])[0]
    if one["role"] == "leaf":
        return {"name": name, "detail": one["key"]}
    if one["role"] == "root":
        return {"name": name, "detail": "trusted root" if not one["served"] else "trusted root, sent as well"}
    return {"name": name, "detail": one["issuer_name"] if name == one["subject"] else one["key"]}


def problems_of(inspection: Inspection) -> list[ProblemNote]:
    return [ProblemNote(one["severity"], describe(one["code"], one["params"])) for one in inspection.problems]


def _page(visit: Visit) -> str:
    """`HTTPS answered 200 in 34 ms`, or what happened instead; empty where no website was asked."""
    if not visit.page_scheme:
        return ""
    scheme = visit.page_scheme.upper()
    if visit.page_status is None:
        return f"No answer to GET / over {scheme}"
    return f"{scheme} answered {visit.page_status} in {visit.page_milliseconds} ms"


def record_rows(ownership: Ownership) -> list[dict[str, Any]]:
    """The records that prove ownership, as `components/record_table.html` takes them."""
    looked = {check["method"]: check for check in ownership.checks}
    return [
        {
            "host": record.name,
            "fqdn": "",
            "type": record.rdtype,
            "value": record.value,
            **_seen(looked.get(record.method)),
        }
        for record in records_of(ownership)
    ]


def _seen(check: Mapping[str, Any] | None) -> dict[str, str]:
    if check is None:
        return {"state": "", "seen_words": ""}
    answered = [one for one in check["seen"] if one["values"] is not None]
    shown = [one for one in answered if check["expected"] in one["values"]]
    if is_seen(dict(check)):
        return {"state": "seen", "seen_words": f"Seen on {len(shown)} of {len(answered)}"}
    if shown:
        return {"state": "partly_seen", "seen_words": f"Seen on {len(shown)} of {len(answered)}"}
    return {"state": "not_seen", "seen_words": ""}


def look_words(ownership: Ownership) -> list[dict[str, Any]]:
    """What was looked for, where, and what was seen: one entry per record and server.

    `is_told` of what resolvers say beside the zone's own servers: it decides nothing.
    """
    looked = [
        {"method": check["method"], "name": check["name"], "server": one["server"], "said": said(one), "is_told": told}
        for check in ownership.checks
        for told, answers in ((False, check["seen"]), (True, check.get("resolvers", ())))
        for one in answers
    ]
    return looked + _not_looked_for(ownership)


def _not_looked_for(ownership: Ownership) -> list[dict[str, Any]]:
    """One record suffices, so the other is not asked for when the first is there."""
    if not any(is_seen(check) for check in ownership.checks):
        return []
    asked = {check["method"] for check in ownership.checks}
    why = "not looked for: the other record is there, and one suffices"
    rest = [record for record in records_of(ownership) if record.method not in asked]
    return [
        {"method": record.method, "name": record.name, "server": "", "said": why, "is_told": False} for record in rest
    ]


def do_resolvers_decide(ownership: Ownership) -> bool:
    """Whether the zone's own servers could not be found, so that the configured resolvers were asked instead."""
    # Those are called by their address and port, servers of a zone by their name.
    return any(":" in one["server"] for check in ownership.checks for one in check["seen"])


_SAID = {
    "nxdomain": "there is no such name",
    "no_answer": "the name has no such record",
    "alias": "the name is an alias (CNAME), which does not count",
    "wildcard": "a wildcard record, which does not count",
    "wildcard_unclear": "no answer to the test for a wildcard record",
    "timeout": "no answer in time",
    "servfail": "server failure (often broken DNSSEC)",
    "refused": "the server refused to answer",
    "lame": "the server is not responsible for the name",
    "unreachable": "the server could not be reached",
}


def said(one: Mapping[str, Any]) -> str:
    """One server's answer in words."""
    if one["values"]:
        return ", ".join(f"“{value[:200]}”" for value in one["values"][:5])
    return _SAID.get(one["error"], one["error"].replace("_", " ") or "nothing")
