"""People in Django's admin: staff find them, and may shut somebody out; secrets are never shown."""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts.invitations import revoke_invitation
from accounts.models import (
    ApiToken,
    GoogleIdentity,
    Invitation,
    Membership,
    PlatformMail,
    User,
    Workspace,
    WorkspaceClosing,
)
from accounts.sessions import end_sessions
from accounts.staff import ReadOnlyAdmin, RecordedAdmin, record_staff_change, staff_actor
from accounts.tokens import revoke_token


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    can_delete = False
    fields = readonly_fields = ("user", "workspace", "role", "created_at")
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class EmailInline(admin.TabularInline):
    model = EmailAddress
    extra = 0
    can_delete = False
    fields = readonly_fields = ("email", "verified", "primary")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class GoogleInline(admin.TabularInline):
    model = GoogleIdentity
    extra = 0
    can_delete = False
    fields = readonly_fields = ("email", "sub", "linked_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(RecordedAdmin):
    list_display = ("email", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "emailaddress__email", "google__email")
    date_hierarchy = "date_joined"
    fields = ("email", "is_active", "is_staff", "is_superuser", "date_joined", "last_login")
    readonly_fields = ("email", "is_active", "date_joined", "last_login")
    inlines = (EmailInline, GoogleInline, MembershipInline)
    actions = ("disable", "enable")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Rights are given by superusers, and nobody changes their own."""
        may = request.user.is_superuser and obj != request.user
        return [*super().get_readonly_fields(request, obj), *(() if may else ("is_staff", "is_superuser"))]

    @admin.action(description="Disable: sessions end and API tokens stop at once", permissions=["change"])
    def disable(self, request: HttpRequest, people: QuerySet[User]) -> None:
        if people.filter(pk=str(request.user.pk)).exists():
            self.message_user(request, "Your own account stays as it is.", messages.WARNING)
        for user in people.exclude(pk=str(request.user.pk)).filter(is_active=True):
            with transaction.atomic():
                self._set_active(request, user, False)
                # Enabling again must not bring back whoever was signed in meanwhile.
                end_sessions(user=user, actor=staff_actor(request))

    @admin.action(description="Enable again: API tokens work again, sessions stay ended", permissions=["change"])
    def enable(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for user in people.filter(is_active=False):
            with transaction.atomic():
                self._set_active(request, user, True)

    def _set_active(self, request: HttpRequest, user: User, is_active: bool) -> None:
        User.objects.filter(pk=user.pk).update(is_active=is_active)
        record_staff_change(request, user, "enabled" if is_active else "disabled")


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin):
    list_display = ("name", "is_personal", "people", "created_at", "closing_at")
    list_filter = ("is_personal", ("closing_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "id", "memberships__user__email")
    date_hierarchy = "created_at"
    inlines = (MembershipInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        rows: QuerySet[Workspace] = super().get_queryset(request).annotate(member_count=Count("memberships"))
        return rows

    @admin.display(ordering="member_count")
    def people(self, workspace: Workspace) -> int:
        count: int = workspace.member_count  # type: ignore[attr-defined]
        return count


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "workspace", "role", "created_at")
    list_select_related = ("user", "workspace")
    list_filter = ("role",)
    search_fields = ("user__email", "workspace__name")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "prefix", "workspace", "role", "made_by", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("workspace", "made_by")
    list_filter = ("role",)
    search_fields = ("name", "prefix", "made_by__email", "workspace__name")
    exclude = ("digest",)
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apitoken")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        for token in tokens:
            revoke_token(token=token, actor=staff_actor(request))


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("email", "workspace", "role", "invited_by", "created_at", "expires_at", "accepted_at", "revoked_at")
    list_select_related = ("workspace", "invited_by")
    list_filter = (
        "role",
        ("accepted_at", admin.EmptyFieldListFilter),
        ("revoked_at", admin.EmptyFieldListFilter),
        "expires_at",
    )
    search_fields = ("email", "invited_by__email", "workspace__name")
    date_hierarchy = "created_at"
    exclude = ("digest",)
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_invitation")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, invitations: QuerySet[Invitation]) -> None:
        for invitation in invitations:
            revoke_invitation(invitation=invitation, actor=staff_actor(request))


@admin.register(WorkspaceClosing)
class WorkspaceClosingAdmin(ReadOnlyAdmin):
    """Deletions: what is still to be done, what went and what had to be left undone."""

    list_display = ("workspace_name", "asked_by", "created_at", "finished_at", "run_after", "attempts", "error_code")
    list_filter = (("finished_at", admin.EmptyFieldListFilter), "error_code")
    search_fields = ("workspace_name", "workspace_id", "asked_by")
    date_hierarchy = "created_at"


@admin.register(PlatformMail)
class PlatformMailAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "to", "template", "state", "attempts", "error_code", "sent_at")
    list_filter = ("state", "template")
    search_fields = ("to",)
    date_hierarchy = "created_at"
    exclude = ("sealed_context",)
