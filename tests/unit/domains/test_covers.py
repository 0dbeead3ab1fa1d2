"""What a proof reaches, and what a look at the DNS means."""

from typing import Any

import pytest

from domains.ownership import covers, enclosing, is_miss, is_seen


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("forge.org", True),
        ("FORGE.org.", True),
        ("www.forge.org", True),
        ("a.b.forge.org", True),
        ("*.forge.org", True),
        ("*.a.forge.org", True),
        ("notforge.org", False),
        ("forge.org.evil.net", False),
        ("org", False),
        ("*.org", False),
        ("", False),
        (".forge.org.", True),
    ],
)
def test_a_proof_reaches_the_host_and_every_name_below_it(name: str, covered: bool) -> None:
    assert covers("forge.org", name) is covered


def test_the_names_that_may_prove_a_host_end_below_the_top_level() -> None:
    assert enclosing("a.b.forge.org") == ["a.b.forge.org", "b.forge.org", "forge.org"]


def check(*seen: list[str] | None, method: str = "txt") -> dict[str, Any]:
    answers = [{"server": f"ns{n}", "values": values, "error": ""} for n, values in enumerate(seen)]
    return {"method": method, "name": "x", "expected": "mmc-1", "seen": answers}


YES, OTHER, NOTHING, SILENT = ["mmc-1"], ["mmc-2"], list[str](), None


@pytest.mark.parametrize(
    ("answers", "seen"),
    [
        ((YES,), True),
        ((YES, YES, SILENT), True),
        ((YES, YES, NOTHING), True),
        ((["other", "mmc-1"],), True),
        ((YES, NOTHING), False),
        ((YES, OTHER), False),
        ((OTHER,), False),
        ((SILENT, SILENT), False),
        ((), False),
        ((["mmc-1 "],), False),
        ((["MMC-1"],), False),
    ],
)
def test_most_servers_that_answer_must_show_the_very_value(answers: tuple[Any, ...], seen: bool) -> None:
    assert is_seen(check(*answers)) is seen


@pytest.mark.parametrize(
    ("answers", "missed"),
    [
        ((NOTHING, NOTHING), True),
        ((OTHER,), True),
        ((NOTHING, SILENT), True),
        ((SILENT, SILENT), False),
        ((), False),
        ((YES,), False),
    ],
)
def test_silence_of_the_dns_is_no_miss(answers: tuple[Any, ...], missed: bool) -> None:
    assert is_miss([check(*answers)]) is missed


def test_the_other_method_makes_up_for_a_missing_txt() -> None:
    assert not is_miss([check(NOTHING), check(YES, method="a")])
