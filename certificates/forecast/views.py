"""The page that looks ahead."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import Workspace
from certificates.forecast.forecasting import BREAKS, Forecast, Future, forecast
from certificates.forecast.holdings import holdings_of, rules_of
from certificates.window import shown_days
from config.lib import clock

PAGE = 40


@require_GET
@workspace_view("certificate.view")
def show_forecast(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
    """All dates summed up, and below one of them certificate by certificate, the most work first."""
    holdings, rows = holdings_of(workspace)
    forecasts = forecast(holdings, rules_of(workspace), clock.now())
    chosen = _chosen(forecasts, request.GET.get("at", ""))
    ordered = sorted(chosen.futures, key=lambda one: (not one.breaks, not one.holding.is_manual, -one.per_year))
    page = Paginator(ordered, PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "certificates",
        "forecasts": forecasts,
        "chosen": chosen,
        "page": page,
        "lines": [_line(one, rows) for one in page],
        "is_empty": not holdings,
    }
    return render(request, "certificates/forecast/forecast.html", context)


def _chosen(forecasts: list[Forecast], key: str) -> Forecast:
    """The one asked for, else the next to come."""
    coming = next((one for one in forecasts if not one.is_past), forecasts[-1])
    return next((one for one in forecasts if one.milestone.key == key), coming)


def _line(future: Future, rows: dict[str, Any]) -> dict[str, Any]:
    row = rows[future.holding.key]
    told = {"per_year": future.per_year, "days": shown_days(future.holding.lifetime)}
    return {
        "row": row,
        "future": future,
        "now_days": told["days"],
        "days": shown_days(future.lifetime),
        "is_shorter": future.lifetime < future.holding.lifetime,
        "breaks": [BREAKS[code].format_map(told) for code in future.breaks],
    }
