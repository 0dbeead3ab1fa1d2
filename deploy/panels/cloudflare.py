"""Cloudflare: a certificate of one's own at the edge, for zones on Business and Enterprise plans."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from certificates.dns.providers.kinds import Field
from config.lib import clock, egress, x509
from config.lib.errors import ExpectedError, NeedsUser, Transient
from deploy.panels.cloudflare_api import ALREADY, call, pages
from deploy.panels.panel import Access, Bundle, Installed, Panel, Seen, SiteResult, SiteState, Unsure, each
from deploy.panels.sites import shown, site_names

# Plans whose zones take certificates of one's own; a plan with another name is tried.
_TOO_LOW = frozenset({"free", "lite", "pro", "pro_plus"})
# A certificate that ends sooner is refused there.
_SHORTEST_LIFE = timedelta(days=14)
# No answer, or one of a machine in between: the upload may have been taken all the same.
_MAY_BE_DONE = frozenset({"panel_unsure", "panel_failing", "panel_garbled", "cloudflare_unknown"})
_OVER = frozenset({"expired", "deleted"})
_IDENTIFIER = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True)
class _Zone:
    id: str
    name: str
    status: str
    plan: str


def _zones(rows: Iterable[Mapping[str, Any]]) -> list[_Zone]:
    return [zone for zone in map(_zone, rows) if zone]


def _zone(row: Mapping[str, Any]) -> _Zone | None:
    names, plan = site_names([row.get("name")]), row.get("plan")
    found = _identifier(row.get("id"))
    kind = plan.get("legacy_id") if isinstance(plan, dict) else ""
    return _Zone(found, names[0], _word(row.get("status")), _word(kind)) if found and names else None


def _word(told: Any) -> str:
    return x509.clean(told, 40) if isinstance(told, str) else ""


def _identifier(told: Any) -> str:
    """What goes into a path of ours."""
    return told if isinstance(told, str) and _IDENTIFIER.fullmatch(told) else ""


def _find(access: Access, names: Sequence[str]) -> dict[_Zone, list[str]]:
    """The longest zone above each name, by walking up to the registered domain. Their filter is not relied on."""
    known: dict[str, _Zone | None] = {}
    found: dict[_Zone, list[str]] = {}
    for name in names:
        for candidate in _upwards(name.removeprefix("*.")):
            if candidate not in known:
                rows = _zones(pages(access, "/zones", {"name": candidate}))
                same = [zone for zone in rows if zone.name == candidate]
                # One that was moved away or is not taken over yet may still be listed beside the one that serves.
                known[candidate] = min(same, key=lambda zone: zone.status != "active", default=None)
            if zone := known[candidate]:
                found.setdefault(zone, []).append(name)
                break
    return found


def _upwards(host: str) -> list[str]:
    """The host and what is above it, down to what somebody registered."""
    top = egress.registrable_domain(host)
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - len(top.split(".")) + 1)]


def _required(access: Access, names: Sequence[str]) -> dict[_Zone, list[str]]:
    found = _find(access, names)
    if not found:
        listed = [zone.name for zone in _zones(pages(access, "/zones"))]
        raise NeedsUser("cloudflare_no_zone", names=shown(names), found=shown(listed))
    return found


def _require_usable(zone: _Zone) -> None:
    """Before a key goes anywhere."""
    if zone.status and zone.status != "active":
        raise NeedsUser("cloudflare_zone_inactive", zone=zone.name, status=zone.status)
    if zone.plan in _TOO_LOW:
        raise NeedsUser("cloudflare_plan", zone=zone.name, answer=f"the plan is {zone.plan}")


def test(access: Access, names: Sequence[str]) -> Seen:
    """Asks for the token's state, the zones, and the certificates of those that the names lie in; changes nothing."""
    may = [_verified(access)]
    if not names:
        listed = tuple(zone.name for zone in _zones(pages(access, "/zones")))
        return Seen(listed, (), (*may, f"It may read {len(listed)} zones."), (_UNTOLD,))
    zones = _required(access, names)
    for zone in zones:
        _require_usable(zone)
        count = len(_rows(access, zone))
        may.append(f"It may read the certificates of {zone.name}; there are {count} of your own.")
    found = tuple(zone.name for zone in zones)
    return Seen(found, found, tuple(may), (_UNTOLD,))


def _verified(access: Access) -> str:
    """A sentence about the token. Tokens of an account are not known at this address, and may work all the same."""
    try:
        result = call(access, "GET", "/user/tokens/verify").get("result")
    except NeedsUser:
        next(iter(pages(access, "/zones")), None)
        return "The token works; it belongs to the account and not to a person."
    status = result.get("status") if isinstance(result, dict) else ""
    if status in ("disabled", "expired"):
        raise NeedsUser("cloudflare_token_over", status=status)
    return "The token is valid."


def _rows(access: Access, zone: _Zone) -> list[Installed]:
    return [
        _installed(zone, row)
        for row in pages(access, f"/zones/{zone.id}/custom_certificates")
        if _identifier(row.get("id"))
    ]


def _installed(zone: _Zone, row: Mapping[str, Any]) -> Installed:
    """Cloudflare tells no fingerprint; what it tells is compared in `_is_same`."""
    hosts = row.get("hosts")
    return Installed(
        site=zone.name,
        state=_word(row.get("status")),
        expires_at=_moment(row.get("expires_on")),
        ref=_identifier(row.get("id")),
        names=tuple(site_names_with_wildcards(hosts)) if isinstance(hosts, list) else (),
        signed=_signed(row.get("signature")),
    )


def site_names_with_wildcards(told: Sequence[Any]) -> list[str]:
    """Host names, with an asterisk where the first label is one."""
    stars = [isinstance(one, str) and one.startswith("*.") for one in told]
    pairs = zip(told, stars, strict=True)
    return [("*." if star else "") + name for one, star in pairs for name in site_names([one[2:] if star else one])]


def _signed(told: Any) -> str:
    """As `Bundle.signed`; they write ECDSAWithSHA256 and SHA256WithRSA."""
    text = str(told or "").lower()
    return "ecdsa" if "ecdsa" in text else "rsa" if "rsa" in text else ""


def _moment(told: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_back(access: Access, names: Sequence[str]) -> list[Installed]:
    """The certificates of one's own in the zones of `names` that cover one of them. `state` is theirs.

    To be asked again until it is active; `fingerprint` stays empty, the edge shows it.
    """
    zones = _find(access, names)
    rows = [(row, zones[zone]) for zone in zones for row in _rows(access, zone)]
    return [row for row, asked in rows if any(x509.matches(one, name) for one in row.names for name in asked)]


def install(access: Access, bundle: Bundle) -> list[SiteResult]:
    """One result for each zone that has a name of the certificate. Raises NeedsUser before the key is sent anywhere."""
    if bundle.not_after - clock.now() < _SHORTEST_LIFE:
        raise NeedsUser("cloudflare_ends_too_soon", days=_SHORTEST_LIFE.days)
    zones = {zone.name: zone for zone in _required(access, bundle.names)}
    return each(list(zones), lambda name: _install_in(access, bundle, zones[name]))


def _install_in(access: Access, bundle: Bundle, zone: _Zone) -> SiteResult:
    _require_usable(zone)
    rows = _rows(access, zone)
    same = _same(rows, bundle)
    if same:
        return SiteResult(zone.name, "unchanged" if same.state == "active" else "pending", ref=same.ref)
    ours = next((row.ref for row in rows if row.ref == access.refs.get(zone.name) and row.state != "deleted"), "")
    if not ours:
        _require_own(rows, bundle, zone)
    try:
        return _written(access, bundle, zone, ours)
    except Transient as error:
        if error.code not in _MAY_BE_DONE:
            raise
        return _looked_for(access, bundle, zone, error)
    except NeedsUser as error:
        if ALREADY in error.params.get("numbers", ()):
            return _looked_for(access, bundle, zone, error)
        raise _worded(error, zone, rows) from None


def _same(rows: Sequence[Installed], bundle: Bundle) -> Installed | None:
    return next((row for row in rows if row.state not in _OVER and _is_same(row, bundle)), None)


def _is_same(row: Installed, bundle: Bundle) -> bool:
    """Whether it is this certificate, by all that they tell: when it ends, for whom it is, how it is signed."""
    ends = row.expires_at is not None and abs(row.expires_at - bundle.not_after) < timedelta(seconds=1)
    return ends and _is_alike(row, bundle)


def _is_alike(row: Installed, bundle: Bundle) -> bool:
    """For the same names, all of them or those in its zone, and signed alike: it would take the other's place."""
    inside = {name for name in bundle.names if f".{name.removeprefix('*.')}".endswith(f".{row.site}")}
    return set(row.names) in (set(bundle.names), inside) and row.signed in ("", bundle.signed)


def _require_own(rows: Sequence[Installed], bundle: Bundle, zone: _Zone) -> None:
    """Somebody put one for the same names there by hand: to replace it is for a person to say, by its id in `refs`."""
    for row in rows:
        if row.state not in _OVER and _is_alike(row, bundle):
            raise NeedsUser("cloudflare_foreign", zone=zone.name, certificate=row.ref, names=shown(row.names))


def _written(access: Access, bundle: Bundle, zone: _Zone, ours: str) -> SiteResult:
    """The leaf alone: with this method they look for the chain themselves. A replaced one gets a new id."""
    body = {"certificate": bundle.leaf, "private_key": bundle.key, "bundle_method": "ubiquitous"}
    path = f"/zones/{zone.id}/custom_certificates"
    if ours:
        told = call(access, "PATCH", f"{path}/{ours}", body)
    else:
        # Without a type they make one for clients without SNI, which has a quota of its own.
        told = call(access, "POST", path, {**body, "type": "sni_custom"})
    result = told.get("result")
    ref = _identifier(result.get("id")) if isinstance(result, dict) else ""
    if not isinstance(result, dict) or not ref:
        raise Unsure(panel=access.panel, host=access.host)
    return SiteResult(zone.name, _state(result.get("status")), ref=ref)


def _state(status: Any) -> SiteState:
    return "installed" if status == "active" else "pending"


def _looked_for(access: Access, bundle: Bundle, zone: _Zone, error: ExpectedError) -> SiteResult:
    """No answer came, or that it is there already: they have no way to tell a repetition, so the list is asked."""
    try:
        same = _same(_rows(access, zone), bundle)
    except ExpectedError:
        raise error from None
    if same is None:
        raise error
    return SiteResult(zone.name, _state(same.state), ref=same.ref)


def _worded(error: NeedsUser, zone: _Zone, rows: Sequence[Installed]) -> NeedsUser:
    """How they refuse a zone whose plan is too low is not documented: as forbidden, or as a quota of none."""
    is_quota_of_none = error.code == "cloudflare_full" and not rows
    if error.code in ("panel_forbidden", "panel_rights_missing") or is_quota_of_none:
        return NeedsUser("cloudflare_plan", **{**error.params, "zone": zone.name})
    return error


_UNTOLD = (
    "Whether the token may also upload, and whether the zone's plan includes certificates of your own, shows only when "
    "one is uploaded."
)
_ORANGE = (
    "Visitors get this certificate for names with the orange cloud. A name with a grey cloud leads them to your own "
    "server, which needs a certificate there. Set SSL/TLS to Full (strict), so that Cloudflare verifies your server's "
    "certificate as well."
)
_UNIVERSAL = (
    "Universal SSL stays as it is, and serves the names that no certificate of your own covers. On the plans Free and "
    "Pro it is what visitors get, and there is nothing to install here: certificates of your own need Business or "
    "Enterprise."
)
PANEL = Panel(
    name="cloudflare",
    label="Cloudflare",
    fields=(
        Field(
            "api_token",
            "API token",
            "dash.cloudflare.com: My Profile, API Tokens, Create Token, Create Custom Token. Choose the two "
            "permissions below and, under Zone Resources, the zone alone. It is shown once.",
            is_secret=True,
        ),
    ),
    rights="Zone, Zone, Read and Zone, SSL and Certificates, Edit, for the one zone. Not the Global API Key.",
    test=test,
    install=install,
    read_back=read_back,
    host="api.cloudflare.com",
    advice=(_ORANGE, _UNIVERSAL),
)
