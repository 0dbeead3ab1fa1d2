"""Certificates on their way, and what proves their names."""

from django.db import models

from certificates.keys import DEFAULT_KEY_TYPE
from certificates.models.certificate import Certificate, PrivateKey
from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


class Issuance(LeasedJob, OwnedModel):
    """One certificate on its way. `state` is what people see, `step` is what happens next.

    The partial unique constraint is the claim on a name set: while one issuance for it is open,
    nobody in the workspace orders the same certificate a second time.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        PENDING_CHALLENGE = "pending_challenge"
        VALIDATING = "validating"
        FINALIZING = "finalizing"
        ISSUED = "issued"
        FAILED = "failed"
        CANCELLED = "cancelled"

    OPEN_STATES = (State.DRAFT, State.PENDING_CHALLENGE, State.VALIDATING, State.FINALIZING)

    class Step(models.TextChoices):
        CHECK_GATES = "check_gates"
        OPEN_ACCOUNT = "open_account"
        CHECK_CAA = "check_caa"
        MAKE_KEY = "make_key"
        ORDER = "order"
        LOAD_CHALLENGES = "load_challenges"
        WAIT_FOR_RECORDS = "wait_for_records"
        PRESENT = "present"
        CHECK_RECORDS = "check_records"
        ANSWER = "answer"
        WATCH_VALIDATION = "watch_validation"
        FINALIZE = "finalize"
        STORE = "store"
        CLEAN_UP = "clean_up"
        DONE = "done"

    domain = models.ForeignKey("domains.Domain", on_delete=models.CASCADE, related_name="issuances")
    names = models.JSONField(default=list)
    names_key = models.CharField(max_length=64)
    challenge = models.CharField(max_length=16, default="dns-01")
    # Who publishes what proves the names: the key of one of certificates.solvers.
    solver = models.CharField(max_length=16, default="manual")
    is_renewal = models.BooleanField(default=False)
    # Somebody wants it although the certificate on file is far from its end.
    is_forced = models.BooleanField(default=False)
    # The certificate that it takes the place of, as RFC 9773 names it; empty: none, or the CA would not hear of it.
    replaces = models.CharField(max_length=200, blank=True)
    # Why the CA's limits do not count it, of certificates.cas.ledger; empty: they do.
    spared = models.CharField(max_length=8, blank=True)
    directory_url = models.CharField(max_length=500)
    profile = models.CharField(max_length=64, blank=True)
    key_type = models.CharField(max_length=16, default=DEFAULT_KEY_TYPE)
    state = models.CharField(max_length=20, choices=State.choices, default=State.DRAFT)
    step = models.CharField(max_length=20, choices=Step.choices, default=Step.CHECK_GATES)
    step_at = models.DateTimeField(null=True, blank=True)
    order_url = models.CharField(max_length=500, blank=True)
    order_expires_at = models.DateTimeField(null=True, blank=True)
    certificate_url = models.CharField(max_length=500, blank=True)
    csr_pem = models.TextField(blank=True)
    private_key = models.ForeignKey(PrivateKey, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    certificate = models.ForeignKey(Certificate, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    requested_by = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "directory_url", "names_key"],
                condition=models.Q(state__in=("draft", "pending_challenge", "validating", "finalizing")),
                name="issuance_open_once",
            ),
        ]
        indexes = [
            due_index("certificates_issuance_due"),
            models.Index(fields=["domain", "-created_at", "id"], name="issuance_by_domain"),
        ]

    def __str__(self) -> str:
        return f"{', '.join(self.names[:3])} {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

    @property
    def is_waiting_for_person(self) -> bool:
        return self.state == self.State.PENDING_CHALLENGE and self.step == self.Step.WAIT_FOR_RECORDS

    @property
    def is_under_way(self) -> bool:
        """A worker has it or is about to; the page watches."""
        return self.is_open and not self.is_waiting_for_person


class Authorization(OwnedModel):
    """One name to prove within an order, and the TXT record or the file that proves it.

    `servers` is what each name server answered at the last look:
    `[{"server", "seen", "values", "error"}]`. `alias` is where a CNAME at `txt_name` led it, `mistake` a key of
    certificates.dns.mistakes.
    """

    class Seen(models.TextChoices):
        SEEN = "seen"
        PARTLY_SEEN = "partly_seen"
        NOT_SEEN = "not_seen"

    issuance = models.ForeignKey(Issuance, on_delete=models.CASCADE, related_name="authorizations")
    position = models.PositiveSmallIntegerField()
    identifier = models.CharField(max_length=255)
    is_wildcard = models.BooleanField(default=False)
    url = models.CharField(max_length=500)
    challenge_url = models.CharField(max_length=500)
    token = models.CharField(max_length=128)
    txt_name = models.CharField(max_length=255)
    txt_value = models.CharField(max_length=64, blank=True)
    # What HTTP-01 wants served under the token's name.
    key_authorization = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=16, default="pending")
    detail = models.CharField(max_length=1000, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    seen = models.CharField(max_length=12, choices=Seen.choices, default=Seen.NOT_SEEN)
    seen_at = models.DateTimeField(null=True, blank=True)
    servers = models.JSONField(default=list)
    alias = models.CharField(max_length=255, blank=True)
    # Of the record, once its name servers were found.
    zone = models.CharField(max_length=255, blank=True, db_default="", default="")
    mistake = models.CharField(max_length=16, blank=True)
    is_given_back = models.BooleanField(default=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["issuance", "url"], name="authorization_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.shown_name} {self.status}"

    @property
    def shown_name(self) -> str:
        return f"*.{self.identifier}" if self.is_wildcard else self.identifier

    @property
    def is_proven(self) -> bool:
        return self.status == "valid"


class DnsLook(LeasedJob, OwnedModel):
    """Looks for an issuance's records while somebody watches, and for a bounded time only."""

    issuance = models.OneToOneField(Issuance, on_delete=models.CASCADE, related_name="dns_look")
    wanted_until = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [due_index("certificates_dnslook_due")]

    def __str__(self) -> str:
        return f"{self.issuance_id} until {self.wanted_until:%H:%M:%S}"
