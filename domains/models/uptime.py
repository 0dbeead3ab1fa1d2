"""When a website answered: every probe of the last weeks, and figures by day for a year."""

from typing import ClassVar

from django.db import models

from config.lib.scoping import OwnedModel
from domains.models.domain import Domain


class ProbeHour(OwnedModel):
    """The probes of one domain in one UTC hour, as `domains.uptime.packing` packs them."""

    # The constraint's index serves the foreign key too.
    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="probe_hours", db_index=False)
    hour = models.DateTimeField()
    packed = models.TextField(default="")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["domain", "hour"], name="probe_hour_unique")]

    def __str__(self) -> str:
        return f"{self.domain_id} {self.hour:%Y-%m-%d %H:00}"


class ProbeDay(OwnedModel):
    """What the probes of one domain amount to in one UTC day.

    `milliseconds` is the sum over answers that were up; `within_…` count those by how long they took,
    each up to its own bound and above the one before, `slower` the rest.
    """

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="probe_days", db_index=False)
    day = models.DateField()
    probes = models.PositiveIntegerField(default=0)
    up = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveBigIntegerField(default=0)
    within_50 = models.PositiveIntegerField(default=0)
    within_100 = models.PositiveIntegerField(default=0)
    within_200 = models.PositiveIntegerField(default=0)
    within_400 = models.PositiveIntegerField(default=0)
    within_800 = models.PositiveIntegerField(default=0)
    within_1600 = models.PositiveIntegerField(default=0)
    within_3200 = models.PositiveIntegerField(default=0)
    slower = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["domain", "day"], name="probe_day_unique")]

    def __str__(self) -> str:
        return f"{self.domain_id} {self.day}"
