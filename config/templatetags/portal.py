"""Template tags of every page: lifeline, state, times, marks, fingerprints. A builtin library; no `load` needed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.invitations import invitations_to
from accounts.models import Invitation, User, Workspace
from config.lib import clock, drawing, errors, states, wording
from config.lib.money import dollars

register = template.Library()


@register.simple_tag
def shape(name: str, size: int = 12) -> SafeString:
    """A small drawing in the text's colour, hidden from screen readers: the word stands beside it."""
    return drawing.shape(name, size)


@register.simple_tag
def state(name: str, word: str = "") -> SafeString:
    """`{% state domain.state %}`; `word` replaces the state's own word, its colour and shape stay."""
    return drawing.state(str(name or ""), word)


@register.simple_tag
def tone(name: str) -> str:
    """The colour class of a state, to be put on whatever shows it: `class="{% tone run.state %}"`."""
    return f"tone-{states.look(name or '').tone}"


@register.simple_tag
def step_mark(name: str) -> SafeString:
    """The shape of a step's state with its word for screen readers; the step's own text stands beside it."""
    look = states.look(name or "")
    return format_html('{}<span class="hidden-text">{}</span>', shape(look.shape), look.word)


@register.simple_tag
def lifeline(
    not_before: datetime | None,
    not_after: datetime | None,
    now: datetime | None = None,
    renew_at: datetime | None = None,
    state: str = "",
    note: str = "",
    size: str = "",
) -> SafeString:
    """`{% lifeline cert.not_before cert.not_after renew_at=domain.renew_at state=domain.state %}`.

    `note` replaces the right-hand words; `size="large"` adds both ends' dates; without dates an empty track.
    """
    present = now or clock.now()
    return drawing.lifeline_html(
        not_before,
        not_after,
        present,
        renew_at=renew_at,
        state=str(state or _state_by_dates(not_after, present)),
        note=note,
        is_large=size == "large",
        zone=timezone.get_current_timezone(),
    )


def _state_by_dates(not_after: datetime | None, now: datetime) -> str:
    if not_after is None:
        return "no_certificate"
    return "expired" if now >= not_after else "ok"


@register.simple_tag
def reltime(moment: datetime | None) -> SafeString:
    """`{% reltime run.started_at %}`: relative words, the exact UTC time on hover, kept fresh by the browser."""
    if moment is None:
        return mark_safe('<span class="soft">never</span>')
    return drawing.moment(moment, clock.now())


@register.filter
def day(moment: datetime | None) -> str:
    """`23 December`, in the workspace's time zone."""
    return wording.day(moment, clock.now(), timezone.get_current_timezone()) if moment else ""


@register.filter
def took(seconds: float | None) -> str:
    return wording.took(seconds)


@register.filter
def span(seconds: float | None) -> str:
    return wording.span(seconds) if seconds is not None else ""


register.filter("dollars", dollars)


@register.filter
def fingerprint(digest: str | None) -> SafeString:
    """A hex digest as `AB:CD:EF:01` groups of four bytes that break only between groups; copied, it stays one value."""
    pairs = [digest[at : at + 2].upper() for at in range(0, len(digest), 2)] if digest else []
    groups = [":".join(pairs[at : at + 4]) for at in range(0, len(pairs), 4)]
    parts = format_html_join(mark_safe(":<wbr>"), "{}", ((group,) for group in groups))
    return format_html('<code class="fingerprint">{}</code>', parts)


@register.filter
def breakable(hostname: str) -> SafeString:
    """A hostname that breaks at its dots and before its port rather than within a label; copied, it is unchanged."""
    return drawing.breakable(str(hostname))


@register.filter
def lines(values: Iterable[str]) -> str:
    """One value per line, for components/copy.html."""
    return "\n".join(values)


@register.filter
def prose(text: str) -> SafeString:
    """The catalogue's sentences: what stands between backticks is shown as code; everything is escaped."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return format_html("{}", text)
    pieces = ((part, at % 2) for at, part in enumerate(parts))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if odd else part,) for part, odd in pieces)
    )


@register.simple_tag
def coalesce(*values: Any) -> Any:
    """The first that is not empty. Unlike `firstof`, which escapes what it stores."""
    return next((value for value in values if value), "")


@register.simple_tag
def wording_of(code: str, params: Mapping[str, Any] | None = None) -> errors.Wording:
    """`{% wording_of run.error_code run.error_params as wording %}`, for components/note.html."""
    return errors.describe(code, params)


@register.simple_tag
def url_if(name: str, *args: Any, **kwargs: Any) -> str:
    """The URL called `name`, or empty while no page has that name: the link is then left out."""
    try:
        return reverse(name, args=args, kwargs=kwargs)
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def current_workspace(context: template.Context) -> Any:
    """The workspace of this page, or None on pages that belong to none."""
    return getattr(context.get("request"), "workspace", None)


@register.simple_tag
def workspaces_of(user: Any) -> list[Workspace]:
    """The workspaces that a person may switch to, by name; the switcher shows the first twenty of them."""
    rows = Workspace.objects.filter(memberships__user=user, closing_at=None)
    return list(rows.order_by("name", "id")[:21])


@register.simple_tag
def invitations_of(user: User) -> list[Invitation]:
    """The first of what waits for a person to join, the newest first."""
    return list(invitations_to(user)[:2])
