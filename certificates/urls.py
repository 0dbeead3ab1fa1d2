from django.urls import include, path

from certificates import views
from certificates.renewal.urls import urlpatterns as renewal

app_name = "certificates"

_DOMAIN = "w/<uuid:workspace_id>/domains/<uuid:domain_id>/lets-encrypt/"
_ISSUANCE = "w/<uuid:workspace_id>/issuances/<uuid:issuance_id>/"
_CERTIFICATE = "w/<uuid:workspace_id>/certificates/<uuid:certificate_id>/"

urlpatterns = [
    *renewal,
    path("", include("certificates.cas.urls")),
    path("", include("certificates.dns.urls")),
    path("", include("certificates.forecast.urls")),
    path("", include("certificates.replacing.urls")),
    path("", include("certificates.shelf.urls")),
    path("", include("certificates.pull.urls")),
    path(_DOMAIN, views.show_tab, name="domain-issue"),
    path(f"{_DOMAIN}start/", views.start, name="issuance-start"),
    path(_ISSUANCE, views.show_issuance, name="issuance-show"),
    path(f"{_ISSUANCE}live/", views.show_live, name="issuance-live"),
    path(f"{_ISSUANCE}issue/", views.issue, name="issuance-issue"),
    path(f"{_ISSUANCE}cancel/", views.cancel, name="issuance-cancel"),
    path(f"{_ISSUANCE}again/", views.again, name="issuance-again"),
    path(f"{_CERTIFICATE}bundle.zip", views.download, name="certificate-download"),
    path(f"{_CERTIFICATE}delete/", views.delete, name="certificate-delete"),
]
