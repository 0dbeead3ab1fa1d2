"""Who a workspace is at a CA."""

from django.db import models

from config.lib import clock
from config.lib.scoping import OwnedModel
from config.lib.sealed import SealedField


class AcmeAccount(OwnedModel):
    """One per workspace and CA: a CA reuses proofs per account, and a shared account would hand one
    workspace another's certificate. The key exists before the CA hears of it; `uri` comes after."""

    directory_url = models.CharField(max_length=500)
    sealed_key = SealedField(purpose="acme_account_key")
    uri = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    opened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "directory_url"], name="acme_account_unique")]

    def __str__(self) -> str:
        return self.uri or self.directory_url
