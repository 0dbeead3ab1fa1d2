"""When a deployment counts as serving, when it stays, and when it has to go back."""

import pytest

from deploy.proof import judge

NEW, OLD, OTHER = "new", "old", "other"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ({"443": OLD}, {"443": NEW}, "serving"),
        ({"443": ""}, {"443": NEW}, "serving"),
        ({"443": NEW}, {"443": NEW}, "serving"),
        ({"443": OLD, "465": OLD}, {"443": NEW, "465": NEW}, "serving"),
        ({"443": OLD}, {"443": OLD}, "installed"),
        ({"443": ""}, {"443": ""}, "installed"),
        ({"443": ""}, {"443": OTHER}, "installed"),
        ({}, {}, "installed"),
        ({"443": OLD, "465": OLD}, {"443": NEW, "465": OLD}, "installed"),
        ({"443": OLD}, {"443": ""}, "worse"),
        ({"443": OLD}, {"443": OTHER}, "worse"),
        ({"443": NEW}, {"443": OLD}, "worse"),
        ({"443": OLD, "465": OLD}, {"443": NEW, "465": ""}, "worse"),
    ],
)
def test_the_verdict_compares_what_was_served_before_and_after(
    before: dict[str, str], after: dict[str, str], verdict: str
) -> None:
    assert judge(wanted=NEW, before=before, after=after) == verdict
