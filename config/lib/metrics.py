"""Figures for Prometheus: rooms register what they count, one page writes it in its text format.

https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4. No label may name a host, a
workspace or a person: the figures are those of the whole portal, and whoever reads them sees no tenant.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from config.lib.registry import Registry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NAME = re.compile(r"mmc_[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Family:
    """One metric with its samples, each `(labels, value)`; a counter's name ends in `_total`."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: Sequence[tuple[Mapping[str, str], float]]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name.endswith("_total") != (self.kind == "counter"):
            raise ValueError(f"{self.name} is no name for a {self.kind}")


# Each asks the database a constant number of times, whatever it holds.
type Collect = Callable[[], Iterable[Family]]
collectors: Registry[Collect] = Registry("metrics")


def written(families: Iterable[Family]) -> str:
    """The families in the text format, each with HELP and TYPE, ending in a line feed."""
    return "".join(line for family in families for line in _lines(family))


def _lines(family: Family) -> Iterable[str]:
    yield f"# HELP {family.name} {_escaped(family.help)}\n"
    yield f"# TYPE {family.name} {family.kind}\n"
    for labels, value in family.samples:
        inner = ",".join(f'{name}="{_quoted(text)}"' for name, text in labels.items())
        yield f"{family.name}{{{inner}}} {_number(value)}\n" if inner else f"{family.name} {_number(value)}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(round(value, 3))
