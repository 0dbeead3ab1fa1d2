"""Pages about people; allauth's own are mounted beside them."""

from django.urls import path

from accounts.views import account, home, settings, team, tokens, workspaces

app_name = "accounts"

urlpatterns = [
    path("", home.show_home, name="home"),
    path("account/data/", account.show_data, name="data-show"),
    path("account/data/download/", account.download_data, name="data-download"),
    path("account/delete/", account.delete, name="account-delete"),
    path("workspaces/new/", workspaces.create_one, name="workspace-create"),
    path("w/<uuid:workspace_id>/settings/leave/", workspaces.leave, name="workspace-leave"),
    path("w/<uuid:workspace_id>/settings/delete/", workspaces.delete, name="workspace-delete"),
    path("w/<uuid:workspace_id>/team/", team.list_members, name="member-list"),
    path("w/<uuid:workspace_id>/settings/", settings.show_general, name="settings-general"),
    path("w/<uuid:workspace_id>/settings/save/", settings.edit_general, name="workspace-edit"),
    path("w/<uuid:workspace_id>/settings/security/", settings.show_security, name="settings-security"),
    path("w/<uuid:workspace_id>/settings/tokens/", tokens.list_tokens, name="token-list"),
    path("w/<uuid:workspace_id>/settings/tokens/create/", tokens.create_token, name="token-create"),
    path("w/<uuid:workspace_id>/settings/tokens/<uuid:token_id>/revoke/", tokens.revoke_one_token, name="token-revoke"),
]
