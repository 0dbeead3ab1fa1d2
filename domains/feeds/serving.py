"""The answers behind a feed's link: no session, no cookie, and the same 404 for whatever is not there."""

import hashlib
import tempfile
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from accounts.access import public_view
from accounts.api_limits import count_request
from accounts.problems import Problem
from domains.feeds.badge import draw_badge, summary_of
from domains.feeds.calendar import calendar_lines
from domains.feeds.links import find_feed, note_use
from domains.models import Feed, FeedKind

# A page with a badge may have many readers; a calendar has a few who ask every hour, and one of 10,000 domains
# takes most of a second to write.
A_MINUTE = {FeedKind.BADGE: 600, FeedKind.CALENDAR: 20}
_PLAIN = "text/plain; charset=utf-8"

type Serve = Callable[[HttpRequest, Feed], HttpResponseBase]


def _feed_view(kind: FeedKind) -> Callable[[Serve], Callable[..., HttpResponseBase]]:
    """Find the feed by the secret in its path, count the request, and answer with a feed's headers."""

    def decorate(serve: Serve) -> Callable[..., HttpResponseBase]:
        @public_view("the secret in the link is the key; it is found by its hash alone")
        @require_safe
        @wraps(serve)
        def answer(request: HttpRequest, secret: str) -> HttpResponseBase:
            response = _answer(request, kind, secret, serve)
            response["Referrer-Policy"] = "no-referrer"
            response["X-Robots-Tag"] = "noindex, nofollow"
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
            return response

        return answer

    return decorate


def _answer(request: HttpRequest, kind: FeedKind, secret: str, serve: Serve) -> HttpResponseBase:
    feed = find_feed(kind, secret)
    if feed is None:
        return HttpResponse("There is nothing here.\n", status=404, content_type=_PLAIN)
    try:
        count_request(f"feed:{feed.pk}", limit=A_MINUTE[kind])
    except Problem as problem:
        wait = str(problem.retry_after)
        words = f"Too many requests; ask again in {wait} seconds.\n"
        return HttpResponse(words, status=429, content_type=_PLAIN, headers={"Retry-After": wait})
    note_use(feed)
    return serve(request, feed)


@_feed_view(FeedKind.BADGE)
def show_badge(request: HttpRequest, feed: Feed) -> HttpResponseBase:
    """Other sites show it as an image, which the header of its resource policy allows to this one answer."""
    drawn = draw_badge(summary_of(feed.workspace, feed.tag)).encode()
    response = _unless_known(
        request, hashlib.sha256(drawn), lambda: HttpResponse(drawn, content_type="image/svg+xml; charset=utf-8")
    )
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@_feed_view(FeedKind.CALENDAR)
def show_calendar(request: HttpRequest, feed: Feed) -> HttpResponseBase:
    """Written to a file first: its digest is known before it is sent, and no slow reader holds the database."""
    written, digest = tempfile.TemporaryFile(), hashlib.sha256()  # noqa: SIM115  (the response closes it)
    for line in calendar_lines(feed.workspace, feed.tag):
        digest.update(line)
        written.write(line)
    written.seek(0)
    return _unless_known(
        request,
        digest,
        lambda: FileResponse(written, content_type="text/calendar; charset=utf-8", filename="expiries.ics"),
    )


def _unless_known(request: HttpRequest, digest: Any, make: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The answer with its ETag, or 304 to whoever has it already."""
    etag = f'"{digest.hexdigest()[:32]}"'
    response: HttpResponseBase = get_conditional_response(request, etag=etag) or make()
    response["ETag"] = etag
    response["Cache-Control"] = "private, max-age=300"
    return response
