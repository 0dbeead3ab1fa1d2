"""A batch as its page shows it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from accounts.models import Workspace
from config.lib.errors import Wording, describe
from domains.batches.starting import OPEN
from domains.models import Batch, BatchKind, BatchLine, BatchState, LineState, readable_name
from domains.protocols import HTTPS, PROTOCOLS, protocol_of

# By kind: what the button says, what is to become of a line, and what has.
WORDS: Mapping[str, tuple[str, str, str]] = {
    BatchKind.IMPORT: ("Add {count}", "Will be added", "Added"),
    BatchKind.CHECK: ("Check {count}", "Will be checked", "Asked for"),
    BatchKind.TAG: ("Tag {count} “{tag}”", "Will be tagged", "Tagged"),
    BatchKind.UNTAG: ("Remove “{tag}” from {count}", "Will lose the tag", "Tag removed"),
    BatchKind.DELETE: ("Delete {count}", "Will be deleted", "Deleted"),
}
DONE_WORDS: Mapping[str, str] = {
    BatchKind.IMPORT: "{count} added",
    BatchKind.CHECK: "{count} asked for; each is looked at within the next minutes",
    BatchKind.TAG: "{count} tagged “{tag}”",
    BatchKind.UNTAG: "“{tag}” removed from {count}",
    BatchKind.DELETE: "{count} deleted",
}
# The state by which the portal draws it.
_LOOKS: Mapping[str, str] = {
    LineState.WAITING: "waiting",
    LineState.DONE: "succeeded",
    LineState.WATCHED: "skipped",
    LineState.TWICE: "skipped",
    LineState.REFUSED: "failed",
    LineState.FAILED: "failed",
}
_TONES: Mapping[str, str] = {LineState.REFUSED: "bad", LineState.FAILED: "bad", LineState.DONE: "ok"}
NOT_DONE = (LineState.REFUSED, LineState.FAILED)


@dataclass(frozen=True)
class LineShown:
    number: int
    label: str
    readable: str
    look: str
    word: str
    wording: Wording | None
    notes: str
    tags: str
    spoken: str


def counts_of(batch: Batch) -> dict[str, int]:
    """How many lines are in each state; one query."""
    counted = batch.lines.values_list("state").annotate(count=Count("pk"))
    return {**dict.fromkeys(LineState.values, 0), **dict(counted.order_by())}


def word_of(kind: str, state: str) -> str:
    """What a line's state is called on this kind of batch."""
    _, waiting, done = WORDS[kind]
    return {
        LineState.WAITING: waiting,
        LineState.DONE: done,
        LineState.WATCHED: "Already watched",
        LineState.TWICE: "Twice in this list",
        LineState.REFUSED: "Refused",
        LineState.FAILED: "Not done",
    }[LineState(state)]


def show_lines(batch: Batch, lines: Sequence[BatchLine]) -> list[LineShown]:
    return [_show_line(batch, line) for line in lines]


def _show_line(batch: Batch, line: BatchLine) -> LineShown:
    cells = [*line.given, *[""] * 5]
    host, _, port = line.label.partition(":")
    readable = readable_name(host)
    return LineShown(
        number=line.number,
        label=line.label,
        readable=f"{readable}:{port}" if readable and port else readable,
        look=_LOOKS[line.state],
        word=word_of(batch.kind, line.state),
        wording=describe(line.code, line.params) if line.code else None,
        tags=cells[3],
        notes=cells[4],
        spoken=_spoken(cells[2].lower(), port) if line.given else "",
    )


def _spoken(name: str, port: str) -> str:
    """`SMTP` where TLS is asked for in words of another protocol; nothing where it begins at once."""
    # A refused line is labelled with whatever was written.
    number = int(port) if port.isascii() and port.isdigit() else HTTPS
    protocol = PROTOCOLS.get(name) or protocol_of(number)
    return protocol.label if protocol.opener else ""


def title_of(batch: Batch, counts: Mapping[str, int]) -> str:
    """One line that says what this is and how far."""
    button = label_of(batch, counts)
    if batch.state == BatchState.DRAFT:
        return f"{button}?" if counts[LineState.WAITING] else "Nothing to do"
    if batch.state == BatchState.RUNNING:
        return str(batch.get_kind_display())
    done = DONE_WORDS[batch.kind].format(count=domains_in_words(counts[LineState.DONE]), tag=batch.tag)
    return done if batch.state == BatchState.DONE else f"Stopped: {done}"


def label_of(batch: Batch, counts: Mapping[str, int]) -> str:
    """The button that begins it: `Add 12 domains`."""
    return WORDS[batch.kind][0].format(count=domains_in_words(counts[LineState.WAITING]), tag=batch.tag)


def domains_in_words(count: int) -> str:
    return "1 domain" if count == 1 else f"{count:,} domains"


def filters_of(batch: Batch, counts: Mapping[str, int], current: str) -> list[dict[str, Any]]:
    """The totals as `components/filters.html` takes them; a state that no line is in is left out."""
    shown = [state for state in LineState.values if counts[state]]
    filters = [{"label": "All", "count": batch.total, "url": "?", "is_current": not current, "tone": ""}]
    return filters + [
        {
            "label": word_of(batch.kind, state),
            "count": counts[state],
            "url": f"?show={state}",
            "is_current": state == current,
            "tone": _TONES.get(state, ""),
        }
        for state in shown
    ]


def open_batches(workspace: Workspace) -> list[Batch]:
    """What runs or waits for its confirmation, the newest first; one query."""
    rows = Batch.objects.for_workspace(workspace).filter(state__in=OPEN)
    return list(rows.order_by("-created_at")[:3])


def refused_rows(batch: Batch) -> Iterator[list[object]]:
    """The lines that were not done, as they were given and with the reason: corrected, they can be imported again."""
    for line in batch.lines.filter(state__in=NOT_DONE).order_by("number").iterator(500):
        wording = describe(line.code, line.params)
        cells = [*line.given, *[""] * 5][:5] if line.given else [line.label, "", "", "", ""]
        yield [*cells, line.number, f"{wording.title}. {wording.why}"]


REFUSED_COLUMNS = ("hostname", "port", "protocol", "tags", "notes", "line", "reason")
