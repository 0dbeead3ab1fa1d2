"""A feed's link: shown once, kept as a hash, dead when revoked, and the same 404 for all that is not there."""

import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import api_limits
from accounts.models import Workspace
from auditlog.events import SYSTEM, sentence
from auditlog.models import Event
from config.lib import clock
from config.lib.errors import NeedsUser
from config.lib.redact import redact
from domains.add import add_domain, set_tags
from domains.feeds.links import FEEDS_AT_MOST, LAST_USED_EVERY, make_feed, renew_feed, revoke_feed
from domains.models import Domain, Feed
from tests.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

SITE = "http://localhost:8000"


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    api_limits.forget_counts()
    return make_cast()


def make(cast: Cast, kind: str = "badge", tag: str = "") -> tuple[Feed, str]:
    """The feed and the path of its link."""
    feed, link = make_feed(workspace=cast.acme, actor=SYSTEM, kind=kind, name="README", tag=tag)
    assert link.startswith(f"{SITE}/feeds/mmcf_")
    return feed, link.removeprefix(SITE)


def secret_of(path: str) -> str:
    return path.split("/")[2]


def test_only_a_hash_of_the_secret_is_kept(cast: Cast) -> None:
    feed, path = make(cast)
    row = Feed.unscoped.values().get(pk=feed.pk)
    assert secret_of(path) not in str(row)
    assert row["digest"] == hashlib.sha256(secret_of(path).encode()).hexdigest()
    assert len(secret_of(path).removeprefix("mmcf_")) * 6 >= 160
    assert secret_of(make(cast)[1]) != secret_of(path)


@pytest.mark.parametrize("kind", ["badge", "calendar"])
def test_the_answer_belongs_to_whoever_has_the_link_and_to_no_session(cast: Cast, kind: str) -> None:
    _, path = make(cast, kind)
    signed_in = Client()
    signed_in.force_login(cast.admin)
    for client in (Client(), signed_in):
        answer = client.get(path)
        assert answer.status_code == 200
        assert not answer.cookies
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert answer.headers["Cache-Control"] == "private, max-age=300"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_other_sites_may_show_the_badge_and_nothing_else(cast: Cast) -> None:
    badge, calendar = (Client().get(make(cast, kind)[1]).headers for kind in ("badge", "calendar"))
    assert badge["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert badge["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert calendar["Content-Type"] == "text/calendar; charset=utf-8"
    assert calendar["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("kind", ["badge", "calendar"])
def test_whoever_has_it_already_gets_304(cast: Cast, kind: str) -> None:
    _, path = make(cast, kind)
    first = Client().get(path)
    again = Client().get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == "private, max-age=300"
    assert Client().get(path, headers={"If-None-Match": '"old"'}).status_code == 200


def test_the_badge_changes_with_the_domains_and_names_none(cast: Cast) -> None:
    _, path = make(cast)
    _, of_tag = make(cast, tag="shop")
    empty = Client().get(path)
    assert "certificates: none yet" in empty.content.decode()
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="www.forge.org")
    set_tags(domain=domain, tags=["shop"])
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="api.forge.org")
    Domain.unscoped.filter(workspace=cast.acme).update(state="ok")
    full = Client().get(path)
    assert "certificates: 2 ok" in full.content.decode()
    assert "forge" not in full.content.decode()
    assert full.headers["ETag"] != empty.headers["ETag"]
    assert "certificates: 1 ok" in Client().get(of_tag).content.decode()


def answer_of(path: str) -> tuple[int, bytes, dict[str, str]]:
    """Without the number that every request has."""
    answer = Client().get(path)
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    return answer.status_code, answer.content, headers


def test_all_that_is_not_there_is_not_there_in_the_same_way(cast: Cast) -> None:
    unknown = answer_of("/feeds/mmcf_" + "x" * 43 + "/badge.svg")
    assert unknown[0] == 404
    feed, path = make(cast)
    revoke_feed(feed=feed, actor=SYSTEM)
    _, calendar = make(cast, "calendar")
    _, closing = make(cast)
    Workspace.objects.filter(pk=cast.acme.pk).update(closing_at=clock.now())
    others = [path, calendar.replace("expiries.ics", "badge.svg"), closing, "/feeds/nothing/badge.svg"]
    others += ["/feeds/mmcf_%00/badge.svg", "/feeds/mmcf_%ed%a0%80/badge.svg"]
    assert [answer_of(other) for other in others] == [unknown] * len(others)
    assert "Cookie" not in unknown[2].get("Vary", "")


def test_a_new_link_ends_the_old_one(cast: Cast) -> None:
    feed, path = make(cast)
    again = renew_feed(feed=feed, actor=SYSTEM).removeprefix(SITE)
    assert Client().get(path).status_code == 404
    assert Client().get(again).status_code == 200


def test_the_last_use_is_written_at_most_once_an_hour(cast: Cast) -> None:
    feed, path = make(cast)
    began = clock.now()
    with clock.frozen(began):
        Client().get(path)
    with clock.frozen(began + LAST_USED_EVERY - timedelta(seconds=1)), CaptureQueriesContext(connection) as seen:
        Client().get(path)
    assert [query for query in seen.captured_queries if query["sql"].startswith("UPDATE")] == []
    assert Feed.unscoped.get(pk=feed.pk).last_used_at == began
    with clock.frozen(began + 2 * LAST_USED_EVERY):
        Client().get(path)
    assert Feed.unscoped.get(pk=feed.pk).last_used_at == began + 2 * LAST_USED_EVERY


def test_who_asks_too_often_is_told_when_to_ask_again(cast: Cast) -> None:
    _, path = make(cast, "calendar")
    _, other = make(cast, "calendar")
    answers = [Client().get(path) for _ in range(45)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 5, "two minutes at the most, of twenty each"
    assert 1 <= int(refused[-1].headers["Retry-After"]) <= 60
    assert not refused[-1].cookies
    assert Client().get(other).status_code == 200


def test_other_methods_are_refused(cast: Cast) -> None:
    _, path = make(cast)
    assert Client().post(path).status_code == 405
    assert Client().head(path).status_code == 200


def test_what_happens_to_links_is_recorded(cast: Cast) -> None:
    feed, _ = make(cast)
    renew_feed(feed=feed, actor=SYSTEM)
    revoke_feed(feed=feed, actor=SYSTEM)
    revoke_feed(feed=feed, actor=SYSTEM)
    said = [sentence(event) for event in Event.unscoped.filter(kind__startswith="feed.").order_by("at")]
    assert [re.sub(r"mmcf_\S+", "…", text) for text in said] == [
        "ManageMyCert made the badge link README (…",
        "ManageMyCert made a new link for the badge README (… the old one is dead",
        "ManageMyCert revoked the badge link README",
    ]


def test_there_are_not_more_than_a_page_of_them(cast: Cast) -> None:
    for _ in range(FEEDS_AT_MOST):
        feed, _ = make(cast)
    with pytest.raises(NeedsUser, match="feeds_full"):
        make(cast)
    revoke_feed(feed=feed, actor=SYSTEM)
    make(cast)


def test_no_log_shows_a_link(cast: Cast) -> None:
    _, path = make(cast)
    assert secret_of(path) not in redact(f"Not Found: {path}")


# The page


def as_admin(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


def url(cast: Cast, name: str, *args: Any) -> str:
    return reverse(f"domains:{name}", args=[cast.acme.pk, *args])


def test_a_badge_is_made_shown_once_and_pasted(cast: Cast) -> None:
    client = as_admin(cast)
    made = client.post(url(cast, "feed-create"), {"kind": "badge", "name": "README", "tag": ""})
    page = made.content.decode()
    (link,) = set(re.findall(rf"{SITE}/feeds/mmcf_[\w-]{{43}}/badge\.svg", page))
    assert f"[![Certificates]({link})]({SITE}/)" in page
    assert "&lt;img src=" in page
    assert made.headers["Cache-Control"] == "no-store"
    listed = client.get(url(cast, "feed-list")).content.decode()
    assert link not in listed
    assert "README" in listed
    assert "never" in listed
    assert Client().get(link.removeprefix(SITE)).status_code == 200
    assert "never" not in client.get(url(cast, "feed-list")).content.decode()


def test_a_calendar_is_offered_in_both_forms(cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="www.forge.org", tags=["shop"])
    client = as_admin(cast)
    assert "those with the tag shop" in client.get(url(cast, "feed-create")).content.decode()
    made = client.post(url(cast, "feed-create"), {"kind": "calendar", "name": "Team", "tag": "shop"})
    assert re.search(r"webcal://localhost:8000/feeds/mmcf_[\w-]{43}/expiries\.ics", made.content.decode())
    assert Feed.unscoped.get().tag == "shop"


def test_a_foreign_tag_is_refused(cast: Cast) -> None:
    refused = as_admin(cast).post(url(cast, "feed-create"), {"kind": "calendar", "name": "Team", "tag": "shop"})
    assert refused.status_code == 422
    assert not Feed.unscoped.exists()


def test_the_page_replaces_and_revokes(cast: Cast) -> None:
    feed, path = make(cast)
    client = as_admin(cast)
    page = client.post(url(cast, "feed-renew", feed.pk)).content.decode()
    (link,) = set(re.findall(rf"{SITE}(/feeds/mmcf_[\w-]{{43}}/badge\.svg)", page))
    assert [Client().get(one).status_code for one in (path, link)] == [404, 200]
    client.post(url(cast, "feed-revoke", feed.pk))
    assert Client().get(link).status_code == 404
    assert "No links yet" in client.get(url(cast, "feed-list")).content.decode()


# The API


def test_the_api_makes_lists_and_revokes(cast: Cast) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    client = Client(headers=headers)
    body = {"kind": "calendar", "name": " Team ", "tag": "Shop"}
    made = client.post("/api/feeds", body, content_type="application/json")
    assert made.status_code == 201
    assert made.json()["name"] == "Team"
    assert made.json()["tag"] == "shop"
    assert Client().get(made.json()["url"].removeprefix(SITE)).status_code == 200
    (listed,) = client.get("/api/feeds").json()["items"]
    assert "url" not in listed
    assert client.delete(f"/api/feeds/{made.json()['id']}").status_code == 204
    assert client.delete(f"/api/feeds/{made.json()['id']}").status_code == 404
    assert client.get("/api/feeds").json()["items"] == []


@pytest.mark.parametrize("body", [{"kind": "rss", "name": "x"}, {"kind": "badge", "name": "  "}, {"kind": "badge"}])
def test_the_api_refuses_what_is_no_feed(cast: Cast, body: dict[str, str]) -> None:
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})
    assert client.post("/api/feeds", body, content_type="application/json").status_code == 422
