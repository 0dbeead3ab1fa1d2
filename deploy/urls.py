from django.urls import path

from deploy import server_views, uploading, views
from deploy.http01 import views as http01
from deploy.panels import views as panels
from deploy.readiness import views as readiness
from deploy.redirects import views as redirects

app_name = "deploy"

_DOMAIN = "w/<uuid:workspace_id>/domains/<uuid:domain_id>/renew-deploy/"
_TARGET = "w/<uuid:workspace_id>/targets/<uuid:target_id>/"
_PANEL = "w/<uuid:workspace_id>/panels/<uuid:panel_id>/"
_RUN = "w/<uuid:workspace_id>/runs/<uuid:run_id>/"
_DEPLOYMENT = "w/<uuid:workspace_id>/deployments/<uuid:deployment_id>/"
_SERVERS = "w/<uuid:workspace_id>/settings/servers/"

urlpatterns = [
    path(_SERVERS, server_views.list_servers, name="server-list"),
    path(f"{_SERVERS}<uuid:server_id>/", server_views.show, name="server-show"),
    path(f"{_SERVERS}<uuid:server_id>/change/", server_views.change, name="server-change"),
    path(f"{_SERVERS}<uuid:server_id>/trust/", server_views.trust, name="server-trust"),
    path(f"{_SERVERS}<uuid:server_id>/delete/", server_views.delete, name="server-delete"),
    path(_DOMAIN, views.show_tab, name="domain-deploy"),
    path(f"{_DOMAIN}save/", views.save, name="targets-save"),
    path(f"{_DOMAIN}add/", views.add, name="target-add"),
    path(f"{_DOMAIN}test/", views.test_new, name="target-test-new"),
    path(f"{_DOMAIN}detect/", views.detect_new, name="target-detect-new"),
    path(f"{_DOMAIN}deploy/", views.deploy, name="deployment-start"),
    path(f"{_DOMAIN}upload/", uploading.upload, name="domain-upload"),
    path(f"{_DOMAIN}mode/", http01.choose_mode, name="mode-choose"),
    path(f"{_DOMAIN}auto-renew/on/", http01.enable, name="auto-renew-on"),
    path(f"{_DOMAIN}auto-renew/off/", http01.disable, name="auto-renew-off"),
    path(f"{_DOMAIN}renew/", http01.renew, name="renew-now"),
    path(f"{_DOMAIN}readiness/rehearse/", readiness.rehearse, name="readiness-rehearse"),
    path(f"{_DOMAIN}readiness/switch/", readiness.switch, name="readiness-switch"),
    path(f"{_DOMAIN}readiness/live/", readiness.show_live, name="readiness-live"),
    path(f"{_TARGET}test/", views.test, name="target-test"),
    path(f"{_TARGET}detect/", views.detect, name="target-detect"),
    path(f"{_TARGET}trust/", views.trust, name="target-trust"),
    path(f"{_TARGET}delete/", views.delete, name="target-delete"),
    path(f"{_DOMAIN}panels/add/", panels.add, name="panel-add"),
    path(f"{_DOMAIN}panels/doubt/", panels.doubt, name="panel-doubt"),
    path(f"{_PANEL}change/", panels.change, name="panel-change"),
    path(f"{_PANEL}use/", panels.use, name="panel-use"),
    path(f"{_PANEL}test/", panels.test, name="panel-test"),
    path(f"{_PANEL}live/", panels.show_live, name="panel-live"),
    path(f"{_PANEL}trust/", panels.trust, name="panel-trust"),
    path(f"{_PANEL}replace/", panels.replace, name="panel-replace"),
    path(f"{_PANEL}delete/", panels.delete, name="panel-delete"),
    path(f"{_TARGET}fix-redirect/", redirects.look, name="redirect-look"),
    path(f"{_TARGET}fix-redirect/apply/", redirects.apply, name="redirect-apply"),
    path(f"{_TARGET}fix-redirect/undo/", redirects.undo, name="redirect-undo"),
    path(f"{_RUN}live/", views.show_run_live, name="run-live"),
    path(_DEPLOYMENT, views.show_deployment, name="deployment-show"),
    path(f"{_DEPLOYMENT}undo/", views.undo, name="deployment-undo"),
    path(f"{_DEPLOYMENT}live/", views.show_deployment_live, name="deployment-live"),
]
