"""Delegations as their page shows them."""

import hashlib
import json
from typing import Any

from accounts.policy import is_allowed
from certificates.dns.delegations import delegations_for, hosts_without, is_offered, name_of, target_of
from certificates.models import Authorization, Delegation
from certificates.records import host_label
from domains.models import Domain
from domains.review import said

Seen = Authorization.Seen


def hands_free_of(domain: Domain, role: str) -> dict[str, Any] | None:
    """What the section shows; None where this portal has no zone and nothing was handed over before."""
    rows = list(delegations_for(domain).prefetch_related("values"))
    if not rows and not (is_offered() and domain.is_verified):
        return None
    without = hosts_without(domain)
    return {
        "is_offered": is_offered(),
        "delegations": [shown_delegation(row, role) for row in rows],
        "suggested": without[0] if without else "",
    }


def shown_delegation(row: Delegation, role: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": row.pk,
        "workspace_id": row.workspace_id,
        "host": row.host,
        "name": name_of(row),
        "relative": host_label(name_of(row)),
        "target": target_of(row),
        "is_in_use": row.is_in_use,
        "is_gone": row.found_at is not None and not row.is_in_use,
        "checked_at": row.checked_at,
        "values": [value.value for value in row.values.all()],
        "servers": [{"server": entry["server"], "said": said(entry)} for entry in row.servers],
        "may_issue": is_allowed(role, "certificate.issue"),
        **_state(row),
    }
    told = [row.seen, row.servers, shown["values"], row.checked_at is None, shown["state"]]
    return shown | {"digest": hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]}


def _state(row: Delegation) -> dict[str, str]:
    if row.checked_at is None:
        return {"state": "not_seen", "seen_words": "Looking…"}
    there = sum(bool(entry["seen"]) for entry in row.servers)
    if there:
        return {"state": row.seen, "seen_words": f"Seen on {there} of {len(row.servers)}"}
    others = sorted({value for entry in row.servers for value in entry["values"]})
    return {"state": row.seen, "seen_words": f"Leads to {others[0]}" if others else ""}
