"""The badge says what is worst, fits its words, and is an image that shows no host and runs nothing."""

import re
from xml.etree import ElementTree as ET

import pytest

from domains.feeds.badge import Summary, draw_badge, summarize

_SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("counts", "words", "tone"),
    [
        ({"ok": 42}, "42 ok", "good"),
        ({"ok": 40, "expiring": 1, "renewal_due": 1}, "2 expiring", "due"),
        ({"ok": 40, "expiring": 2, "problem": 1, "unreachable": 2}, "3 failing", "bad"),
        ({"ok": 40, "problem": 7, "expired": 1}, "1 expired", "bad"),
        ({"unverified": 3, "no_certificate": 2}, "none yet", "idle"),
        ({}, "none yet", "idle"),
    ],
)
def test_what_is_worst_is_said_with_how_many(counts: dict[str, int], words: str, tone: str) -> None:
    assert summarize(counts) == Summary(words, tone)


@pytest.mark.parametrize("count", [1, 42, 9999, 1_000_000])
def test_it_is_as_wide_as_its_words(count: int) -> None:
    svg = ET.fromstring(draw_badge(summarize({"ok": count})))  # noqa: S314  (our own)
    label, words = svg.findall(f".//{_SVG}text")
    ends = float(words.attrib["x"]) + float(words.attrib["textLength"])
    assert float(label.attrib["x"]) + float(label.attrib["textLength"]) < float(words.attrib["x"])
    assert ends + 6 == float(svg.attrib["width"])


def test_it_has_a_title_and_nothing_that_runs_or_is_fetched() -> None:
    drawn = draw_badge(summarize({"ok": 42}))
    svg = ET.fromstring(drawn)  # noqa: S314  (our own)
    assert svg.attrib["role"] == "img"
    assert svg.findtext(f"{_SVG}title") == svg.attrib["aria-label"] == "certificates: 42 ok"
    assert {element.tag.removeprefix(_SVG) for element in svg.iter()} == {"svg", "title", "rect", "path", "g", "text"}
    names = {name for element in svg.iter() for name in element.attrib}
    assert not {name for name in names if name.startswith("on") or "href" in name or name == "style"}
    assert re.findall(r"https?://[^\"]+", drawn) == ["http://www.w3.org/2000/svg"]


def test_its_words_can_be_read_on_their_colour() -> None:
    """WCAG 2.2 1.4.3: 4.5 : 1 for text of this size."""
    for tone in ("bad", "due", "good", "idle"):
        fills = re.findall(r'<path[^>]* fill="(#\w{6})"', draw_badge(Summary("1 ok", tone)))
        assert len(fills) == 2
        assert all(1.05 / (_luminance(fill) + 0.05) >= 4.5 for fill in fills)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
