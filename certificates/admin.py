"""What staff may see: no secret has a form field, and nothing here is changed by hand."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from accounts.staff import ReadOnlyAdmin
from certificates.models import (
    AcmeAccount,
    Authorization,
    CaOutage,
    Certificate,
    Delegation,
    Issuance,
    PrivateKey,
    Renewal,
    ReplacedCertificate,
    Replacement,
    Revocation,
)
from certificates.renewal import lateness
from config.lib import clock
from config.lib.errors import describe
from config.lib.wording import span


@admin.register(AcmeAccount)
class AcmeAccountAdmin(ReadOnlyAdmin):
    list_display = ("directory_url", "uri", "workspace", "opened_at")
    list_select_related = ("workspace",)
    exclude = ("sealed_key", "next_key", "external_mac")


@admin.register(PrivateKey)
class PrivateKeyAdmin(ReadOnlyAdmin):
    list_display = ("id", "key_type", "workspace", "created_at")
    list_select_related = ("workspace",)
    exclude = ("sealed_pem",)


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyAdmin):
    list_display = ("domain", "source", "issuer", "not_before", "not_after", "fingerprint_sha256")
    list_select_related = ("domain",)
    search_fields = ("fingerprint_sha256", "name_rows__name")


class AuthorizationInline(admin.TabularInline):
    model = Authorization
    extra = 0
    can_delete = False
    fields = readonly_fields = ("identifier", "is_wildcard", "status", "seen", "seen_at", "txt_name", "detail")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Issuance)
class IssuanceAdmin(ReadOnlyAdmin):
    list_display = ("domain", "state", "step", "error_code", "attempts", "run_after", "created_at")
    list_select_related = ("domain",)
    list_filter = ("state", "step")
    search_fields = ("domain__host", "order_url")
    inlines = (AuthorizationInline,)


@admin.register(Delegation)
class DelegationAdmin(ReadOnlyAdmin):
    list_display = ("host", "label", "workspace", "seen", "checked_at", "found_at")
    list_select_related = ("workspace",)
    search_fields = ("host", "label")


@admin.register(Revocation)
class RevocationAdmin(ReadOnlyAdmin):
    list_display = ("certificate", "reason", "requested_by", "created_at", "ended_at", "error_code", "attempts")
    list_select_related = ("certificate",)


class LateFilter(admin.SimpleListFilter):
    """What is late is what the page is opened for, so it is shown unless somebody wants all."""

    title = "moment"
    parameter_name = "moment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("portal", "Due, held by the portal"), ("all", "All renewals")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        late, *others = super().choices(changelist)
        yield {**late, "display": "Due, without a new certificate"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Renewal]) -> QuerySet[Renewal]:
        if self.value() == "all":
            return queryset
        now = clock.now()
        due = queryset.filter(renew_at__lte=now)
        return due.filter(lateness.held_by_portal(now)) if self.value() == lateness.PORTAL else due


@admin.register(Renewal)
class RenewalAdmin(ReadOnlyAdmin):
    """What is late, why, and what comes next."""

    list_display = (
        "domain",
        "workspace",
        "due_since",
        "late_for",
        "who",
        "held_by",
        "last_error",
        "next_try",
        "valid_until",
    )
    list_select_related = ("domain", "workspace", "issuance", "certificate")
    list_filter = (LateFilter,)
    search_fields = ("domain__host", "error_code")
    ordering = (F("renew_at").asc(nulls_last=True), "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Renewal]:
        rows: QuerySet[Renewal] = super().get_queryset(request)
        return rows.annotate(is_ours=lateness.held_by_portal(clock.now()))

    @admin.display(description="Who can help")
    def who(self, renewal: Renewal) -> str:
        if renewal.renew_at is None or renewal.renew_at > clock.now():
            return ""
        return lateness.PORTAL if getattr(renewal, "is_ours", True) else lateness.WORKSPACE

    @admin.display(description="Due since", ordering="renew_at")
    def due_since(self, renewal: Renewal) -> datetime | None:
        return renewal.renew_at

    @admin.display(description="Late for")
    def late_for(self, renewal: Renewal) -> str:
        now = clock.now()
        is_due = renewal.renew_at is not None and renewal.renew_at <= now
        return span((now - renewal.renew_at).total_seconds()) if renewal.renew_at and is_due else ""

    @admin.display(description="Held by")
    def held_by(self, renewal: Renewal) -> str:
        now = clock.now()
        return lateness.gate_of(renewal, now) if renewal.renew_at and renewal.renew_at <= now else "its moment"

    @admin.display(description="Last error")
    def last_error(self, renewal: Renewal) -> str:
        code = lateness.error_of(renewal)
        issuance = renewal.issuance
        params = issuance.error_params if issuance and issuance.is_open else renewal.error_params
        return f"{code}: {describe(code, params).title}" if code else ""

    @admin.display(description="Next try")
    def next_try(self, renewal: Renewal) -> datetime | None:
        return lateness.next_try(renewal)

    @admin.display(description="Valid until", ordering="certificate__not_after")
    def valid_until(self, renewal: Renewal) -> datetime | None:
        return renewal.certificate.not_after if renewal.certificate else None


@admin.register(CaOutage)
class CaOutageAdmin(ReadOnlyAdmin):
    list_display = ("directory_url", "since", "failures", "probe_at", "line_ends_at")


@admin.register(Replacement)
class ReplacementAdmin(ReadOnlyAdmin):
    list_display = ("what", "workspace", "reason", "revokes", "requested_by", "created_at", "ended_at", "error_code")
    list_select_related = ("workspace",)


@admin.register(ReplacedCertificate)
class ReplacedCertificateAdmin(ReadOnlyAdmin):
    list_display = ("certificate", "replacement", "state", "error_code", "changed_at")
    list_select_related = ("certificate", "replacement")
    list_filter = ("state",)
