"""What was seen at a domain: the standing job with the latest facts, and the history of changes."""

from datetime import datetime
from typing import ClassVar

from django.db import models

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel
from domains.models.domain import Domain


class Inspection(OwnedModel):
    """A served certificate with what was wrong with it, stored when either is seen for the first time.

    The same list of certificates with the same problems is the same row whenever it comes back, found by
    `digest`: `seen_at` is the first time, `times` how often it became the one that is served, and
    `last_seen_at` when it was last seen before another took its place (null: it never lost it).
    Address, version and cipher are those of the first time. `leaf` and each of `chain` are
    `CertificateFacts.as_json()`, the chain's with `role` and `served`; `problems` are `{code, severity, params}`.
    """

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="inspections")
    seen_at = models.DateTimeField()
    address = models.CharField(max_length=64, blank=True)
    tls_version = models.CharField(max_length=16, blank=True)
    cipher = models.CharField(max_length=64, blank=True)
    chain_sha256 = models.CharField(max_length=64)
    fingerprint_sha256 = models.CharField(max_length=64)
    is_trusted = models.BooleanField(default=False)
    leaf = models.JSONField(default=dict)
    chain = models.JSONField(default=list)
    problems = models.JSONField(default=list)
    has_client_auth = models.BooleanField(default=False)
    digest = models.CharField(max_length=64, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    times = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            # Rows from before there were digests have none.
            models.UniqueConstraint(
                fields=["domain", "digest"], condition=~models.Q(digest=""), name="inspection_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["domain", "-seen_at", "-id"], name="inspection_newest")]

    def __str__(self) -> str:
        return f"{self.fingerprint_sha256[:16]} {self.seen_at:%Y-%m-%d %H:%M}"


class Visit(OwnedModel, LeasedJob):
    """A domain's standing job, and the result of its latest run.

    `error_code` is empty when the latest visit saw a certificate, else what happened instead;
    `failures` counts such visits in a row. The certificate's facts here are those of the last one
    that was seen, however long ago (`certificate_at`). `others` are the certificates that are served in turn
    with it, as `domains.history` keeps them. `page_failures` counts probes of the website in a row that found it
    down; `page_up_at` is when one last found it up, null for what was never a website. `digest` sums up
    everything that was filed as findings and state: a visit that finds the same digest has nothing to file.
    """

    domain = models.OneToOneField(Domain, on_delete=models.CASCADE, related_name="visit")
    asked_at = models.DateTimeField(null=True, blank=True)
    visited_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    address = models.CharField(max_length=64, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)
    page_scheme = models.CharField(max_length=8, blank=True)
    page_status = models.PositiveSmallIntegerField(null=True, blank=True)
    page_milliseconds = models.PositiveIntegerField(default=0)
    page_failures = models.PositiveIntegerField(default=0)
    page_up_at = models.DateTimeField(null=True, blank=True)
    inspection = models.ForeignKey(Inspection, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    chain_sha256 = models.CharField(max_length=64, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    not_after = models.DateTimeField(null=True, blank=True)
    issuer_name = models.CharField(max_length=300, blank=True)
    certificate_at = models.DateTimeField(null=True, blank=True)
    tls_version = models.CharField(max_length=16, blank=True)
    cipher = models.CharField(max_length=64, blank=True)
    others = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes: ClassVar = [due_index("domains_visit_due")]

    def __str__(self) -> str:
        return f"visit of {self.domain_id}"

    @property
    def is_under_way(self) -> bool:
        """Somebody asked and no answer has come since."""
        return self.asked_at is not None and (self.visited_at is None or self.visited_at < self.asked_at)

    @property
    def put_off_until(self) -> datetime | None:
        """When the look that somebody asked for is due, where its address has had enough of us for now; else None."""
        # Asking makes it due at once; nothing but putting it off moves it ahead before it has ended.
        is_ahead = self.is_under_way and self.run_after is not None and self.run_after > clock.now()
        return self.run_after if is_ahead else None
