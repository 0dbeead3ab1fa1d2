"""Every URL of the portal."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from config import health, styleguide

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("account/", include("allauth.urls")),
]
if settings.DEBUG:
    urlpatterns.append(path("styleguide/", styleguide.show_styleguide, name="styleguide"))
