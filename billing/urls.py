from django.urls import path

from billing import views, webhook

app_name = "billing"
_HOME = "w/<uuid:workspace_id>/settings/billing/"

urlpatterns = [
    path(_HOME, views.show, name="home"),
    path(f"{_HOME}add-funds/", views.post_funds, name="add-funds"),
    path(f"{_HOME}top-ups/<uuid:top_up_id>/", views.show_top_up, name="top-up"),
    path(f"{_HOME}top-ups/<uuid:top_up_id>/abandon/", views.abandon_top_up, name="top-up-abandon"),
    path(f"{_HOME}automatic/", views.post_auto, name="auto"),
    path(f"{_HOME}card/", views.post_card, name="card"),
    path(f"{_HOME}card/remove/", views.remove_card, name="card-remove"),
    path(f"{_HOME}ledger.csv", views.download_ledger, name="ledger-csv"),
    path("billing/webhook", webhook.receive, name="webhook"),
]
