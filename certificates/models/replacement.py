"""Certificates that are replaced together because something happened: a key is known to others, a CA withdraws."""

from typing import ClassVar

from django.db import models

from certificates.models.certificate import Certificate
from certificates.models.issuance import Issuance
from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


class Replacement(LeasedJob, OwnedModel):
    """`Replace everything that …`, as somebody confirmed it; open until all of it is replaced or somebody ends it.

    `what` says in words which certificates were chosen. `revokes`: each old one is revoked with `reason` (RFC 5280,
    section 5.3.1), once its successor was seen being served. Nothing more is ordered before `starts_at`.
    """

    class By(models.TextChoices):
        KEY = "key", "That have the same private key as this certificate"
        CA = "ca", "That this CA has issued"
        SERVER = "server", "Whose keys this server held"
        ISSUED = "issued", "Issued within these days"
        REVOKED = "revoked", "That is revoked, by its CA or here"

    by = models.CharField(max_length=8, choices=By.choices)
    what = models.CharField(max_length=400)
    reason = models.PositiveSmallIntegerField(default=0)
    revokes = models.BooleanField(default=False)
    requested_by = models.CharField(max_length=254, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            due_index("certificates_replacement_due"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="replacement_newest"),
        ]

    def __str__(self) -> str:
        return self.what

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


class ReplacedCertificate(OwnedModel):
    """One certificate of a replacement, and how far it is. `successor` is what takes its place."""

    class State(models.TextChoices):
        WAITING = "waiting"
        PERSON = "person"
        REPLACING = "replacing"
        INSTALLING = "installing"
        REVOKING = "revoking"
        DONE = "done"
        FAILED = "failed"

    replacement = models.ForeignKey(Replacement, on_delete=models.CASCADE, related_name="entries")
    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="replaced_in")
    issuance = models.ForeignKey(Issuance, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    successor = models.ForeignKey(Certificate, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    error_code = models.CharField(max_length=64, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    changed_at = models.DateTimeField(default=clock.now)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["replacement", "certificate"], name="replaced_certificate_once")
        ]
        indexes: ClassVar = [models.Index(fields=["replacement", "state"], name="replaced_by_state")]

    def __str__(self) -> str:
        return f"{self.certificate_id} {self.state}"
