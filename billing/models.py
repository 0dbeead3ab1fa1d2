"""What a workspace has paid in, what it was used for, and what was asked of Stripe. Money is integer US cents."""

from typing import ClassVar

from django.db import models

from config.lib import clock
from config.lib.jobs import LeasedJob, due_index
from config.lib.scoping import OwnedModel


class Depth(models.IntegerChoices):
    """Low is both: at the threshold of automatic top-ups, and under the minimum, where automation waits."""

    ENOUGH = 0, "enough"
    AT_THRESHOLD = 1, "at the threshold of automatic top-ups"
    UNDER_MINIMUM = 2, "under the minimum"


class Account(OwnedModel):
    """One for each workspace: the sum of its entries, what is set aside, the saved card, and automatic top-ups.

    Changed under its own row lock only, by billing.ledger. `auto_code` says why automatic top-ups stopped by
    themselves; `auto_after` is when the next may be tried after one that failed.
    """

    balance_cents = models.BigIntegerField(default=0)
    held_cents = models.BigIntegerField(default=0)
    customer = models.CharField(max_length=64, blank=True)
    payment_method = models.CharField(max_length=64, blank=True)
    card_brand = models.CharField(max_length=32, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_expires = models.CharField(max_length=7, blank=True)
    card_changed_at = models.DateTimeField(null=True, blank=True)
    topped_up_at = models.DateTimeField(null=True, blank=True)
    auto_is_on = models.BooleanField(default=False)
    auto_threshold_cents = models.PositiveIntegerField(default=500)
    auto_amount_cents = models.PositiveIntegerField(default=2500)
    auto_code = models.CharField(max_length=64, blank=True)
    auto_after = models.DateTimeField(null=True, blank=True)
    declines = models.PositiveSmallIntegerField(default=0)
    # How deep the balance has fallen, told once for each step down.
    depth = models.PositiveSmallIntegerField(choices=Depth, default=Depth.ENOUGH)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace"], name="billing_account_once"),
            models.CheckConstraint(condition=models.Q(held_cents__gte=0), name="billing_nothing_held_below_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.workspace_id}: {self.balance_cents}"

    @property
    def available_cents(self) -> int:
        return self.balance_cents - self.held_cents

    @property
    def has_card(self) -> bool:
        return bool(self.payment_method)


class EntryKind(models.TextChoices):
    TOP_UP = "top_up", "Top-up"
    AUTO_TOP_UP = "auto_top_up", "Auto top-up"
    CHARGE = "charge", "Automation"
    REFUND = "refund", "Refund"
    REFUND_UNDONE = "refund_undone", "Refund that failed"
    DISPUTE = "dispute", "Dispute"
    DISPUTE_UNDONE = "dispute_undone", "Dispute won"
    ADJUSTMENT = "adjustment", "Adjustment"


class Entry(OwnedModel):
    """A line of the ledger, never changed: a trigger refuses it. `balance_cents` is the balance after it.

    `external_id` is what makes it happen once: the payment's id at Stripe, the charge's here.
    """

    at = models.DateTimeField(default=clock.now)
    kind = models.CharField(max_length=16, choices=EntryKind.choices)
    amount_cents = models.BigIntegerField()
    balance_cents = models.BigIntegerField()
    external_id = models.CharField(max_length=80)
    about = models.CharField(max_length=300, blank=True)
    actor_label = models.CharField(max_length=254, blank=True)
    top_up_id = models.UUIDField(null=True, blank=True)
    domain_id = models.UUIDField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "entries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "external_id"], name="billing_entry_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["workspace", "-at", "-id"], name="billing_entry_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_cents}"


class Work(models.TextChoices):
    """What is paid for; each has its price in the settings."""

    SSH = "ssh", "Deployment over SSH"
    PANEL = "panel", "Installation by a hosting panel"
    RENEW = "renew", "Automatic renewal"


class Charge(OwnedModel):
    """A price set aside for one piece of work, then taken or given back. `subject` is charged at most once."""

    class State(models.TextChoices):
        HELD = "held"
        CAPTURED = "captured"
        RELEASED = "released"

    subject = models.CharField(max_length=80)
    work = models.CharField(max_length=8, choices=Work.choices)
    cents = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.HELD)
    # Done although the balance was too low, since a site would have gone down.
    is_mercy = models.BooleanField(default=False)
    run_id = models.UUIDField()
    about = models.CharField(max_length=300, blank=True)
    domain_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "subject"], name="billing_charge_once")]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], condition=models.Q(state="held"), name="billing_charge_held")
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.state}"


class TopUp(LeasedJob, OwnedModel):
    """Money on its way in, or with the mode `card` only a card. Written before Stripe is asked for anything.

    `called_at` is when a card was first charged by itself: Stripe forgets a request's key after a day, so the request
    is not repeated after that. `customer` and `payment_method` are what was asked with: a repeated request must be the
    same to the letter. Amount and workspace of a payment are this row's, whatever a message says.
    """

    class Mode(models.TextChoices):
        MANUAL = "manual"
        AUTO = "auto"
        CARD = "card"

    class State(models.TextChoices):
        PREPARING = "preparing"
        OPEN = "open", "Waiting for you at Stripe"
        PROCESSING = "processing"
        SUCCEEDED = "succeeded"
        EXPIRED = "expired", "Not paid"
        FAILED = "failed"

    OPEN_STATES = (State.PREPARING, State.OPEN, State.PROCESSING)

    mode = models.CharField(max_length=8, choices=Mode.choices)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PREPARING)
    amount_cents = models.PositiveIntegerField(default=0)
    session = models.CharField(max_length=200, blank=True)
    payment_intent = models.CharField(max_length=64, blank=True)
    url = models.TextField(blank=True)
    receipt_url = models.TextField(blank=True)
    invoice_url = models.TextField(blank=True)
    requested_by = models.CharField(max_length=254, blank=True)
    customer = models.CharField(max_length=64, blank=True)
    payment_method = models.CharField(max_length=64, blank=True)
    called_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace"],
                condition=models.Q(mode="auto", state__in=("preparing", "open", "processing")),
                name="billing_auto_top_up_one_open",
            ),
        ]
        indexes: ClassVar = [
            due_index("billing_topup_due"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="billing_topup_newest"),
            models.Index(fields=["payment_intent"], condition=~models.Q(payment_intent=""), name="billing_topup_by_pi"),
            models.Index(fields=["session"], condition=~models.Q(session=""), name="billing_topup_by_session"),
        ]

    def __str__(self) -> str:
        return f"{self.mode} {self.amount_cents} {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES


class OldCard(LeasedJob, OwnedModel):
    """A card that was replaced or removed here and that Stripe is to forget; the row goes once it has."""

    payment_method = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes: ClassVar = [due_index("billing_oldcard_due")]

    def __str__(self) -> str:
        return self.payment_method


class StripeEvent(LeasedJob):
    """A message of Stripe's by its id, kept before it is acted on. Of its body only what it points at.

    `object_id` and the rest say where to look; what is true is read from Stripe.
    """

    event_id = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=80)
    object_id = models.CharField(max_length=200, blank=True)
    payment_intent = models.CharField(max_length=64, blank=True)
    top_up = models.CharField(max_length=64, blank=True)
    happened_at = models.DateTimeField()
    worked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            due_index("billing_stripeevent_due"),
            models.Index(fields=["-happened_at"], name="billing_event_newest"),
            models.Index(fields=["payment_intent"], condition=~models.Q(payment_intent=""), name="billing_event_by_pi"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class Look(models.Model):
    """One row: up to when Stripe's own list of messages has been read."""

    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.until.isoformat()
