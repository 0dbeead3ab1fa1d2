"""One catalogue words every code."""

import pytest

from config.lib.errors import Entry, catalogue, describe, register


@pytest.fixture(autouse=True)
def _words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_items", dict(catalogue._items))
    register({"test_code": Entry("{host} refused", "Port {port} is closed.", "Open it.", "nc -vz {host} {port}")})


def test_parameters_are_filled_in() -> None:
    wording = describe("test_code", {"host": "a.example", "port": 22})
    assert (wording.title, wording.paste) == ("a.example refused", "nc -vz a.example 22")


def test_a_missing_parameter_reads_as_an_ellipsis_and_fails_no_page() -> None:
    assert describe("test_code", {"host": "a.example"}).why == "Port … is closed."


def test_lists_read_as_lists() -> None:
    assert describe("test_code", {"host": ["a", "b"]}).title == "a, b refused"


def test_braces_in_a_value_are_left_alone() -> None:
    assert describe("test_code", {"host": "{port}"}).title == "{port} refused"


def test_an_unworded_code_still_says_which_it_is() -> None:
    assert "nobody_worded_this" in describe("nobody_worded_this").title


def test_a_code_is_worded_once() -> None:
    with pytest.raises(RuntimeError, match="twice"):
        register({"test_code": Entry("", "", "")})
