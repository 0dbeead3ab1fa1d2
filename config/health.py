"""Liveness and readiness of one web process. Late work is never their business."""

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.access import public_view


@public_view("asked by load balancers")
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@public_view("asked by load balancers")
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when this process can serve, else 503 with what is missing."""
    reasons = [*_database_problems(), *([] if settings.SECRETS_ENCRYPTION_KEYS else ["no encryption key"])]
    return JsonResponse({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)


def _database_problems() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return [f"the database does not answer ({type(error).__name__})"]
    return [f"{len(missing)} migrations are not applied; run manage.py migrate"] if missing else []
