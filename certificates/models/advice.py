"""When CAs are asked about certificates that people renew."""

from django.db import models

from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


class Advice(LeasedJob, OwnedModel):
    """What a domain has on file that was issued here and does not renew by itself: its CAs are asked from `ask_at` on.

    Between whiles it is only looked at, because something changed. `run_after` null: there is nothing to ask about.
    `wanted` are the keys of those that their CA wants replaced before their time; null: none.
    """

    domain = models.OneToOneField("domains.Domain", on_delete=models.CASCADE, related_name="+")
    ask_at = models.DateTimeField(null=True, blank=True)
    wanted = models.JSONField(null=True, blank=True, default=None)

    class Meta:
        indexes = [due_index("certificates_advice_due")]

    def __str__(self) -> str:
        return f"advice for {self.domain_id}"
