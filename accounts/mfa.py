"""Second factors: their secrets are sealed like every other."""

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings

from accounts.models import User
from config.lib.sealed import seal, unseal

# allauth gives neither the row nor the person here, so the purpose alone is bound.
CONTEXT = b"second_factor|-|-"


class MfaAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "cannot_generate_recovery_codes": "Recovery codes stand in for an app or a passkey: add one of these first.",
        "incorrect_code": "This code is not right, or was used already. Wait for the next one and type that.",
        "unverified_email": "Confirm your e-mail address first: otherwise somebody who signed up with your address "
        "could keep you out for good.",
    }

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002
        """The name that the form offers; allauth names the argument."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return "My passkey" if count == 0 else f"My passkey {count + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": settings.SITE_NAME}

    def encrypt(self, text: str) -> str:
        return seal(text.encode(), context=CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, context=CONTEXT).decode()
