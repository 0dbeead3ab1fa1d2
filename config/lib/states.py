"""Every state a page may show: its words, its colour and its shape. Meaning never hangs on colour alone."""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["ok", "due", "bad", "idle", "live"]
Shape = Literal["disc", "ring", "diamond", "square", "triangle", "half", "tick", "cross", "arc"]


@dataclass(frozen=True)
class Look:
    word: str
    tone: Tone
    shape: Shape


LOOKS: dict[str, Look] = {
    # A domain.
    "unverified": Look("Unverified", "idle", "ring"),
    "ok": Look("OK", "ok", "disc"),
    "expiring": Look("Expiring", "due", "diamond"),
    "expired": Look("Expired", "bad", "square"),
    "problem": Look("Problem", "bad", "triangle"),
    "unreachable": Look("Unreachable", "bad", "cross"),
    "no_certificate": Look("No certificate", "idle", "ring"),
    "renewal_due": Look("Renewal due", "due", "diamond"),
    "renewal_failed": Look("Renewal failed", "bad", "square"),
    "partial_deploy": Look("Partial deploy", "due", "half"),
    # A rule, a gateway.
    "paused": Look("Paused", "idle", "ring"),
    # A run, a deployment, a step, an issuance.
    "draft": Look("Draft", "idle", "ring"),
    "waiting": Look("Waiting", "idle", "ring"),
    "running": Look("Running", "live", "arc"),
    "succeeded": Look("Succeeded", "ok", "tick"),
    "partial": Look("Partial", "due", "half"),
    "failed": Look("Failed", "bad", "cross"),
    "skipped": Look("Skipped", "idle", "ring"),
    "deployed": Look("Deployed", "ok", "tick"),
    "serving": Look("Serving", "ok", "tick"),
    "installed": Look("Installed", "due", "half"),
    "pending_challenge": Look("Waiting for DNS records", "due", "diamond"),
    "validating": Look("Validating", "live", "arc"),
    "finalizing": Look("Finalizing", "live", "arc"),
    "issued": Look("Issued", "ok", "tick"),
    "cancelled": Look("Cancelled", "idle", "ring"),
    # A certificate on file.
    "valid": Look("Valid", "ok", "disc"),
    "revoked": Look("Revoked", "bad", "cross"),
    # A record, a proof, a key.
    "seen": Look("Seen", "ok", "tick"),
    "partly_seen": Look("Partly seen", "due", "half"),
    "not_seen": Look("Not yet seen", "idle", "ring"),
    "verified": Look("Verified", "ok", "tick"),
    "trusted": Look("Trusted", "ok", "tick"),
    "untrusted": Look("Not trusted yet", "due", "diamond"),
    "changed": Look("Changed", "bad", "triangle"),
    # Severities of events and notes.
    "info": Look("Info", "live", "disc"),
    "warning": Look("Warning", "due", "diamond"),
    "critical": Look("Critical", "bad", "triangle"),
}


def look(state: str) -> Look:
    """The look of `state`; one that has none yet is shown by its own word, in grey."""
    return LOOKS.get(state) or Look(state.replace("_", " ").capitalize() or "Unknown", "idle", "ring")
