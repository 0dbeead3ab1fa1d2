"""Second factors: their secrets are sealed like every other."""

from allauth.mfa.adapter import DefaultMFAAdapter

from config.lib.sealed import seal, unseal

# allauth gives neither the row nor the person here, so the purpose alone is bound.
CONTEXT = b"second_factor|-|-"


class MfaAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return seal(text.encode(), context=CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, context=CONTEXT).decode()
