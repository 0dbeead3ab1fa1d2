"""What is known of a domain's readiness to renew."""

from django.db import models

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


class Readiness(LeasedJob, OwnedModel):
    """One row for each domain that renews, or once renewed, by itself; `run_after` is the next look.

    A look asks DNS and CA; a rehearsal also signs in to every server and panel, each as a TargetRun. `checks` is what
    the last look found, `[{key, state: ok|unclear|will_fail, detail, code, params}]`; `places` the same of each server
    and panel by its target's key, `{label, run, at, checks}`. `is_asked`: the next look is a rehearsal.
    """

    domain = models.OneToOneField("domains.Domain", on_delete=models.CASCADE, related_name="readiness")
    is_off = models.BooleanField(default=False)
    is_asked = models.BooleanField(default=False)
    requested_by = models.CharField(max_length=254, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    rehearsed_at = models.DateTimeField(null=True, blank=True)
    checks = models.JSONField(default=list, blank=True)
    places = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [due_index("deploy_readiness_due")]

    def __str__(self) -> str:
        return f"readiness of {self.domain_id}"
