"""A chore is kept under its name, and SQLite would not say that it is too long."""

from accounts.chores import chores
from accounts.models import Chore


def test_names_of_chores_fit_their_column() -> None:
    most = Chore._meta.get_field("name").max_length
    assert most
    assert [name for name in chores.keys() if len(name) > most] == []  # noqa: SIM118  (a registry, not a dict)
