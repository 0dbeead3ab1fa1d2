"""The drawing of the probes: what each bar says, how it looks without colour, and how much it weighs."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.template.loader import render_to_string

from domains.uptime.figures import PERIODS, buckets, step_of
from domains.uptime.packing import Probe
from domains.uptime.timeline import HEIGHT, WIDTH, Timeline, draw

NOW = datetime(2026, 11, 25, 12, 7, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
QUARTER = timedelta(minutes=15)


def drawn(probes: list[Probe], period: str = "24h", *, asks_http: bool = True) -> Timeline:
    since = NOW - PERIODS[period].length
    ordered = sorted(probes, key=lambda probe: probe.at)
    found = buckets(ordered, since, NOW, step_of(PERIODS[period], QUARTER), BERLIN)
    return draw(found, BERLIN, asks_http=asks_http)


def ago(minutes: float, status: int | None = 200, scheme: str = "https", milliseconds: int = 148) -> Probe:
    at = NOW - timedelta(minutes=minutes)
    return Probe(at, status, milliseconds if status else 0, scheme if status else "")


def html_of(timeline: Timeline) -> str:
    return render_to_string("domains/_timeline.html", {"timeline": timeline})


def last(timeline: Timeline) -> str:
    return timeline.bars[-1].title


def test_a_bar_of_one_probe_says_when_to_the_second_what_how_fast_and_over_what() -> None:
    assert last(drawn([ago(1)])) == "Wed 25 Nov 2026, 13:06:00 CET · Up · HTTP 200 · 148 ms · HTTPS"
    assert last(drawn([ago(1, 301, "http")])).endswith("Up over HTTP only · HTTP 301 · 148 ms · HTTP")
    assert last(drawn([ago(1, 503)])).endswith("Down · HTTP 503 · 148 ms · HTTPS")


def test_silence_is_told_by_what_was_asked() -> None:
    assert last(drawn([ago(1, None)])).endswith("Down · no answer over HTTPS or HTTP")
    assert last(drawn([ago(1, None)], asks_http=False)).endswith("Down · no answer over HTTPS")


def test_a_bar_of_several_probes_says_how_many_found_it_up() -> None:
    title = last(drawn([ago(3), ago(2, 503), ago(1, 200, "http", 90)]))
    assert title.startswith("Wed 25 Nov 2026, 13:00 to 13:15 CET · Partly down")
    assert "2 of 3 up: HTTP 200, HTTP 503" in title
    assert title.endswith("HTTPS and HTTP")


def test_a_time_without_looks_says_so_and_is_no_failure() -> None:
    timeline = drawn([ago(1)])
    assert timeline.bars[0].kind == "none"
    assert timeline.bars[0].title.endswith("Not looked")
    assert html_of(timeline).count("<a ") == 1


def test_each_state_differs_in_more_than_its_colour() -> None:
    html = html_of(drawn([ago(1), ago(20, 200, "http"), ago(70, None), ago(50, 500), ago(49, 200)]))
    bars = dict(re.findall(r'<a class="(\w+)"[^>]*>(.*?)</a>', html, re.DOTALL))
    assert set(bars) == {"up", "unsecured", "down", "partly"}
    assert "url(#" not in bars["up"]
    assert "timeline-rungs" in bars["unsecured"]
    for kind in ("down", "partly"):
        assert "timeline-hatch" in bars[kind]
        assert 'class="x"' in bars[kind]
    for word in ("Up", "Up over HTTP only", "Partly down", "Down", "Not looked"):
        assert f"</svg>{word}</li>" in html


def height(path: str) -> float:
    found = re.match(r"M[\d.]+ ([\d.]+)H[\d.]+V([\d.]+)", path)
    assert found
    return float(found[2]) - float(found[1])


def test_slower_answers_are_higher_and_failures_are_low() -> None:
    bars = drawn([ago(40, milliseconds=50), ago(25, milliseconds=200), ago(10, None)]).bars
    quick, slow, down = (bar for bar in bars if bar.kind != "none")
    assert height(slow.front) > 2 * height(quick.front) > height(down.front)


def test_one_very_slow_answer_does_not_flatten_the_others() -> None:
    probes = [ago(15 * place, milliseconds=150) for place in range(90, 1, -1)] + [ago(1, milliseconds=15_000)]
    bars = drawn(probes).bars
    assert height(bars[-3].front) > 50
    assert height(bars[-1].front) <= 160


@pytest.mark.parametrize("period", PERIODS)
def test_faces_recede_towards_the_middle_and_touch_no_neighbour(period: str) -> None:
    minutes = int(PERIODS[period].length.total_seconds() // 60)
    probes = [ago(one) for one in range(minutes - 1, 0, -15)]
    bars = drawn(probes, period).bars
    spans = [[float(x) for x in re.findall(r"[ML]([\d.]+) ", bar.top + bar.side)] for bar in bars]
    for before, after in pairwise(spans):
        assert max(before) <= min(after) + 0.11  # coordinates have one decimal
    fronts = [float(bar.front[1:].split(" ")[0]) for bar in bars]
    assert min(spans[0]) == fronts[0]
    assert max(spans[0]) > fronts[0]
    assert min(spans[-1]) < fronts[-1]
    assert bars[len(bars) // 2].side == "" or max(spans[len(bars) // 2]) - min(spans[len(bars) // 2]) < 12


def test_everything_lies_within_the_picture() -> None:
    html = html_of(drawn([ago(one, None if one % 7 else 200) for one in range(43_000, 0, -15)], "30d"))
    for numbers in re.findall(r'<path class="[fts]" d="M([^"]+)"', html):
        values = [float(number) for number in re.findall(r"[\d.]+", numbers)]
        assert min(values) >= 0
        assert max(values) <= max(WIDTH, HEIGHT)


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("statuses", [(200,), (None,), (200, 503, None, 301)])
def test_the_drawing_stays_under_60_kb_whatever_happened(period: str, statuses: tuple[int | None, ...]) -> None:
    minutes = int(PERIODS[period].length.total_seconds() // 60)
    probes = [ago(one, statuses[one % len(statuses)]) for one in range(minutes - 1, 0, -1)]
    html = html_of(drawn(probes, period))
    drawing = html[html.index("<svg") : html.index("</svg>")]
    assert len(drawing.encode()) < 60 * 1024
    assert len(html.encode()) < 80 * 1024


def test_every_bar_leads_to_its_row_of_the_table() -> None:
    html = html_of(drawn([ago(1), ago(20, 200, "http"), ago(40, None)]))
    links = re.findall(r'<a class="\w+" href="#(p\d+)"', html)
    assert links == re.findall(r'<tr id="(p\d+)"', html) != []
    assert "13:06:00 CET" in html[html.index("<table") :]


def test_nothing_in_it_needs_an_inline_style_or_script() -> None:
    html = html_of(drawn([ago(1), ago(40, None)]))
    assert "style=" not in html
    assert "<script" not in html


def test_the_days_are_those_of_the_workspace() -> None:
    """On the day the clocks of Berlin go back, two bars say the same hour in different words."""
    now = datetime(2026, 10, 25, 6, tzinfo=UTC)
    hours = [now - timedelta(hours=hour, minutes=-1) for hour in (6, 5)]
    found = buckets([Probe(at, 200, 9, "https") for at in hours], now - timedelta(hours=8), now, QUARTER, BERLIN)
    titles = [bar.title for bar in draw(found, BERLIN).bars if bar.kind == "up"]
    assert [title.split(" · ")[0] for title in titles] == [
        "Sun 25 Oct 2026, 02:01:00 CEST",
        "Sun 25 Oct 2026, 02:01:00 CET",
    ]
