"""The room's API router, and the rows that its operations are about."""

import uuid

from django.shortcuts import get_object_or_404
from ninja import Router

from accounts.api import ApiRequest, routers
from certificates.models import Certificate, Issuance

router = Router(tags=["Certificates"])
routers.add("certificates", router)


def load_issuance(request: ApiRequest, key: uuid.UUID) -> Issuance:
    rows = Issuance.objects.for_workspace(request.workspace).select_related("domain", "workspace")
    return get_object_or_404(rows, pk=key)


def load_certificate(request: ApiRequest, key: uuid.UUID) -> Certificate:
    rows = Certificate.objects.for_workspace(request.workspace).select_related("domain", "private_key", "revocation")
    return get_object_or_404(rows, pk=key)
