"""Forms about people."""

import unicodedata
import zoneinfo
from typing import Any

from django import forms
from django.http import HttpRequest

from accounts.adapter import actor_of
from accounts.addresses import plain_email
from accounts.models import Role, User, Workspace
from accounts.workspaces import clean_name, sign_up


class WorkspaceSignupForm(forms.Form):
    """The optional field beside e-mail and password at sign-up."""

    workspace = forms.CharField(
        label="Organization / workspace",
        max_length=120,
        required=False,
        help_text="Optional. Your team's name, as you write it; without one you get a personal workspace.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    field_order = ("email", "password1", "password2", "workspace")

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the user exists."""
        sign_up(user=user, name=self.cleaned_data["workspace"], actor=actor_of(request, user))


class WorkspaceForm(forms.ModelForm):
    """Settings, General: what may be changed, within the bounds that the model states."""

    class Meta:
        model = Workspace
        fields = (
            "name",
            "monitor_interval_minutes",
            "alert_cooldown_hours",
            "delivery_retries",
            "retry_delay_minutes",
            "time_zone",
        )
        labels = {
            "name": "Display name",
            "monitor_interval_minutes": "Monitor interval (minutes)",
            "alert_cooldown_hours": "Alert cooldown (hours)",
            "delivery_retries": "Delivery retries",
            "retry_delay_minutes": "Retry delay (minutes)",
            "time_zone": "Time zone",
        }
        help_texts = {
            "monitor_interval_minutes": "How often each verified domain is visited, 1 to 1440.",
            "alert_cooldown_hours": "How long an open problem stays quiet before it is told again, 1 to 720.",
            "delivery_retries": "How often a notification that failed is tried again, 0 to 10.",
            "retry_delay_minutes": "How long to wait between those tries, 1 to 1440.",
            "time_zone": "Decides which day it is, such as Europe/Berlin.",
        }

    def clean_name(self) -> str:
        return visible_name(self.cleaned_data["name"])

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"].strip()
        if zone not in zoneinfo.available_timezones():
            raise forms.ValidationError("This is not a time zone's name, such as Europe/Berlin.")
        return zone


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="They get a link that works once, for seven days, and only with this address.",
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label="Role",
        choices=[
            (Role.MEMBER, "Member: views domains, alerts and activity"),
            (Role.ADMIN, "Admin: does everything else, too"),
        ],
        widget=forms.RadioSelect,
        initial=Role.MEMBER,
    )

    def clean_email(self) -> str:
        return plain_email(self.cleaned_data["email"])


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class NewWorkspaceForm(forms.Form):
    """One more workspace."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="Your team's or customer's name, as you write it.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )

    def clean_name(self) -> str:
        return visible_name(self.cleaned_data["name"])


def visible_name(name: str) -> str:
    cleaned = clean_name(name)
    if not cleaned:
        raise forms.ValidationError("A workspace needs a name that can be seen.")
    return cleaned


class ConfirmForm(forms.Form):
    """Asks for what is about to be destroyed to be typed: `expected`, whatever spaces or Unicode form it comes in."""

    typed = forms.CharField(
        max_length=300, widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"})
    )

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected
        self.fields["typed"].label = f"Type {expected} to confirm"

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if _plain(typed) != _plain(self.expected):
            raise forms.ValidationError(f"This is not {self.expected}. Nothing was deleted.", code="differs")
        return typed


def _plain(text: str) -> str:
    """A page shows several spaces as one, and a name may be typed in another normal form than it was once."""
    return " ".join(unicodedata.normalize("NFC", text).split())


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(label="Name", max_length=80, help_text="What will use it, such as 'deploy script'.")
    role = forms.ChoiceField(label="Role", choices=Role.choices, help_text="Never more than your own role.")
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=[
            ("read", "read: look at everything but private keys"),
            ("write", "write: change, issue and deploy"),
            ("keys", "keys: download bundles with private keys"),
        ],
        widget=forms.CheckboxSelectMultiple,
        initial=["read"],
    )
    days = forms.TypedChoiceField(
        label="Expires",
        coerce=int,
        choices=[(30, "in 30 days"), (90, "in 90 days"), (365, "in one year"), (0, "never")],
        initial=90,
    )
