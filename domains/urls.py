from django.urls import path

from domains import views
from domains.feeds import views as feeds
from domains.feeds.serving import show_badge, show_calendar
from domains.hosting import views as hosting
from domains.uptime.views import show_uptime

app_name = "domains"

_LIST = "w/<uuid:workspace_id>/domains/"
_ONE = f"{_LIST}<uuid:domain_id>/"
_FEEDS = "w/<uuid:workspace_id>/settings/feeds/"

urlpatterns = [
    path(_LIST, views.show_list, name="domain-list"),
    path(f"{_LIST}add/", views.add, name="domain-add"),
    path(_ONE, views.show_overview, name="domain-overview"),
    path(f"{_ONE}live/", views.show_live, name="domain-live"),
    path(f"{_ONE}uptime/", show_uptime, name="domain-uptime"),
    path(f"{_ONE}inspect/", views.inspect, name="domain-inspect"),
    path(f"{_ONE}verify/", views.verify, name="domain-verify"),
    path(f"{_ONE}delete/", views.delete, name="domain-delete"),
    path(f"{_ONE}hosting/detect/", hosting.detect, name="domain-detect"),
    path(f"{_ONE}hosting/wrong/", hosting.doubt, name="domain-doubt"),
    path(f"{_ONE}hosting/right/", hosting.trust, name="domain-trust"),
    path(f"{_ONE}tags/", views.edit_tags, name="domain-tags"),
    path(_FEEDS, feeds.list_feeds, name="feed-list"),
    path(f"{_FEEDS}create/", feeds.create_feed, name="feed-create"),
    path(f"{_FEEDS}<uuid:feed_id>/renew/", feeds.renew_one_feed, name="feed-renew"),
    path(f"{_FEEDS}<uuid:feed_id>/revoke/", feeds.revoke_one_feed, name="feed-revoke"),
    path("feeds/<str:secret>/badge.svg", show_badge, name="feed-badge"),
    path("feeds/<str:secret>/expiries.ics", show_calendar, name="feed-calendar"),
]
