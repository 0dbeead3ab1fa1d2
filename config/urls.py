"""Every URL of the portal."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from config import api_pages, docs_pages, docs_search, health, metrics, styleguide
from config.api import api, no_such_operation

ROOMS = ("accounts", "domains", "billing", "certificates", "deploy", "notifications", "auditlog")

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.show_metrics, name="metrics"),
    path("docs/", docs_pages.show_docs, name="docs"),
    path("docs/api/", api_pages.show_api, name="api-docs"),
    path("docs/api/<slug:slug>/", api_pages.show_api_room, name="api-docs-room"),
    path("docs/search/", docs_search.show_search, name="docs-search"),
    path("docs/<slug:slug>/", docs_pages.show_docs, name="docs-page"),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("api/<path:rest>", no_such_operation),
    *(path("", include(f"{room}.urls")) for room in ROOMS if (settings.BASE_DIR / room / "urls.py").is_file()),
    # After our own, which stand in the place of some of these.
    path("account/", include("allauth.urls")),
]
if settings.DEBUG:
    urlpatterns.append(path("styleguide/", styleguide.show_styleguide, name="styleguide"))
