"""Servers and panels, what is put where on them, and every run there with its steps."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel
from config.lib.sealed import SealedField
from deploy.readiness.model import Readiness as Readiness
from deploy.ssh import placement


class Server(OwnedModel):
    """A host and an account on it, entered once per workspace and used by any number of targets.

    `host_key_fingerprint` is the pinned host key; `seen_host_key` what the host showed last. The lease lets one
    run at a time touch the server, so that no reload falls between another run's renames.
    """

    name = models.CharField(max_length=80, blank=True)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=22)
    username = models.CharField(max_length=32)
    sealed_private_key = SealedField(purpose="server_private_key", blank=True, default="")
    sealed_passphrase = SealedField(purpose="server_passphrase", blank=True, default="")
    public_key = models.CharField(max_length=1000, blank=True)
    host_key_fingerprint = models.CharField(max_length=64, blank=True)
    seen_host_key = models.CharField(max_length=64, blank=True)
    seen_host_key_at = models.DateTimeField(null=True, blank=True)
    platform = models.JSONField(default=dict, blank=True)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "host", "port", "username"], name="server_unique"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """How people know it: its name, else its host."""
        return self.name or self.host

    @property
    def address(self) -> str:
        return f"{self.username}@{self.host}" + ("" if self.port == 22 else f":{self.port}")

    @property
    def is_trusted(self) -> bool:
        return bool(self.host_key_fingerprint)


class Target(OwnedModel):
    """A domain on a server: where its files go, what is run afterwards, where the result is looked at.

    One ordered list per domain; position 1 answers HTTP-01. A draft is what `Test SSH` keeps and never deploys.
    `verify_ports`: null means the domain's port, empty that there is nothing to look at.
    `journal`: what an install has begun on the server and not ended; null when nothing is half-done there.
    """

    class Status(models.TextChoices):
        OK = "ok", "OK"
        PARTIAL = "partial", "Partial"
        FAILED = "failed", "Failed"

    domain = models.ForeignKey("domains.Domain", on_delete=models.CASCADE, related_name="targets")
    server = models.ForeignKey(Server, on_delete=models.RESTRICT, related_name="targets")
    position = models.PositiveSmallIntegerField(default=1)
    is_draft = models.BooleanField(default=True)
    certificate_directories = models.JSONField(default=list, blank=True)
    file_names = models.JSONField(default=dict, blank=True)
    reload_commands = models.JSONField(default=list, blank=True)
    use_sudo = models.BooleanField(default=False)
    owner = models.CharField(max_length=65, blank=True)
    webroot = models.CharField(max_length=200, blank=True)
    standalone = models.BooleanField(default=False)
    standalone_port = models.PositiveIntegerField(default=80)
    standalone_use_sudo = models.BooleanField(default=False)
    verify_ports = models.JSONField(null=True, blank=True, default=None)
    journal = models.JSONField(null=True, blank=True, default=None, editable=False)
    # What `Detect platform` saw last, with what it suggests: see deploy.detection.looking.
    detected = models.JSONField(default=dict, blank=True, editable=False)
    # The change of `Fix ACME redirect` that stands in the server's configuration, or is half-done: deploy.redirects.
    redirect_fix = models.JSONField(null=True, blank=True, default=None, editable=False)
    # What the last deployment that changed files here replaced: see deploy.undoing.
    previous = models.JSONField(null=True, blank=True, default=None, editable=False)
    installed_certificate = models.ForeignKey(
        "certificates.Certificate", null=True, blank=True, on_delete=models.SET_NULL, related_name="installed_on"
    )
    last_status = models.CharField(max_length=8, choices=Status.choices, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["position", "created_at"]
        indexes = [models.Index(fields=["domain", "position"], name="target_by_domain")]

    def __str__(self) -> str:
        return f"{self.server_id} {self.position}"

    @property
    def names(self) -> dict[str, str]:
        """The four file names by part."""
        return {**placement.DEFAULT_NAMES, **self.file_names}

    @property
    def has_custom_names(self) -> bool:
        return bool(self.file_names)

    @property
    def files(self) -> list[str]:
        """Every path that a deployment writes, in the order of the form."""
        return [
            f"{directory}/{self.names[part]}"
            for directory in self.certificate_directories
            for part in placement.SHOWN_ORDER
        ]

    def ports(self, domain_port: int) -> list[int]:
        return [domain_port] if self.verify_ports is None else list(self.verify_ports)


class HttpAnswer(LeasedJob, OwnedModel):
    """What a server answers for one issuance's HTTP-01: written down before it is put there, gone with its removal.

    With a `webroot` the tokens are files below it; else a listener on `port` serves them, which ends by itself at
    `ends_at` and before that when it is asked for `stop_word`. Whoever dies in between, this row's own job removes it.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="http_answers")
    issuance = models.OneToOneField(
        "certificates.Issuance", null=True, blank=True, on_delete=models.SET_NULL, related_name="http_answer"
    )
    tokens = models.JSONField(default=list)
    webroot = models.CharField(max_length=200, blank=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    stop_word = models.CharField(max_length=64, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            # One listener at a time: a second one would find the port taken by ours.
            models.UniqueConstraint(fields=["server", "port"], name="http_answer_port_once"),
        ]
        indexes = [due_index("deploy_httpanswer_due")]

    def __str__(self) -> str:
        return f"{self.server_id} {self.webroot or self.port}"


class PanelAccount(OwnedModel):
    """An account at a hosting panel, whose sites certificates are handed to by the panel's interface.

    `kind` is a key of `deploy.panels.known`, `config` holds the plain fields of its form. `fingerprint_sha256` is the
    pinned certificate of the panel itself (empty: it is verified), `seen_fingerprint` what an unverified one showed.
    `refused_at`: the panel refused the credential, which nothing but a person tries again. The lease lets one run at
    a time write there.
    """

    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=80, blank=True)
    config = models.JSONField(default=dict, blank=True)
    sealed_secret = SealedField(purpose="panel_secret")
    fingerprint_sha256 = models.CharField(max_length=64, blank=True)
    seen_fingerprint = models.CharField(max_length=64, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class PanelTarget(OwnedModel):
    """A domain at a panel. A draft is what `Test` keeps and never installs.

    `refs` are what the panel calls what we put there, by site. `sites` is what is known of each site since the last
    run, `[{site, state, detail, code, params}]`.
    """

    Status = Target.Status

    domain = models.ForeignKey("domains.Domain", on_delete=models.CASCADE, related_name="panel_targets")
    account = models.ForeignKey(PanelAccount, on_delete=models.RESTRICT, related_name="targets")
    is_draft = models.BooleanField(default=True)
    refs = models.JSONField(default=dict, blank=True, editable=False)
    sites = models.JSONField(default=list, blank=True, editable=False)
    installed_certificate = models.ForeignKey(
        "certificates.Certificate", null=True, blank=True, on_delete=models.SET_NULL, related_name="installed_by_panel"
    )
    last_status = models.CharField(max_length=8, choices=Target.Status.choices, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["domain", "account"], name="panel_target_unique")]

    def __str__(self) -> str:
        return f"{self.domain_id} at {self.account_id}"


class Deployment(OwnedModel):
    """One certificate to all targets and panels of a domain. `deployed`: it was seen being served everywhere."""

    class State(models.TextChoices):
        RUNNING = "running"
        DEPLOYED = "deployed"
        PARTIAL = "partial"
        FAILED = "failed"

    domain = models.ForeignKey("domains.Domain", on_delete=models.CASCADE, related_name="deployments")
    certificate = models.ForeignKey(
        "certificates.Certificate", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    fingerprint_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    requested_by = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["domain", "-created_at", "id"], name="deployment_by_domain")]

    def __str__(self) -> str:
        return f"{self.fingerprint_sha256[:12]} {self.state}"


class TargetRun(LeasedJob, OwnedModel):
    """Something done on one server or panel: one lease, one list of steps, one error.

    `state` says how the run ended, `outcome` what a deploy left behind. `files` are the paths that were written,
    `commands` `[{command, exit_code, seconds, output}]`, `sites` as `PanelTarget.sites`. Of (target, server) and
    (panel target, account) one pair is set; both may be deleted later, `label` stays.
    """

    class Kind(models.TextChoices):
        TEST = "test", "Test SSH"
        DETECT = "detect", "Detect platform"
        DEPLOY = "deploy"
        UNDO = "undo", "Undo last deploy"
        FIX_REDIRECT = "fix_redirect", "Fix ACME redirect"
        REHEARSE = "rehearse", "Rehearse renewal"

    class Deed(models.TextChoices):
        """What a run of `Fix ACME redirect` does; the other kinds have one deed each."""

        LOOK = "look"
        APPLY = "apply"
        UNDO = "undo"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        PARTIAL = "partial"
        FAILED = "failed"

    class Outcome(models.TextChoices):
        SERVING = "serving"
        INSTALLED = "installed"
        FAILED = "failed"

    OPEN_STATES = (State.WAITING, State.RUNNING)

    kind = models.CharField(max_length=16, choices=Kind.choices)
    deed = models.CharField(max_length=8, choices=Deed.choices, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    domain = models.ForeignKey("domains.Domain", on_delete=models.CASCADE, related_name="target_runs")
    target = models.ForeignKey(Target, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    server = models.ForeignKey(Server, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    panel_target = models.ForeignKey(PanelTarget, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    panel_account = models.ForeignKey(
        PanelAccount, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs"
    )
    deployment = models.ForeignKey(Deployment, null=True, blank=True, on_delete=models.CASCADE, related_name="runs")
    certificate = models.ForeignKey(
        "certificates.Certificate", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    label = models.CharField(max_length=253, blank=True)
    requested_by = models.CharField(max_length=254, blank=True)
    host_key_fingerprint = models.CharField(max_length=64, blank=True)
    served_fingerprint_sha256 = models.CharField(max_length=64, blank=True)
    files = models.JSONField(default=list, blank=True)
    commands = models.JSONField(default=list, blank=True)
    sites = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            due_index("deploy_targetrun_due"),
            models.Index(fields=["domain", "-created_at", "id"], name="targetrun_by_domain"),
            models.Index(fields=["target", "-created_at"], name="targetrun_by_target"),
            models.Index(fields=["panel_target", "-created_at"], name="targetrun_by_panel"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.label} {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

    @property
    def kind_label(self) -> str:
        """As people call it; only servers are tested by SSH."""
        is_panel_test = self.kind == self.Kind.TEST and self.panel_account_id is not None
        return "Test" if is_panel_test else str(self.Kind(self.kind).label)

    @property
    def place_id(self) -> uuid.UUID:
        """The target or the panel target; the run's own key where that is gone."""
        return self.target_id or self.panel_target_id or self.pk

    @property
    def has_place(self) -> bool:
        return bool(self.target_id or self.panel_target_id)

    @property
    def place(self) -> Q:
        """Rows of the same target or panel target."""
        if self.panel_target_id:
            return Q(panel_target=self.panel_target_id)
        return Q(target=self.target_id) if self.target_id else Q(pk=self.pk)

    @property
    def billed_as(self) -> str:
        """What is paid for once, however often it is tried: one deployment to one target or panel."""
        return f"{self.deployment_id}:{self.panel_target_id or self.target_id}"

    @property
    def billed_for(self) -> str:
        return f"{self.domain.label} to {self.label}"

    @property
    def shown_state(self) -> str:
        """As a deployment shows its targets: what was left behind once it has ended."""
        return self.outcome or self.state

    @property
    def seconds(self) -> float | None:
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at and self.started_at else None


class RunStep(OwnedModel):
    """One step of a run, written before it acts and settled after."""

    class State(models.TextChoices):
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        SKIPPED = "skipped"

    run = models.ForeignKey(TargetRun, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=600)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    detail = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="run_step_unique")]
        indexes = [models.Index(fields=["workspace", "-started_at", "-id"], name="run_step_started_at")]

    def __str__(self) -> str:
        return f"{self.position} {self.name} {self.state}"

    @property
    def seconds(self) -> float | None:
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None

    @property
    def output(self) -> str:
        value: Any = self.data.get("output", "")
        return str(value)
