"""An issuance as its page shows it: rows turned into what the components take. Pure but for the clock."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from certificates.cas.known import ca_label
from certificates.keys import KEY_TYPES
from certificates.models import Authorization, Issuance
from certificates.records import host_label, missing_records, mistake_in_words, seen_count
from config.lib import clock
from config.lib.errors import Wording, describe
from domains.review import said

State, Step = Issuance.State, Issuance.Step

# What the worker is about to do or does, in the words of the progress line.
DOING: dict[str, str] = {
    Step.CHECK_GATES: "Checking that the names are yours",
    Step.OPEN_ACCOUNT: "Opening this workspace's account at the CA",
    Step.CHECK_CAA: "Checking that no CAA record forbids this CA",
    Step.MAKE_KEY: "Making the private key",
    Step.ORDER: "Ordering the certificate",
    Step.LOAD_CHALLENGES: "Reading the records that the CA asks for",
    Step.PRESENT: "Publishing the records",
    Step.WAIT_FOR_RECORDS: "Waiting for the TXT records to be published",
    Step.CHECK_RECORDS: "Looking for the records ourselves, because the CA looks only once",
    Step.ANSWER: "Telling the CA that the records are there",
    Step.WATCH_VALIDATION: "The CA looks for the records, from several places",
    Step.FINALIZE: "The CA makes the certificate",
    Step.STORE: "Storing the certificate",
}
DOING_OVER_HTTP: dict[str, str] = {
    Step.LOAD_CHALLENGES: "Reading the tokens that the CA asks for",
    Step.PRESENT: "Putting the token on the first server",
    Step.CHECK_RECORDS: "Fetching the token ourselves, because the CA looks only once",
    Step.ANSWER: "Telling the CA that the token is there",
    Step.WATCH_VALIDATION: "The CA fetches the token, from several places",
}
HOW_IT_GOES = [
    {"title": "Names", "detail": "chosen here; all of them go into one certificate", "state": "now"},
    {"title": "TXT records", "detail": "one per name, copied to your DNS provider; seen live", "state": "todo"},
    {"title": "Issue certificate", "detail": "the CA looks at the records, usually within seconds", "state": "todo"},
    {"title": "Install", "detail": "as a ZIP, by a hosting panel, or on your servers by SSH", "state": "todo"},
]
BEFORE_RECORDS = (
    Step.CHECK_GATES,
    Step.OPEN_ACCOUNT,
    Step.CHECK_CAA,
    Step.MAKE_KEY,
    Step.ORDER,
    Step.LOAD_CHALLENGES,
)
SEEN_WORDS = {
    Authorization.Seen.SEEN: "Seen on {seen} of {all}",
    Authorization.Seen.PARTLY_SEEN: "Seen on {seen} of {all}",
    Authorization.Seen.NOT_SEEN: "",
}


@dataclass(frozen=True)
class Stepper:
    """The four steps of the page. Each mark is done, now, failed or todo."""

    issuance: Issuance
    names: str
    choices: str
    records: list[dict[str, Any]]
    shares_a_name: bool
    looked_at: datetime | None
    marks: dict[str, str]
    doing: str
    trouble: Wording | None
    retry_at: datetime | None
    is_all_seen: bool
    is_live: bool
    every: str
    digest: str

    @property
    def has_records(self) -> bool:
        return bool(self.records)

    @property
    def doing_state(self) -> str:
        return "waiting" if self.retry_at else "running"

    @property
    def severity(self) -> str:
        if self.issuance.state == State.FAILED:
            return "critical"
        return "warning" if self.issuance.is_waiting_for_person else "info"


def stepper_of(issuance: Issuance) -> Stepper:
    """For an issuance loaded with its domain and its authorizations."""
    rows = list(issuance.authorizations.all())
    pending = [row.txt_name for row in rows if not row.is_proven]
    waits = issuance.is_waiting_for_person
    is_all_seen = bool(rows) and missing_records(rows) is None
    # The last try came too early; by now the records are there, and the old complaint only confuses.
    trouble = None if waits and is_all_seen else trouble_of(issuance)
    return Stepper(
        issuance=issuance,
        names=", ".join(issuance.names),
        choices=f"{KEY_TYPES[issuance.key_type]} · {ca_label(issuance.directory_url)}",
        records=[record_of(row) for row in rows if issuance.challenge == "dns-01"],
        shares_a_name=len(set(pending)) < len(pending),
        looked_at=max((row.seen_at for row in rows if row.seen_at), default=None),
        marks=marks_of(issuance, rows),
        doing=doing_of(issuance),
        trouble=trouble,
        retry_at=issuance.run_after if issuance.is_under_way and trouble else None,
        is_all_seen=is_all_seen,
        is_live=issuance.is_open,
        every="4s" if waits else "1s",
        digest=digest_of(issuance, rows),
    )


def doing_of(issuance: Issuance) -> str:
    if not issuance.is_under_way:
        return ""
    words = DOING | DOING_OVER_HTTP if issuance.challenge == "http-01" else DOING
    return words.get(issuance.step, "")


def record_of(row: Authorization) -> dict[str, Any]:
    """One line of the table, and below it what each name server said."""
    return {
        "name": row.shown_name,
        "host": host_label(row.txt_name, row.zone),
        "fqdn": row.txt_name,
        "type": "TXT",
        "value": row.txt_value,
        "is_proven": row.is_proven,
        "alias": row.alias,
        "mistake": "" if row.is_proven else mistake_in_words(row),
        **_seen(row),
        "servers": [{"server": entry["server"], "said": said(entry)} for entry in row.servers],
    }


def _seen(row: Authorization) -> dict[str, str]:
    if row.is_proven:
        return {"state": "verified", "seen_words": "Already proven"}
    if row.status not in ("pending", "valid"):
        return {"state": "failed", "seen_words": "Refused"}
    if row.seen_at is None:
        return {"state": "not_seen", "seen_words": "Looking…"}
    words = SEEN_WORDS[Authorization.Seen(row.seen)]
    return {"state": row.seen, "seen_words": words.format(seen=seen_count(row), all=len(row.servers))}


def marks_of(issuance: Issuance, rows: Sequence[Authorization]) -> dict[str, str]:
    """Which of the four steps is done, under way, failed or still to come."""
    if issuance.state == State.ISSUED:
        return {**dict.fromkeys(("names", "records", "issue"), "done"), "install": "now"}
    at = "records" if issuance.step in (*BEFORE_RECORDS, Step.WAIT_FOR_RECORDS) else "issue"
    if issuance.state == State.FAILED:
        at = "issue" if rows else "records"
    marks = {"names": "done", "records": "done" if at == "issue" else "now", "issue": "todo", "install": "todo"}
    marks[at] = "failed" if issuance.state == State.FAILED else "now"
    return marks


def trouble_of(issuance: Issuance) -> Wording | None:
    """Why it does not go on, in words; None while it does."""
    if not issuance.error_code or issuance.state in (State.ISSUED, State.CANCELLED):
        return None
    params = dict(issuance.error_params)
    for name in ("names", "name"):
        if not params.get(name):
            params[name] = ", ".join(issuance.names)
    return describe(issuance.error_code, params)


def digest_of(issuance: Issuance, rows: Sequence[Authorization]) -> str:
    """Changes when the page would: a poll that finds the same is answered with nothing."""
    shown = [issuance.state, issuance.step, issuance.error_code, str(issuance.run_after), str(issuance.certificate_id)]
    seen = [[row.status, row.seen, row.seen_at is None, row.servers, row.alias, row.mistake] for row in rows]
    return hashlib.sha256(json.dumps([shown, seen]).encode()).hexdigest()[:12]


def ends_in(issuance: Issuance) -> datetime | None:
    """Until when the records may still be published; None when it is over or the CA does not say."""
    if not issuance.is_waiting_for_person or not issuance.run_after:
        return None
    return issuance.run_after if issuance.run_after > clock.now() else None
