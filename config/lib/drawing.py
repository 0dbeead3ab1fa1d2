"""The small pieces that every list repeats in each row: a shape, a state, a lifeline, a time. HTML, escaped.

Written here and not as templates: a list draws hundreds of them, and a template costs ten times as much.
"""

from datetime import datetime, tzinfo
from functools import lru_cache

from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe

from config.lib import lifeline, states, wording
from config.lib.lifeline import Lifeline

# Drawn on a 12 x 12 grid; filled shapes unless listed in OUTLINED.
SHAPES: dict[str, str] = {
    "disc": '<circle cx="6" cy="6" r="4.5"/>',
    "ring": '<circle cx="6" cy="6" r="4"/>',
    "diamond": '<path d="M6 .6 11.4 6 6 11.4.6 6z"/>',
    "square": '<path d="M1.8 1.8h8.4v8.4H1.8z"/>',
    "triangle": '<path d="M6 .8 11.6 11H.4z"/>',
    "half": '<path d="M6 1.5a4.5 4.5 0 0 1 0 9z"/><circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" '
    'stroke-width="1.6"/>',
    "tick": '<path d="m1.5 6.5 3 3 6-7"/>',
    "cross": '<path d="m2 2 8 8m0-8-8 8"/>',
    "arc": '<path d="M6 1.5A4.5 4.5 0 1 1 1.5 6"/>',
    "chevron": '<path d="m4 2 4 4-4 4"/>',
    "down": '<path d="m2 4 4 4 4-4"/>',
}
OUTLINED = frozenset({"ring", "tick", "cross", "arc", "chevron", "down"})
# The head of the lifeline's pin; every other shape is a square.
_DIAMOND = '<path class="head" d="m0-.7 5.7 5.7L0 10.7-5.7 5z"/>'
_HEADS = {
    "disc": '<circle class="head" cy="5" r="4.5"/>',
    "ring": '<circle class="head head--ring" cy="5" r="3.8"/>',
    "diamond": _DIAMOND,
    "half": _DIAMOND,
}
_SQUARE = '<path class="head" d="M-4.4.6h8.8v8.8h-8.8z"/>'
_NOTHING = '<line class="absent" x1="0" x2="100%" y1="12.5" y2="12.5"/>'


@lru_cache(maxsize=256)
def shape(name: str, size: int = 12) -> SafeString:
    """A small drawing in the text's colour, hidden from screen readers: the word stands beside it."""
    paint = 'fill="none" stroke="currentColor" stroke-width="2"' if name in OUTLINED else 'fill="currentColor"'
    # At its own size a drawing needs no box to be scaled from.
    box = "" if size == 12 else ' viewBox="0 0 12 12"'
    drawn = f'<svg width="{size}" height="{size}"{box} {paint} aria-hidden="true">{SHAPES[name]}</svg>'
    return mark_safe(drawn)  # noqa: S308  (all of it comes from the tables above)


@lru_cache(maxsize=512)
def state(name: str, word: str = "") -> SafeString:
    """A state's shape and word in its colour; `word` replaces its own."""
    look = states.look(name)
    turning = " state--turning" if look.shape == "arc" else ""
    return format_html(
        '<span class="state tone-{}{}">{}{}</span>', look.tone, turning, shape(look.shape), word or look.word
    )


def breakable(hostname: str) -> SafeString:
    """A hostname that breaks at its dots and before its port rather than within a label; copied, it is unchanged."""
    return mark_safe(escape(hostname).replace(".", ".<wbr>").replace(":", "<wbr>:"))  # noqa: S308  (escaped before)


def moment(at: datetime, now: datetime) -> SafeString:
    """Relative words, the exact UTC time on hover; `static/js/reltime.js` keeps them fresh."""
    return mark_safe(  # noqa: S308  (nothing in it is anybody's text)
        f'<time datetime="{at.isoformat(timespec="seconds")}" title="{wording.exact(at)}" data-relative>'
        f"{wording.relative(at, now)}</time>"
    )


def lifeline_html(
    not_before: datetime | None,
    not_after: datetime | None,
    now: datetime,
    *,
    renew_at: datetime | None,
    state: str,
    note: str,
    is_large: bool,
    zone: tzinfo,
) -> SafeString:
    """The certificate's life; an empty track without dates. `state` decides the look, `note` the words on the right."""
    look = states.look(state)
    line = lifeline.draw(not_before, not_after, now, renew_at, zone) if not_before and not_after else None
    described = conditional_escape(line.described) if line else "No certificate yet"
    drawing = _bar(line, look.shape) if line else _NOTHING
    left, right = (line.left, note or line.right) if line else (look.word, note)
    ends = ""
    if is_large and line and not_before and not_after:
        ends = _ends(line, wording.day(not_before, now, zone), wording.day(not_after, now, zone), is_said=not note)
    return mark_safe(  # noqa: S308  (texts are escaped one by one)
        f'<div class="lifeline tone-{look.tone}{" lifeline--large" if is_large else ""}">'
        f'<svg class="lifeline__drawing" role="img" aria-label="{described}">{drawing}</svg>'
        f'<div class="lifeline__words"><b>{conditional_escape(left)}</b><span>{conditional_escape(right)}</span></div>'
        f"{ends}</div>"
    )


def _bar(line: Lifeline, head: str) -> str:
    """What is drawn from left to right: the track, the renewal window, what is spent, what lies outside, the pin."""
    renews = line.renew is not None
    start = f' x="{line.start:.4g}%"' if line.start else ""
    parts = (
        f'<rect class="track"{start} width="{line.length:.4g}%"/>',
        f'<rect class="window" x="{line.renew:.4g}%" width="{line.window:.4g}%"/>' if renews else "",
        f'<rect class="spent"{start} width="{line.spent:.4g}%"/>',
        f'<line class="comb" x1="{line.renew:.4g}%" x2="{line.end:.4g}%" y1="12.5" y2="12.5"/>' if renews else "",
        _outside(line),
        f'<svg x="{line.now:.4g}%" overflow="visible"><path class="stem" d="M0 6v13"/>',
        _HEADS.get(head, _SQUARE),
        "</svg>",
    )
    return "".join(parts)


def _outside(line: Lifeline) -> str:
    if line.is_expired:
        return f'<line class="overdue" x1="{line.end:.4g}%" x2="100%" y1="12.5" y2="12.5"/>'
    if line.is_future:
        return f'<line class="absent" x1="0" x2="{line.start:.4g}%" y1="12.5" y2="12.5"/>'
    return ""


def _ends(line: Lifeline, first: str, last: str, *, is_said: bool) -> str:
    """Both ends' dates; the last only where the words beside the drawing do not say it already."""
    until = "" if is_said and line.renew is None else f"<span>valid until {last}</span>"
    return f'<div class="lifeline__ends"><span>valid from {first}</span>{until}</div>'
