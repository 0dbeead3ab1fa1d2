"""The rows of the domain list as HTML.

Written here and not as a template: fifty rows of thirty template nodes each cost five times the CPU of all the rest of
the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import escape
from urllib.parse import quote_plus

from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from config.lib import clock, drawing
from domains.listing import Row, note_of
from domains.models import State
from domains.protocols import PROTOCOLS

UNKNOWN = "\N{EN DASH}"


@dataclass(frozen=True)
class Look:
    """What the rows of one page have in common; `tag_base` is the query before `tag=…`."""

    tag_base: str
    may_choose: bool
    are_chosen: bool
    now: datetime
    zone: tzinfo


def rows_html(rows: Sequence[Row], *, tag_base: str, may_choose: bool, are_chosen: bool) -> SafeString:
    """The table's body. Addresses are relative to the list's own: full ones would be a tenth of the page."""
    look = Look(escape(tag_base), may_choose, are_chosen, clock.now(), timezone.get_current_timezone())
    return mark_safe("\n".join(_row(row, look) for row in rows))  # noqa: S308  (each text is escaped)


def _row(row: Row, look: Look) -> str:
    domain = row.domain
    choice = _choice(row, look) if look.may_choose else ""
    life = drawing.lifeline_html(
        domain.visit__not_before,
        domain.visit__not_after,
        look.now,
        renew_at=domain.renew_at,
        state=domain.state,
        note=note_of(row),
        is_large=False,
        zone=look.zone,
    )
    return (
        f"<tr>{choice}<td>{drawing.state(domain.state)}</td>"
        f'<th scope="row">{_name(row, look)}</th><td class="table__life">{life}</td>'
        f'<td data-label="Issuer">{escape(domain.visit__issuer_name) or UNKNOWN}</td>'
        f'<td data-label="Checked">{_checked(row, look)}</td><td class="table__end">{_next_step(row)}</td></tr>'
    )


def _choice(row: Row, look: Look) -> str:
    checked = " checked" if look.are_chosen else ""
    return (
        f'<td class="table__choose"><input type="checkbox" name="id" value="{row.domain.id}" '
        f'aria-label="Choose {escape(row.label)}"{checked}></td>'
    )


def _name(row: Row, look: Look) -> str:
    """The name as the DNS knows it comes first and is never left out: another script can be made to look like it."""
    domain = row.domain
    readable = f' <bdi class="soft small">{escape(domain.readable)}</bdi>' if domain.readable else ""
    protocol = PROTOCOLS[domain.protocol]
    spoken = f' <span class="soft small">{protocol.label}</span>' if protocol.opener else ""
    tags = "".join(f' <a class="tag" href="{look.tag_base}tag={quote_plus(tag)}">{escape(tag)}</a>' for tag in row.tags)
    return f'<a href="{domain.id}/">{drawing.breakable(row.label)}</a>{readable}{spoken}{tags}'


def _checked(row: Row, look: Look) -> str:
    if row.is_under_way:
        return '<span class="soft">looking now</span>'
    visited_at = row.domain.visit__visited_at
    return drawing.moment(visited_at, look.now) if visited_at else '<span class="soft">not yet</span>'


def _next_step(row: Row) -> str:
    domain = row.domain
    if domain.state == State.UNVERIFIED:
        return _button(row, "#ownership", f"Verify {row.label}", "Verify")
    if domain.needs_action:
        return _button(row, "", f"See why {row.label} needs action", "See why")
    return ""


def _button(row: Row, place: str, told: str, word: str) -> str:
    address = f"{row.domain.id}/{place}"
    return f'<a class="button button--small" href="{address}" aria-label="{escape(told)}">{word}</a>'
