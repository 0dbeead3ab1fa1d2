"""Pages about people; allauth's own are mounted beside them."""

from django.urls import path

from accounts.views import home, sessions, settings, team, tokens

app_name = "accounts"

urlpatterns = [
    path("", home.show_home, name="home"),
    path("account/sessions/", sessions.list_sessions, name="session-list"),
    path("account/sessions/end/", sessions.end_one_session, name="session-end"),
    path("account/sessions/end-others/", sessions.end_other_sessions, name="session-end-others"),
    path("w/<uuid:workspace_id>/team/", team.list_members, name="member-list"),
    path("w/<uuid:workspace_id>/settings/", settings.show_general, name="settings-general"),
    path("w/<uuid:workspace_id>/settings/save/", settings.edit_general, name="workspace-edit"),
    path("w/<uuid:workspace_id>/settings/security/", settings.show_security, name="settings-security"),
    path("w/<uuid:workspace_id>/settings/security/require/", settings.secure_workspace, name="workspace-secure"),
    path("w/<uuid:workspace_id>/settings/tokens/", tokens.list_tokens, name="token-list"),
    path("w/<uuid:workspace_id>/settings/tokens/create/", tokens.create_token, name="token-create"),
    path("w/<uuid:workspace_id>/settings/tokens/<uuid:token_id>/revoke/", tokens.revoke_one_token, name="token-revoke"),
]
