"""Settings, Feeds."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from accounts.policy import is_allowed
from accounts.views.settings import settings_page
from config.lib.errors import NeedsUser
from domains.feeds.badge import draw_badge, summary_of
from domains.feeds.forms import FeedForm
from domains.feeds.links import feeds_of, make_feed, renew_feed, revoke_feed
from domains.models import DomainTag, Feed, FeedKind

LABEL = "Feeds"


def find_feed_of(workspace: Workspace, feed_id: uuid.UUID) -> Feed:
    return get_object_or_404(feeds_of(workspace), pk=feed_id)


@workspace_view("feed.view")
@require_safe
def list_feeds(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """All of them: there are never more than FEEDS_AT_MOST."""
    summary = summary_of(workspace)
    context = {
        "feeds": feeds_of(workspace).select_related("created_by").order_by("-created_at", "-id"),
        "summary": summary,
        "badge": draw_badge(summary),
        "may_edit": is_allowed(request.role, "feed.edit"),
    }
    return settings_page(request, "domains/feeds/list.html", LABEL, **context)


@workspace_view("feed.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def create_feed(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """The link is in this one answer and nowhere else, hence no redirect after it."""
    names = DomainTag.objects.for_workspace(workspace).values_list("name", flat=True)
    form = FeedForm(request.POST or None, tags=names.distinct().order_by("name"))
    if form.is_valid():
        try:
            feed, link = make_feed(workspace=workspace, actor=request.actor, user=request.user, **form.cleaned_data)
        except NeedsUser as error:
            form.add_expected("name", error)
        else:
            return _show_made(request, feed, link)
    status = 422 if form.errors else 200
    answer = settings_page(request, "domains/feeds/form.html", LABEL, form=form)
    answer.status_code = status
    return answer


@workspace_view("feed.edit")
@require_POST
def renew_one_feed(request: WorkspaceRequest, workspace: Workspace, feed_id: uuid.UUID) -> HttpResponse:
    feed = find_feed_of(workspace, feed_id)
    return _show_made(request, feed, renew_feed(feed=feed, actor=request.actor))


@workspace_view("feed.edit")
@require_POST
def revoke_one_feed(request: WorkspaceRequest, workspace: Workspace, feed_id: uuid.UUID) -> HttpResponse:
    feed = find_feed_of(workspace, feed_id)
    revoke_feed(feed=feed, actor=request.actor)
    messages.success(request, f"The link {feed.name} is revoked.")
    return redirect("domains:feed-list", workspace_id=workspace.pk)


def _show_made(request: WorkspaceRequest, feed: Feed, link: str) -> HttpResponse:
    context: dict[str, Any] = {"feed": feed, "link": link, "is_badge": feed.kind == FeedKind.BADGE}
    if context["is_badge"]:
        summary = summary_of(request.workspace, feed.tag)
        context |= {"badge": draw_badge(summary), "summary": summary, **_snippets(link)}
    else:
        context["webcal"] = "webcal:" + link.partition(":")[2]
    answer = settings_page(request, "domains/feeds/made.html", LABEL, **context)
    answer["Cache-Control"] = "no-store"
    return answer


def _snippets(link: str) -> dict[str, str]:
    """What to paste, with the badge leading to the portal."""
    return {
        "markdown": f"[![Certificates]({link})]({settings.SITE_URL}/)",
        "html": f'<a href="{settings.SITE_URL}/"><img src="{link}" alt="Certificates" height="20"></a>',
    }
