"""Forms about people."""

from django import forms
from django.http import HttpRequest

from accounts.models import User


class WorkspaceSignupForm(forms.Form):
    """The optional field beside e-mail and password at sign-up."""

    workspace = forms.CharField(label="Organization / workspace", max_length=120, required=False)

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the user exists."""
