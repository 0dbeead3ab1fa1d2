"""Pages about people; allauth's own are mounted beside them."""

from allauth.account.views import password_set
from django.urls import path

from accounts.access import account_view
from accounts.views import account, addresses, google, home, invitations, sessions, settings, team, tokens, workspaces

app_name = "accounts"

urlpatterns = [
    path("", home.show_home, name="home"),
    # Before allauth's own, which asks for no fresh proof: a first password is a way in for ever.
    path("account/password/set/", account_view(fresh=True)(password_set), name="password-set"),
    path("account/confirm-email/<str:key>/", addresses.confirm_address, name="address-confirm"),
    path("account/take-back/<str:token>/", addresses.take_back, name="address-take-back"),
    path("account/sessions/", sessions.list_sessions, name="session-list"),
    path("account/sessions/end/", sessions.end_one_session, name="session-end"),
    path("account/sessions/end-others/", sessions.end_other_sessions, name="session-end-others"),
    path("account/invitations/", invitations.list_invitations, name="invitation-list"),
    path(
        "account/invitations/<uuid:invitation_id>/accept/", invitations.accept_one_invitation, name="invitation-accept"
    ),
    path("account/invitation/<str:token>/", invitations.show_invitation, name="invitation-detail"),
    path("account/data/", account.show_data, name="data-show"),
    path("account/data/download/", account.download_data, name="data-download"),
    path("account/delete/", account.delete, name="account-delete"),
    path("workspaces/", workspaces.list_all, name="workspace-list"),
    path("workspaces/new/", workspaces.create_one, name="workspace-create"),
    path("w/<uuid:workspace_id>/settings/leave/", workspaces.leave, name="workspace-leave"),
    path("w/<uuid:workspace_id>/settings/delete/", workspaces.delete, name="workspace-delete"),
    path("account/google/", google.show_button, name="google"),
    path("account/google/confirm/", google.show_confirm, name="google-confirm"),
    path("account/google/connect/", google.show_connect, name="google-connect"),
    path("account/google/callback/", google.receive_credential, name="google-callback"),
    path("account/google/finish/", google.finish, name="google-finish"),
    path("account/google/password/", google.ask_password, name="google-password"),
    path("account/google/account/", google.show_account, name="google-account"),
    path("account/google/disconnect/", google.disconnect, name="google-disconnect"),
    path("w/<uuid:workspace_id>/team/", team.list_members, name="member-list"),
    path("w/<uuid:workspace_id>/team/invite/", team.invite, name="member-invite"),
    path("w/<uuid:workspace_id>/team/<uuid:member_id>/role/", team.edit_role, name="member-edit"),
    path("w/<uuid:workspace_id>/team/<uuid:member_id>/remove/", team.remove_one_member, name="member-remove"),
    path(
        "w/<uuid:workspace_id>/team/invitations/<uuid:invitation_id>/resend/",
        team.resend_one_invitation,
        name="invitation-resend",
    ),
    path(
        "w/<uuid:workspace_id>/team/invitations/<uuid:invitation_id>/revoke/",
        team.revoke_one_invitation,
        name="invitation-revoke",
    ),
    path("w/<uuid:workspace_id>/settings/", settings.show_general, name="settings-general"),
    path("w/<uuid:workspace_id>/settings/save/", settings.edit_general, name="workspace-edit"),
    path("w/<uuid:workspace_id>/settings/security/", settings.show_security, name="settings-security"),
    path("w/<uuid:workspace_id>/settings/security/require/", settings.secure_workspace, name="workspace-secure"),
    path("w/<uuid:workspace_id>/settings/tokens/", tokens.list_tokens, name="token-list"),
    path("w/<uuid:workspace_id>/settings/tokens/create/", tokens.create_token, name="token-create"),
    path("w/<uuid:workspace_id>/settings/tokens/<uuid:token_id>/revoke/", tokens.revoke_one_token, name="token-revoke"),
]
