"""The first start writes what is missing, and nothing twice."""

import stat
from pathlib import Path

import pytest

from config.first_start import write_missing_keys
from config.lib.env import read_dotenv


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "SECRETS_ENCRYPTION_KEY", "SECRETS_ENCRYPTION_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_keys_are_written_once_for_the_owner_alone(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    assert write_missing_keys(dotenv) == ["SECRET_KEY", "SECRETS_ENCRYPTION_KEY"]
    first = dotenv.read_text()
    assert stat.S_IMODE(dotenv.stat().st_mode) == 0o600
    assert len(read_dotenv(dotenv)["SECRETS_ENCRYPTION_KEY"]) == 64
    assert write_missing_keys(dotenv) == []
    assert dotenv.read_text() == first


def test_what_the_environment_has_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "mine")
    monkeypatch.setenv("SECRETS_ENCRYPTION_KEY_FILE", "/run/secrets/key")
    assert write_missing_keys(tmp_path / ".env") == []
    assert not (tmp_path / ".env").exists()


def test_a_hand_written_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SITE_NAME=Certs\n")
    write_missing_keys(tmp_path / ".env")
    assert read_dotenv(tmp_path / ".env")["SITE_NAME"] == "Certs"
