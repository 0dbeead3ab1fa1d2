"""The API about feeds."""

import uuid
from datetime import datetime
from typing import Any, Literal

from ninja import Router, Schema
from pydantic import Field, field_validator

from accounts.api import ApiRequest, ListQuery, Page, bad_field, operation, page_of, routers
from domains.add import parse_tags
from domains.feeds.links import feeds_of, make_feed, revoke_feed
from domains.feeds.views import find_feed_of
from domains.models import Feed

router = Router(tags=["Domains"])
routers.add("feeds", router)

type KindName = Literal["badge", "calendar"]


class FeedIn(Schema):
    kind: KindName = Field(description="A badge shows no host names; a calendar does.", examples=["calendar"])
    name: str = Field(min_length=1, max_length=80, description="Where it is used.", examples=["Team calendar"])
    tag: str = Field("", max_length=100, description="Only domains with this tag; empty: all of them.")

    @field_validator("name")
    @classmethod
    def visible(cls, name: str) -> str:
        if not name.strip():
            raise ValueError("A link needs a name that can be seen.")
        return name.strip()


class FeedOut(Schema):
    """A link that shows a workspace's certificates without signing in; `prefix` is how its secret begins."""

    id: uuid.UUID
    kind: KindName
    name: str
    tag: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the hour.")


class FeedMadeOut(FeedOut):
    """With the link itself, this once; only a hash of its secret is kept."""

    url: str


def load_feed(request: ApiRequest, feed_id: uuid.UUID) -> Feed:
    return find_feed_of(request.workspace, feed_id)


def show_feed(feed: Feed) -> dict[str, Any]:
    return {name: getattr(feed, name) for name in FeedOut.model_fields}


@operation(
    router, "GET", "/feeds", "feed.view", query=ListQuery, response=Page[FeedOut], summary="List the feeds' links"
)
def list_feeds(request: ApiRequest, query: ListQuery) -> dict[str, Any]:
    return page_of(feeds_of(request.workspace), query, show_feed)


@operation(
    router,
    "POST",
    "/feeds",
    "feed.edit",
    body=FeedIn,
    response=FeedMadeOut,
    status=201,
    errors={"feeds_full": 409},
    summary="Make a link to a badge or a calendar",
)
def post_feed(request: ApiRequest, body: FeedIn) -> dict[str, Any]:
    """Whoever has the link sees the badge or the calendar; it works until it is revoked."""
    with bad_field("tag"):
        parse_tags([body.tag])
    user = request.membership.user
    feed, link = make_feed(workspace=request.workspace, actor=request.actor, user=user, **body.model_dump())
    return {**show_feed(feed), "url": link}


@operation(
    router, "DELETE", "/feeds/{id}", "feed.edit", load=load_feed, status=204, errors={}, summary="Revoke a feed's link"
)
def delete_feed(request: ApiRequest, feed: Feed) -> None:
    """At once and for good."""
    revoke_feed(feed=feed, actor=request.actor)
