"""Which mistake explains what the name servers said."""

import pytest

from certificates.dns.mistakes import doubled_name, in_words, mistake_in

VALUE = "NZ0qTnyXbsRduWvE3lcpYKh_7aUuVnFqkvJ9nQxZ8w0"
OTHER = "MZ0qTnyXbsRduWvE3lcpYKh_7aUuVnFqkvJ9nQxZ8w1"


@pytest.mark.parametrize(
    ("found", "siblings", "mistake"),
    [
        ([], [], ""),
        (["v=spf1 -all"], [], ""),
        ([f'"{VALUE}"'], [], "quoted"),
        (["mmc-abc"], [], "verify_token"),
        ([OTHER], [], "old_value"),
        ([f'"{OTHER}"'], [], "old_value"),
        ([OTHER], [OTHER], "one_of_two"),
    ],
)
def test_what_is_there_tells_what_went_wrong(found: list[str], siblings: list[str], mistake: str) -> None:
    assert mistake_in(VALUE, found, siblings) == mistake
    assert bool(in_words(mistake, "")) is bool(mistake)


def test_where_a_form_doubles_the_zone() -> None:
    name = doubled_name("_acme-challenge.example.com", "example.com")
    assert name == "_acme-challenge.example.com.example.com"
    assert name in in_words("doubled", name)
    assert doubled_name("a" * 250, "example.com") == ""
