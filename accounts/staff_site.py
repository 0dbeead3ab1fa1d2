"""Django's admin with the portal's own door, and without pages that would show secrets."""

from collections.abc import Iterable
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.db import models

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
        self.login = secure_admin_login(self.login)  # type: ignore[method-assign]

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        models_given: Iterable[type[models.Model]] = (
            [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        )
        shown = [model for model in models_given if model._meta.label not in HIDDEN]
        super().register(shown, admin_class, **options)
