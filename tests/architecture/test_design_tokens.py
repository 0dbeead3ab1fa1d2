"""Text and controls keep WCAG 2.2 AA contrast in both themes, whatever is done to the colours."""

import re

import pytest
from django.conf import settings

SOURCE = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text(encoding="utf-8")
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", SOURCE)
}
TEXT, CONTROL = 4.5, 3.0

PAIRS = [
    *((ink, ground, TEXT) for ink in ("ink", "soft", "accent") for ground in ("paper", "card", "wash")),
    *((ink, ground, TEXT) for ink in ("ok", "due", "bad", "idle") for ground in ("paper", "card")),
    *((tone, f"{tone}-wash", TEXT) for tone in ("ok", "due", "bad", "accent")),
    *(("ink", f"{tone}-wash", TEXT) for tone in ("ok", "due", "bad", "accent")),
    *(("accent", f"{tone}-wash", TEXT) for tone in ("ok", "due", "bad")),
    *(("soft", f"{tone}-wash", TEXT) for tone in ("due", "bad", "accent")),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("edge", "card", CONTROL),
    ("edge", "paper", CONTROL),
    ("accent", "paper", CONTROL),
]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_colours_are_told_apart(theme: int, ink: str, ground: str, least: float) -> None:
    assert contrast(COLOURS[ink][theme], COLOURS[ground][theme]) >= least


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
