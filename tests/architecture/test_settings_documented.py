"""`.env.example` names exactly the settings that the portal reads."""

from config import settings
from tests.servers.places import ROOT
from tests.servers.portal import documented_settings

ONLY_FOR_COMPOSE = {"POSTGRES_PASSWORD"}


def test_the_example_names_every_setting_and_no_other() -> None:
    named = documented_settings()
    assert len(named) == len(set(named))
    assert set(named) - ONLY_FOR_COMPOSE == set(settings.env.names)


def test_the_example_sets_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
