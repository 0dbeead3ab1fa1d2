"""The ledger for staff: read-only, and corrected by new entries that say why."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.models import Workspace
from accounts.staff import ReadOnlyAdmin, record_staff_change
from billing.forms import DollarField
from billing.ledger import post
from billing.models import Account, Charge, Entry, EntryKind, StripeEvent, TopUp
from billing.prices import MOST_TOP_UP_CENTS
from config.lib.money import dollars

REASON_AT_LEAST = 10


class AdjustmentForm(forms.ModelForm):
    """A new entry; nothing that is there is ever changed."""

    amount = DollarField(
        label="Amount in US dollars", least=-MOST_TOP_UP_CENTS, most=MOST_TOP_UP_CENTS, help_text="Negative takes away."
    )
    reason = forms.CharField(min_length=REASON_AT_LEAST, max_length=300, help_text="The workspace's admins read it.")

    class Meta:
        model = Entry
        fields = ("workspace",)

    def clean_amount(self) -> int:
        cents: int = self.cleaned_data["amount"]
        if not cents:
            raise forms.ValidationError("An entry of nothing says nothing.", code="amount_zero")
        return cents


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "workspace", "kind", "amount", "balance", "about", "actor_label")
    list_select_related = ("workspace",)
    list_filter = ("kind",)
    search_fields = ("workspace__name", "external_id")
    date_hierarchy = "at"
    form = AdjustmentForm
    raw_id_fields = ("workspace",)

    @admin.display(description="Amount")
    def amount(self, entry: Entry) -> str:
        return dollars(entry.amount_cents)

    @admin.display(description="Balance")
    def balance(self, entry: Entry) -> str:
        return dollars(entry.balance_cents)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(super().get_readonly_fields(request, obj)) if obj else []

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(super().get_fields(request, obj)) if obj else ["workspace", "amount", "reason"]

    def save_model(self, request: HttpRequest, obj: Entry, form: Any, change: bool) -> None:
        """By the one writer of the ledger, under the account's lock."""
        told = form.cleaned_data
        workspace: Workspace = told["workspace"]
        made = post(
            workspace.pk,
            kind=EntryKind.ADJUSTMENT,
            cents=told["amount"],
            external_id=str(uuid.uuid4()),
            about=told["reason"],
            actor_label=str(request.user),
        )
        if made is None:
            raise RuntimeError("a fresh key was taken")
        obj.__dict__.update(made.__dict__)
        record_staff_change(request, obj, f"adjusted by {dollars(told['amount'])}: {told['reason']}")


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("workspace", "balance_cents", "held_cents", "auto_is_on", "auto_code", "depth")
    list_select_related = ("workspace",)
    list_filter = ("auto_is_on", "depth")
    search_fields = ("workspace__name", "customer")


@admin.register(Charge)
class ChargeAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "workspace", "work", "cents", "state", "is_mercy", "about")
    list_select_related = ("workspace",)
    list_filter = ("state", "is_mercy", "work")


@admin.register(TopUp)
class TopUpAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "workspace", "mode", "amount_cents", "state", "payment_intent", "error_code")
    list_select_related = ("workspace",)
    list_filter = ("mode", "state")
    search_fields = ("payment_intent", "session")
    exclude = ("url",)


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    list_display = ("happened_at", "kind", "object_id", "worked_at", "error_code")
    list_filter = ("kind",)
    search_fields = ("event_id", "object_id", "payment_intent")
