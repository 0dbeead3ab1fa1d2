"""What may stand between double braces: each variable's label, an example, and which messages have it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from config.lib import clock, wording
from config.lib.moments import parse_moment
from notifications.models import Trigger
from notifications.story import Story

_DAY = timedelta(days=1)
VALUE_AT_MOST = 1_000
_CUT = "\N{HORIZONTAL ELLIPSIS}"
# What turns the direction of the text around it: a name of an issuer could make the rest of a line read backwards.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_RENEWALS = frozenset({Trigger.RENEWAL, Trigger.RENEWAL_FAILED})
_EVERY = frozenset(Trigger)


@dataclass(frozen=True)
class Variable:
    """`fact` is the label of the story's fact that it is taken from; empty: the story's values have it by its name."""

    name: str
    label: str
    example: str
    triggers: frozenset[str] = _EVERY
    fact: str = ""
    has_lines: bool = False

    @property
    def when(self) -> str:
        """In which messages, in words; empty: in all of them."""
        if self.triggers == _EVERY:
            return ""
        return ", ".join(label.lower() for one, label in Trigger.offered() if one in self.triggers)

    @property
    def written(self) -> str:
        return f"{{{{{self.name}}}}}"


_TABLE = (
    Variable("domain", "The domain as the list shows it, with its port where that is not 443", "shop.example.com:8443"),
    Variable("host", "The host name alone", "shop.example.com"),
    Variable("days_left", "Whole days until the certificate expires; below zero once it has expired", "12"),
    Variable("expires", "The day on which the certificate expires", "4 May 2027"),
    Variable("issuer", "Who issued the certificate", "Let's Encrypt YE1"),
    Variable(
        "expiry",
        "When it expires, in words: also “expires today” and “expired 3 days ago”",
        "expires in 12 days",
        frozenset({Trigger.EXPIRY, Trigger.PROBLEM}),
    ),
    Variable("title", "What happened, in one line", "The certificate expires in 12 days"),
    Variable("why", "What is behind it", "The certificate that shop.example.com serves ends soon.", has_lines=True),
    Variable("fix", "What to do about it", "Renew it, and look again.", has_lines=True),
    Variable("status", "How the renewal ended", "succeeded in part", _RENEWALS, "Status"),
    Variable("targets", "The servers that it was deployed to", "web-01 (serving), db (failed)", _RENEWALS, "Targets"),
    Variable("files", "How many files were written", "8", _RENEWALS, "Files written"),
    Variable("commands", "How many commands were run", "2", _RENEWALS, "Commands run"),
    Variable("error", "What went wrong, in one line", "The SSH user may not write there", _RENEWALS, "Error"),
    Variable("workspace", "The name of this workspace", "Acme"),
    Variable("url", "Where to read more in the portal", "https://certs.example.com/w/…"),
)
VARIABLES: Mapping[str, Variable] = {one.name: one for one in _TABLE}


def values_of(story: Story) -> dict[str, str]:
    """Every variable's value, cleaned; empty where the story says nothing of it. Pure."""
    facts = dict(story.facts)
    found = {one.name: facts.get(one.fact, "") if one.fact else story.values.get(one.name, "") for one in _TABLE}
    found["expiry"] = expiry_in_words(story)
    return {name: cleaned(text, has_lines=VARIABLES[name].has_lines) for name, text in found.items()}


def cleaned(text: str, *, has_lines: bool = False) -> str:
    """Bounded, and without what no message needs: control characters, and marks that turn the text's direction.

    Names come out of certificates that strangers have made. On one line unless it `has_lines`.
    """
    lines = text.splitlines() if has_lines else [text]
    shown = "\n".join(" ".join("".join(map(_plain, line)).split()) for line in lines)
    return shown if len(shown) <= VALUE_AT_MOST else shown[: VALUE_AT_MOST - 1] + _CUT


def _plain(character: str) -> str:
    if character in _TURNING:
        return "\N{REPLACEMENT CHARACTER}"
    # Joiners belong to the spelling of some scripts; what else cannot be printed is a space.
    return character if character.isprintable() or character in "\u200c\u200d" else " "


def expiry_in_words(story: Story) -> str:
    """`expires in 12 days`, `expires today`, `expired 3 days ago`: by the workspace's own days."""
    told = story.data.get("not_after")
    if not isinstance(told, str):
        return ""
    end = parse_moment(told)
    zone = ZoneInfo(story.domain.workspace.time_zone if story.domain else "UTC")
    at = story.at or clock.now()
    days = abs(end - at) // _DAY
    verb, near = ("expires", "tomorrow") if end > at else ("expired", "yesterday")
    if days == 0:
        return f"{verb} {'today' if end.astimezone(zone).date() == at.astimezone(zone).date() else near}"
    counted = wording.counted(days, "day")
    return f"{verb} in {counted}" if end > at else f"{verb} {counted} ago"
