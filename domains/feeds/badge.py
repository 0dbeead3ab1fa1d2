"""The badge: one line about all certificates, drawn as SVG. Pure, but for the one count."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import Workspace
from domains.listing import EXPIRING, FAILING
from domains.models import Domain, State

LABEL = "certificates"
HEIGHT = 20
SIZE = 11
_PADDING = 6
# White on each of them, and the label's grey, has a contrast of at least 4.5 : 1 (WCAG 2.2).
_GREY = "#4b5563"
_TONES = {"bad": "#b42318", "due": "#92600a", "good": "#1a7f37", "idle": "#6b7280"}
# Thousandths of the font's size, of Verdana, which is the widest of the fonts named below: the text is then
# set to just this length, whichever of them the reader has.
_WIDTHS = {
    **dict.fromkeys("0123456789", 636),
    **dict.fromkeys("bdghnpqu", 633),
    **dict.fromkeys("aeo", 607),
    **dict.fromkeys("csz", 525),
    **dict.fromkeys("kvxy", 592),
    **dict.fromkeys("ijl", 300),
    **dict.fromkeys(" ft", 380),
    "r": 427,
    "m": 973,
    "w": 818,
}
_FONTS = "Verdana,Geneva,DejaVu Sans,sans-serif"


@dataclass(frozen=True)
class Summary:
    """The most urgent thing to say, such as `2 expiring`, and its tone."""

    words: str
    tone: str

    @property
    def sentence(self) -> str:
        return f"{LABEL}: {self.words}"


def summary_of(workspace: Workspace, tag: str = "") -> Summary:
    """One query, over the domains with `tag` or all of them."""
    rows = Domain.objects.for_workspace(workspace)
    if tag:
        rows = rows.filter(tag_rows__name=tag)
    return summarize(dict(rows.values_list("state").annotate(Count("pk")).order_by()))


def summarize(counts: Mapping[str, int]) -> Summary:
    """What is worst is said, with how many; what is not verified or has no certificate yet counts for nothing."""
    for words, tone, states in (
        ("expired", "bad", (State.EXPIRED,)),
        ("failing", "bad", tuple(one for one in FAILING if one != State.EXPIRED)),
        ("expiring", "due", EXPIRING),
        ("ok", "good", (State.OK,)),
    ):
        if count := sum(counts.get(state, 0) for state in states):
            return Summary(f"{count} {words}", tone)
    return Summary("none yet", "idle")


def draw_badge(summary: Summary) -> SafeString:
    """The whole SVG: no script, no style sheet, nothing to be fetched."""
    left, right = (_width(text) + 2 * _PADDING for text in (LABEL, summary.words))
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="img" aria-label="{sentence}"><title>{sentence}</title>'
        # The light rim tells the grey half from a dark page.
        '<rect width="{width}" height="{height}" rx="4" fill="#9ca3af"/>'
        '<path d="M{left} 1h{inner}a3 3 0 0 1 3 3v12a3 3 0 0 1-3 3h-{inner}z" fill="{tone}"/>'
        '<path d="M{left} 1H4a3 3 0 0 0-3 3v12a3 3 0 0 0 3 3h{body}z" fill="{grey}"/>'
        '<g fill="#fff" font-family="{fonts}" font-size="{size}" aria-hidden="true">{label}{words}</g></svg>',
        width=left + right,
        height=HEIGHT,
        sentence=summary.sentence,
        left=left,
        inner=right - 4,
        body=left - 4,
        tone=_TONES[summary.tone],
        grey=_GREY,
        fonts=_FONTS,
        size=SIZE,
        label=_text(LABEL, _PADDING),
        words=_text(summary.words, left + _PADDING),
    )


def _text(text: str, x: int) -> SafeString:
    return format_html('<text x="{}" y="14" textLength="{}">{}</text>', x, _width(text), text)


def _width(text: str) -> int:
    """In pixels; characters that are not in the table count as the widest digit."""
    return round(sum(_WIDTHS.get(letter, 636) for letter in text) * SIZE / 1000)
