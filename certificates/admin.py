"""What staff may see: no secret has a form field, and nothing here is changed by hand."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.staff import ReadOnlyAdmin
from certificates.models import AcmeAccount, Authorization, Certificate, Delegation, Issuance, PrivateKey, Revocation


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
