"""Pages about people; allauth's own are mounted beside them."""

from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("", views.show_home, name="home"),
    path("w/<uuid:workspace_id>/team/", views.list_members, name="member-list"),
    path("w/<uuid:workspace_id>/settings/", views.show_general, name="settings-general"),
    path("w/<uuid:workspace_id>/settings/save/", views.edit_general, name="workspace-edit"),
    path("w/<uuid:workspace_id>/settings/security/", views.show_security, name="settings-security"),
    path("w/<uuid:workspace_id>/settings/tokens/", views.list_tokens, name="token-list"),
    path("w/<uuid:workspace_id>/settings/tokens/create/", views.create_token, name="token-create"),
    path("w/<uuid:workspace_id>/settings/tokens/<uuid:token_id>/revoke/", views.revoke_one_token, name="token-revoke"),
]
