"""Forms that take a browser's passkey answer. What strangers send in its place is refused with words.

allauth takes the answer to be well formed as soon as its JSON is; fido2 raises whatever its parts raise.
"""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django import forms

MALFORMED = (
    ArithmeticError,
    AttributeError,
    InvalidSignature,
    LookupError,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
)


class NewPasskeyForm(AddWebAuthnForm):
    """A new passkey or security key."""

    passwordless = forms.BooleanField(
        label="It may sign me in without the password",
        required=False,
        initial=True,
        help_text="The device then asks for a finger, a face or its PIN each time. Old security keys cannot do this.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"] = forms.CharField(required=False, max_length=100, initial=self.fields["name"].initial)

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except MALFORMED as error:
            raise get_adapter().validation_error("incorrect_code") from error
        return cleaned


class _Answer(AuthenticateWebAuthnForm):
    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()
        except MALFORMED as error:
            raise get_adapter().validation_error("incorrect_code") from error


class SecondStepPasskeyForm(_Answer):
    """After the password."""


class SignInPasskeyForm(_Answer, LoginWebAuthnForm):
    """Instead of the password."""


class ConfirmPasskeyForm(_Answer, ReauthenticateWebAuthnForm):
    """Fresh authentication."""
