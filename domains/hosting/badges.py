"""A stored detection as its page and the API show it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from config.lib.errors import Wording, describe
from domains.hosting.platforms import LAYER_LABELS, PATHS, PLATFORMS, Layer, Path, PathWords
from domains.models import Hosting

_IN_ORDER = (Layer.PLATFORM, Layer.EDGE, Layer.PANEL, Layer.SERVER)


@dataclass(frozen=True)
class ShownBadge:
    label: str
    layer: str
    hint: str
    confidence: int
    because: list[str]


@dataclass(frozen=True)
class HostingShown:
    """`guesses` and `other_paths` are what is hidden until somebody doubts; `vendor` alone manages the certificate."""

    is_under_way: bool
    asked_at: datetime | None
    detected_at: datetime | None
    is_doubted: bool = False
    badges: list[ShownBadge] = field(default_factory=list)
    guesses: list[ShownBadge] = field(default_factory=list)
    notes: list[Wording] = field(default_factory=list)
    trouble: Wording | None = None
    distrust: str = ""
    path: PathWords | None = None
    because_of: str = ""
    other_paths: list[PathWords] = field(default_factory=list)
    vendor: str = ""
    ports: list[str] = field(default_factory=list)

    @property
    def shows_all(self) -> bool:
        """Without a recommendation, or with one that is doubted, every path is offered."""
        return self.is_doubted or self.path is None


def hosting_shown(row: Hosting) -> HostingShown:
    """The page's words for a detection; whatever the tables no longer know is left out."""
    results: Mapping[str, Any] = row.results
    path = results.get("path", "")
    return HostingShown(
        is_under_way=row.is_under_way,
        asked_at=row.asked_at,
        detected_at=row.detected_at,
        is_doubted=row.is_doubted,
        badges=_badges(results.get("badges", ())),
        guesses=_badges(results.get("guesses", ())),
        notes=[describe(note["code"], note["params"]) for note in results.get("notes", ())],
        trouble=describe(row.error_code, row.error_params) if row.error_code else None,
        distrust=results.get("distrust", ""),
        path=PATHS.get(path),
        because_of=_label(results.get("because_of", "")),
        other_paths=[words for key, words in PATHS.items() if key != path],
        vendor="" if row.is_doubted or path != Path.MONITOR else _label(results.get("vendor", "")),
        ports=[f"{port}: {state}" for port, state in results.get("ports", {}).items()],
    )


def _label(platform: str) -> str:
    return PLATFORMS[platform].label if platform in PLATFORMS else ""


def _badges(stored: Any) -> list[ShownBadge]:
    known = [one for one in stored if one["platform"] in PLATFORMS]
    known.sort(key=lambda one: _IN_ORDER.index(PLATFORMS[one["platform"]].layer))
    return [
        ShownBadge(
            label=PLATFORMS[one["platform"]].label,
            layer=LAYER_LABELS[PLATFORMS[one["platform"]].layer],
            hint=PLATFORMS[one["platform"]].hint,
            confidence=one["confidence"],
            because=one["because"],
        )
        for one in known
    ]


def show_hosting(row: Hosting | None) -> list[dict[str, Any]]:
    """As the API shows it: what is sure enough to be a badge."""
    badges = row.results.get("badges", ()) if row else ()
    return [{name: one[name] for name in ("platform", "confidence", "because")} for one in badges]
