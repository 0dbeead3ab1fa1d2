"""What every operation on a target begins with."""

import uuid

from django.shortcuts import get_object_or_404

from accounts.api import ApiRequest
from deploy.models import Target


def load_target(request: ApiRequest, key: uuid.UUID) -> Target:
    rows = Target.objects.for_workspace(request.workspace).select_related("server", "domain")
    return get_object_or_404(rows, pk=key)
