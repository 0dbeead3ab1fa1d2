"""Django's admin with the portal's own door, and without pages that would show secrets."""

from collections.abc import Iterable
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.access import public_view

# They hold secrets, or what people decide for themselves; accounts.admin shows the harmless part.
HIDDEN = frozenset(
    {
        "account.EmailAddress",
        "account.EmailConfirmation",
        "auth.Group",
        "mfa.Authenticator",
    }
)


class StaffSite(admin.AdminSite):
    site_header = site_title = "ManageMyCert staff"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # One door for everybody, with its limits and second factors, instead of the admin's own.
        self.password_change = public_view("leads on to the portal's own page")(  # type: ignore[method-assign]
            self._change_password
        )
        door = public_view("the admin's door: leads staff in and everybody else to the sign-in")
        self.login = door(secure_admin_login(self._lead_in))  # type: ignore[method-assign]

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff see every workspace, so a password alone is not enough for them."""
        return super().has_permission(request) and is_mfa_enabled(request.user)

    def _lead_in(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Called for signed-in staff only: whoever is not let in yet lacks the second factor."""
        if not self.has_permission(request):
            messages.info(request, "Staff need two-step sign-in: add an authenticator app or a passkey first.")
            return redirect("mfa_index")
        return super().login(request, extra_context)

    def _change_password(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """One way to change a password: with its limits, its mail and its event."""
        return redirect("account_change_password")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        models_given: Iterable[type[models.Model]] = (
            [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        )
        shown = [model for model in models_given if model._meta.label not in HIDDEN]
        super().register(shown, admin_class, **options)
