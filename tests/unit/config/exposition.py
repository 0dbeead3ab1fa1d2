"""A strict reader of Prometheus' text format 0.0.4, for tests.

https://prometheus.io/docs/instrumenting/exposition_formats/ and the naming rules of promtool's linter.
"""

import re
from dataclasses import dataclass, field

_METRIC = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_COMMENT = re.compile(rf"# (?P<what>HELP|TYPE) (?P<name>{_METRIC}) (?P<rest>.*)")
_SAMPLE = re.compile(rf"(?P<name>{_METRIC})(\{{(?P<labels>.*)\}})? (?P<value>\S+)")
_LABEL = re.compile(r'(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?P<value>(?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
_UNESCAPED = re.compile(r"\\(.)")
# promtool check metrics: base units, no type in the name.
_BAD_UNITS = re.compile(r"_(milliseconds|minutes|hours|days|kilobytes|percent|counter|gauge)(_|$)")


@dataclass
class Metric:
    kind: str = ""
    help: str = ""
    samples: dict[tuple[tuple[str, str], ...], float] = field(default_factory=dict)

    def value(self, **labels: str) -> float:
        return self.samples[tuple(sorted(labels.items()))]


def read_exposition(text: str) -> dict[str, Metric]:
    """Every family by its name. Raises AssertionError where the text breaks a rule of the format or of names."""
    assert text.endswith("\n"), "the last line must end with a line feed"
    assert "\r" not in text
    found: dict[str, Metric] = {}
    current = ""
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("#"):
            current = _take_comment(found, line, current)
        else:
            _take_sample(found, line, current)
    for name, metric in found.items():
        _lint(name, metric)
    return found


def _take_comment(found: dict[str, Metric], line: str, current: str) -> str:
    comment = _COMMENT.fullmatch(line)
    assert comment, line
    name = comment["name"]
    assert name == current or name not in found, f"{name} must be one group"
    metric = found.setdefault(name, Metric())
    if comment["what"] == "HELP":
        assert not metric.help, f"{name} has two HELP lines"
        assert not re.search(r"(?<!\\)(\\\\)*\\[^\\n]", comment["rest"])
        metric.help = comment["rest"]
    else:
        assert not metric.kind, f"{name} has two TYPE lines"
        assert not metric.samples, f"TYPE of {name} must stand before its samples"
        metric.kind = comment["rest"]
    return name


def _take_sample(found: dict[str, Metric], line: str, current: str) -> None:
    sample = _SAMPLE.fullmatch(line)
    assert sample, line
    assert sample["name"] == current, f"{line}: outside of its group"
    labels = tuple(sorted(_labels(sample["labels"] or "")))
    assert len({name for name, _ in labels}) == len(labels), f"{line}: a label twice"
    assert labels not in found[current].samples, f"{line}: the same series twice"
    found[current].samples[labels] = float(sample["value"].replace("Inf", "inf"))


def _labels(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        label = _LABEL.match(text, at)
        assert label, text
        value = _UNESCAPED.sub(lambda one: "\n" if one[1] == "n" else one[1], label["value"])
        found.append((label["name"], value))
        at = label.end()
    return found


def _lint(name: str, metric: Metric) -> None:
    assert metric.help, f"{name} has no HELP"
    assert metric.kind in ("counter", "gauge"), f"{name}: {metric.kind}"
    assert name.endswith("_total") == (metric.kind == "counter"), name
    assert not _BAD_UNITS.search(name), name
    assert all(not label.startswith("__") for labels in metric.samples for label, _ in labels)
    if metric.kind == "counter":
        assert all(value >= 0 for value in metric.samples.values())
