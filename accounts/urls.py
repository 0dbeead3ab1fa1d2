"""Pages about people; allauth's own are mounted beside them."""

from django.urls import path

from accounts.views import google, home, settings, team, tokens

app_name = "accounts"

urlpatterns = [
    path("", home.show_home, name="home"),
    path("account/google/", google.show_button, name="google"),
    path("account/google/confirm/", google.show_confirm, name="google-confirm"),
    path("account/google/connect/", google.show_connect, name="google-connect"),
    path("account/google/callback/", google.receive_credential, name="google-callback"),
    path("account/google/finish/", google.finish, name="google-finish"),
    path("account/google/password/", google.ask_password, name="google-password"),
    path("account/google/account/", google.show_account, name="google-account"),
    path("account/google/disconnect/", google.disconnect, name="google-disconnect"),
    path("w/<uuid:workspace_id>/team/", team.list_members, name="member-list"),
    path("w/<uuid:workspace_id>/settings/", settings.show_general, name="settings-general"),
    path("w/<uuid:workspace_id>/settings/save/", settings.edit_general, name="workspace-edit"),
    path("w/<uuid:workspace_id>/settings/security/", settings.show_security, name="settings-security"),
    path("w/<uuid:workspace_id>/settings/tokens/", tokens.list_tokens, name="token-list"),
    path("w/<uuid:workspace_id>/settings/tokens/create/", tokens.create_token, name="token-create"),
    path("w/<uuid:workspace_id>/settings/tokens/<uuid:token_id>/revoke/", tokens.revoke_one_token, name="token-revoke"),
]
