"""One line of the result, and how alternating runs become one figure."""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """`ratio` is ours divided by the peer's, the median of neighbouring runs."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float
    ratio: float
    runs: int
    note: str


def alternate(
    ours: Callable[[], Sequence[float]], peer: Callable[[], Sequence[float]], runs: int
) -> tuple[list[Sequence[float]], list[Sequence[float]]]:
    """Ours, peer, ours, peer …: what else the machine does then hits both alike."""
    pairs = [(ours(), peer()) for _ in range(runs)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def figure(name: str, unit: str, peer: str, ours: Sequence[float], theirs: Sequence[float], note: str) -> Figure:
    """Medians of both, and the median of the ratios pair by pair."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    spread = f"ratio {min(ratios):.2f} to {max(ratios):.2f}"
    return Figure(
        name=name,
        value=round(statistics.median(ours), 4),
        unit=unit,
        peer=peer,
        peer_value=round(statistics.median(theirs), 4),
        ratio=round(statistics.median(ratios), 3),
        runs=len(ratios),
        note=f"{note}; {spread}",
    )


def write(figures: Sequence[Figure], path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n")


def table(figures: Sequence[Figure]) -> str:
    rows = [("what", "ours", "peer", "ratio", "unit", "runs")]
    rows += [
        (one.name, f"{one.value:g}", f"{one.peer_value:g} ({one.peer})", f"{one.ratio:.2f}x", one.unit, str(one.runs))
        for one in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
