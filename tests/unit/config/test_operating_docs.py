"""What the guide for operators tells people to type exists."""

import re

from django.core.management import get_commands, load_command_class

from tests.servers.places import ROOT
from tests.servers.portal import documented_settings

GUIDE = (ROOT / "docs" / "operating.md").read_text()
OURS = {"backup", "restore", "resume", "doctor", "rotate_encryption_key"}


def test_every_command_exists_and_says_what_it_does() -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", GUIDE)) - {"run"}
    assert named >= OURS
    commands = get_commands()
    for name in named:
        assert name in commands
    for name in OURS:
        assert load_command_class("config", name).help


def test_every_setting_that_is_named_is_one() -> None:
    named = set(re.findall(r"`([A-Z][A-Z]+_[A-Z_]+)[`=]", GUIDE))
    assert named
    assert named <= {*documented_settings(), "NAME_FILE"}


def test_every_section_that_is_linked_is_there() -> None:
    headings = {
        re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in re.findall(r"^## (.+)$", GUIDE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([a-z-]+)\)", GUIDE)) <= headings


def test_every_file_that_is_named_is_there() -> None:
    for name in re.findall(r"`(docs/operating/[a-z.]+)`", GUIDE):
        assert (ROOT / name).is_file()
