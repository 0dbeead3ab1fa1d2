"""Panels as the Renew & deploy tab shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.lib.errors import Wording, describe
from deploy.models import PanelTarget, TargetRun
from deploy.panels.accounts import FOREIGN
from deploy.panels.known import panels
from deploy.panels.naming import panel_label
from deploy.panels.offers import offers_for
from deploy.panels.panel import Panel
from deploy.shown import STEPS, ShownRun, show_run
from domains.models import Domain, Mode


@dataclass(frozen=True)
class ShownSite:
    site: str
    state: str
    detail: str
    wording: Wording | None
    # Somebody's own certificate there, which may be replaced when a person says so.
    is_foreign: bool


@dataclass(frozen=True)
class ShownPanel:
    """A domain at a panel with its last test. `to_trust` is the certificate that it showed and nobody has pinned."""

    place: PanelTarget
    label: str
    panel: Panel
    test: ShownRun | None
    to_trust: str
    sites: Sequence[ShownSite]

    @property
    def is_live(self) -> bool:
        return self.test is not None and self.test.run.is_open


def install_context(domain: Domain, *, has_servers: bool) -> dict[str, Any]:
    """What the tab's template needs. A vendor hides the forms, whatever the mode, unless somebody has filled one in.

    What is set up has to be reached all the same: then the reason stands above it.
    """
    shown = panels_of(domain)
    offers = offers_for(domain, {one.panel.name for one in shown})
    return {
        "panels": shown,
        "offers": offers,
        "vendor": offers.vendor,
        "is_hidden": bool(offers.vendor) and not has_servers and not shown,
        "is_monitored_only": domain.mode == Mode.MONITOR,
        "open_others": not (offers.first or offers.by_hand or shown),
    }


def panels_of(domain: Domain) -> list[ShownPanel]:
    rows = PanelTarget.objects.for_workspace(domain.workspace_id).filter(domain=domain)
    found = list(rows.select_related("account", "domain").order_by("created_at"))
    tests = _latest_tests(found)
    return [show_panel(place, tests.get(place.pk)) for place in found]


def _latest_tests(places: Sequence[PanelTarget]) -> dict[Any, ShownRun]:
    """The last `Test` of each; a domain has few panels, and a panel few tests."""
    if not places:
        return {}
    rows = TargetRun.objects.for_workspace(places[0].workspace_id).filter(kind=TargetRun.Kind.TEST)
    found = rows.filter(panel_target__in=places).order_by("created_at").prefetch_related(STEPS)
    newest = {run.panel_target_id: run for run in found}
    return {key: show_run(run) for key, run in newest.items()}


def show_panel(place: PanelTarget, test: ShownRun | None) -> ShownPanel:
    account = place.account
    seen = account.seen_fingerprint
    return ShownPanel(
        place=place,
        label=panel_label(account),
        panel=panels.get(account.kind),
        test=test,
        to_trust=seen if seen != account.fingerprint_sha256 else "",
        sites=[_site(one) for one in place.sites],
    )


def _site(one: dict[str, Any]) -> ShownSite:
    wording = describe(one["code"], one["params"]) if one["code"] else None
    state = "failed" if one["state"] == "failed" else "ok"
    return ShownSite(one["site"], state, one["detail"], wording, one["code"] == FOREIGN)
