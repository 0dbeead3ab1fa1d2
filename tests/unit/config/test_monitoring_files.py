"""The dashboard and the alert rules that are given out ask for what /metrics has, and for nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.core.cache import cache
from django.test import Client

from auditlog.events import SYSTEM
from config.lib import clock
from config.models import Heartbeat
from domains.add import add_domain
from domains.findings import open_finding
from tests.cast import make_cast
from tests.servers.places import ROOT
from tests.unit.config.exposition import Metric, read_exposition
from tests.unit.domains.seen import see

pytestmark = pytest.mark.django_db

FILES = ROOT / "docs" / "operating"
BOARD: dict[str, Any] = json.loads((FILES / "dashboard.json").read_text())
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FILES / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
OPERATING = (ROOT / "docs" / "operating.md").read_text()
_SERIES = re.compile(r"(mmc_[a-z0-9_]+)(?:\{([^}]*)\})?")
_BY = re.compile(r"by \(([a-z, ]+)\) \((mmc_[a-z0-9_]+)")


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in BOARD["panels"] for target in panel["targets"])


@pytest.fixture
def exported() -> dict[str, Metric]:
    """Every family, each with a sample."""
    cache.clear()
    domain = add_domain(workspace=make_cast().acme, actor=SYSTEM, hostname="www.forge.org")
    see(domain, [])
    open_finding(domain=domain, source="test", code="site_down", params={}, severity="critical", needs_user=True)
    Heartbeat.objects.create(queue="work", at=clock.now())
    return read_exposition(Client().get("/metrics").content.decode())


def labels_of(metric: Metric) -> set[str]:
    return {name for labels in metric.samples for name, _ in labels}


def test_every_series_that_is_asked_for_is_exported_with_the_labels_that_are_used(exported: dict[str, Metric]) -> None:
    for expression in expressions():
        for name, matchers in _SERIES.findall(expression):
            assert name in exported, expression
            assert set(re.findall(r"([a-z_]+)!?=", matchers)) <= labels_of(exported[name]), expression
        for labels, name in _BY.findall(expression):
            assert set(labels.split(", ")) == labels_of(exported[name]), expression


def test_no_figure_is_forgotten(exported: dict[str, Metric]) -> None:
    """What is exported is on the dashboard, and in the table of the documentation with its labels."""
    shown = {name for panel in BOARD["panels"] for target in panel["targets"] for name in _names(target["expr"])}
    assert shown == set(exported)
    told = dict(re.findall(r"^\| `(mmc_[a-z0-9_]+)(?:\{([a-z_,]+)\})?` \|", OPERATING, flags=re.MULTILINE))
    assert {name: set(filter(None, labels.split(","))) for name, labels in told.items()} == {
        name: labels_of(metric) for name, metric in exported.items()
    }


def _names(expression: str) -> set[str]:
    return {name for name, _ in _SERIES.findall(expression)}


def test_values_of_labels_are_such_as_there_are(exported: dict[str, Metric]) -> None:
    values = {(name, value) for metric in exported.values() for labels in metric.samples for name, value in labels}
    matcher = re.compile(r'(state|severity|held_by)!?="([a-z_]+)"')
    used = [pair for expression in expressions() for pair in matcher.findall(expression)]
    assert used
    assert set(used) <= values


def test_every_rule_says_what_to_do() -> None:
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "todo"}
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names)) >= 6


def test_brackets_and_quotes_are_balanced() -> None:
    for expression in expressions():
        for pair in ("()", "{}", "[]"):
            assert expression.count(pair[0]) == expression.count(pair[1]), expression
        assert expression.count('"') % 2 == 0


def test_panels_do_not_overlap_and_take_their_source_from_the_variable() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        cells |= own
        assert panel["datasource"]["uid"] == "${source}"
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
