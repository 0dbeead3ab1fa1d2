"""How far a replacement is, as its page shows it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from certificates.models import ReplacedCertificate, Replacement
from certificates.replacing.proving import proof_of
from certificates.revoking import reason_words
from config.lib.errors import Wording, describe

State = ReplacedCertificate.State
# The look (config.lib.states) and the words of each state.
LOOKS: Mapping[str, tuple[str, str]] = {
    State.WAITING: ("waiting", "Waiting for its turn"),
    State.PERSON: ("warning", "Needs a person"),
    State.REPLACING: ("running", "Being issued"),
    State.INSTALLING: ("running", "Waiting for proof"),
    State.REVOKING: ("running", "Being revoked"),
    State.DONE: ("succeeded", "Replaced"),
    State.FAILED: ("failed", "Failed"),
}
HINTS: Mapping[str, str] = {
    State.PERSON: "Issue or upload the next one, with a new key; this page finds it by itself.",
    State.REVOKING: "Its successor is served; the CA is being told.",
}


@dataclass(frozen=True)
class Line:
    entry: ReplacedCertificate
    look: str
    words: str
    hint: str
    trouble: Wording | None


@dataclass(frozen=True)
class Progress:
    """`counts` by state, all of them; `done` of `total`."""

    replacement: Replacement
    counts: Mapping[str, int]
    why: str
    trouble: Wording | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        return self.counts[State.DONE]

    @property
    def parts(self) -> list[tuple[str, str, int]]:
        return [(*LOOKS[state], count) for state, count in self.counts.items() if count]


def with_counts(rows: QuerySet[Replacement]) -> QuerySet[Replacement]:
    """Replacements of which `progress_of` asks nothing more."""
    counts = {f"{state}_count": Count("entries", filter=Q(entries__state=state)) for state in State.values}
    return rows.annotate(**counts)


def progress_of(replacement: Replacement) -> Progress:
    """For a row of `with_counts`."""
    code = replacement.error_code if replacement.is_open else ""
    trouble = describe(code, replacement.error_params) if code else None
    counts = {state: getattr(replacement, f"{state}_count") for state in State.values}
    return Progress(replacement, counts, reason_words(replacement.reason), trouble)


def lines_of(entries: Iterable[ReplacedCertificate]) -> Sequence[Line]:
    """A page of them; those that wait for proof ask what is missing."""
    return [_line(entry) for entry in entries]


def _line(entry: ReplacedCertificate) -> Line:
    look, words = LOOKS[entry.state]
    hint = HINTS.get(entry.state, "")
    if entry.state == State.INSTALLING and entry.successor:
        hint = proof_of(entry.certificate, entry.successor).words
    trouble = describe(entry.error_code, entry.error_params) if entry.error_code else None
    return Line(entry, look, words, hint, trouble)
