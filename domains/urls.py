from django.urls import path

from domains import views
from domains.addresses import views as addresses
from domains.authorities import views as authorities
from domains.batches import views as batches
from domains.feeds import views as feeds
from domains.feeds.serving import show_badge, show_calendar
from domains.hosting import views as hosting
from domains.uptime.views import show_uptime

app_name = "domains"

_LIST = "w/<uuid:workspace_id>/domains/"
_ONE = f"{_LIST}<uuid:domain_id>/"
_ROOTS = "w/<uuid:workspace_id>/settings/authorities/"
_MANY = f"{_LIST}batches/"
_BATCH = f"{_MANY}<uuid:batch_id>/"
_FEEDS = "w/<uuid:workspace_id>/settings/feeds/"

urlpatterns = [
    path(_LIST, views.show_list, name="domain-list"),
    path(f"{_LIST}add/", views.add, name="domain-add"),
    path(f"{_LIST}add-many/", batches.add_many, name="domain-add-many"),
    path(f"{_MANY}check/", batches.check, name="batch-check"),
    path(f"{_MANY}tag/", batches.tag, name="batch-tag"),
    path(f"{_MANY}untag/", batches.untag, name="batch-untag"),
    path(f"{_MANY}delete/", batches.delete, name="batch-delete"),
    path(_BATCH, batches.show, name="batch-show"),
    path(f"{_BATCH}import/", batches.begin_import, name="batch-begin-import"),
    path(f"{_BATCH}delete/", batches.begin_delete, name="batch-begin-delete"),
    path(f"{_BATCH}stop/", batches.stop, name="batch-stop"),
    path(f"{_BATCH}discard/", batches.discard, name="batch-discard"),
    path(f"{_BATCH}refused.csv", batches.download_refused, name="batch-refused"),
    path(_ONE, views.show_overview, name="domain-overview"),
    path(f"{_ONE}live/", views.show_live, name="domain-live"),
    path(f"{_ONE}review/", views.show_review, name="domain-review"),
    path(f"{_ONE}prove/", views.show_prove, name="domain-prove"),
    path(f"{_ONE}notes/", views.edit_notes, name="domain-notes"),
    path(f"{_ONE}uptime/", show_uptime, name="domain-uptime"),
    path(f"{_ONE}inspect/", views.inspect, name="domain-inspect"),
    path(f"{_ONE}verify/", views.verify, name="domain-verify"),
    path(f"{_ONE}delete/", views.delete, name="domain-delete"),
    path(f"{_ONE}hosting/detect/", hosting.detect, name="domain-detect"),
    path(f"{_ONE}hosting/wrong/", hosting.doubt, name="domain-doubt"),
    path(f"{_ONE}hosting/right/", hosting.trust, name="domain-trust"),
    path(f"{_ONE}history/", views.show_history, name="domain-history"),
    path(f"{_ONE}addresses/", addresses.check, name="domain-addresses"),
    path(f"{_ONE}tags/", views.edit_tags, name="domain-tags"),
    path(_ROOTS, authorities.list_roots, name="root-list"),
    path(f"{_ROOTS}add/", authorities.add_roots, name="root-add"),
    path(f"{_ROOTS}<uuid:root_id>/remove/", authorities.remove_root, name="root-remove"),
    path(_FEEDS, feeds.list_feeds, name="feed-list"),
    path(f"{_FEEDS}create/", feeds.create_feed, name="feed-create"),
    path(f"{_FEEDS}<uuid:feed_id>/renew/", feeds.renew_one_feed, name="feed-renew"),
    path(f"{_FEEDS}<uuid:feed_id>/revoke/", feeds.revoke_one_feed, name="feed-revoke"),
    path("feeds/<str:secret>/badge.svg", show_badge, name="feed-badge"),
    path("feeds/<str:secret>/expiries.ics", show_calendar, name="feed-calendar"),
]
