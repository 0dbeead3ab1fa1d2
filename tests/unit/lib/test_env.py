"""Settings are typed, and every problem is reported at once."""

from decimal import Decimal
from pathlib import Path

import pytest

from config.lib.env import Env, SettingsError, read_dotenv


def test_every_problem_is_named_at_once_with_its_remedy() -> None:
    env = Env({"DEBUG": "perhaps", "PORT": "70000", "NETS": "10.0.0.0/8,nonsense", "PRICE": "three"})
    env.flag("DEBUG")
    env.number("PORT", 25, low=1, high=65535)
    env.networks("NETS")
    env.money("PRICE", "3.00")
    with pytest.raises(SettingsError) as caught:
        env.check()
    message = str(caught.value)
    for name in ("DEBUG", "PORT", "NETS", "PRICE"):
        assert name in message
    assert "'nonsense'" in message
    assert "from 1 to 65535" in message


def test_good_values_are_typed() -> None:
    env = Env({"A": "on", "N": "7", "M": "3.50", "W": "a, b,,c", "D": "127.0.0.1:8053,[::1]:54,dns.test"})
    assert env.flag("A") is True
    assert env.number("N", 1, low=0, high=9) == 7
    assert env.money("M", "0") == Decimal("3.50")
    assert env.words("W") == ("a", "b", "c")
    assert env.addresses("D", 53) == (("127.0.0.1", 8053), ("::1", 54), ("dns.test", 53))
    env.check()


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1", "x"])
def test_an_amount_is_a_number_of_dollars(amount: str) -> None:
    env = Env({"PRICE": amount})
    assert env.money("PRICE", "3.00") == Decimal("3.00")
    with pytest.raises(SettingsError, match="PRICE is"):
        env.check()


def test_keys_are_sent_to_a_vendor_over_tls_only() -> None:
    for good in ("https://api.stripe.com/", "http://127.0.0.1:8420", "http://[::1]:8420", "http://localhost:1/x"):
        env = Env({"BASE": good})
        assert env.api_base("BASE", "https://x.test") == good.rstrip("/")
        env.check()
    for wrong in ("http://api.stripe.com", "http://127.0.0.1.evil.test", "ftp://x.test", "api.stripe.com", "https://"):
        env = Env({"BASE": wrong})
        assert env.api_base("BASE", "https://x.test") == "https://x.test"
        with pytest.raises(SettingsError, match="BASE has to begin with https"):
            env.check()


def test_ports_are_numbers_and_each_wrong_one_is_named() -> None:
    assert Env({"P": "444, 981"}).ports("P") == {444, 981}
    assert Env({}).ports("P") == frozenset()
    env = Env({"P": "444,0,https,70000,-1"})
    assert env.ports("P") == {444}
    assert [problem.split("'")[1] for problem in env.problems] == ["0", "https", "70000", "-1"]


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    assert Env({"KEY_FILE": str(tmp_path / "key")}).secret("KEY") == "s3cret"


def test_a_secret_file_that_is_missing_is_a_problem(tmp_path: Path) -> None:
    env = Env({"KEY_FILE": str(tmp_path / "none")})
    assert env.secret("KEY") == ""
    assert "KEY_FILE" in env.problems[0]


def test_the_environment_wins_over_the_dotenv_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("# comment\nONE='from file'\nexport TWO=2\nBROKEN\n")
    monkeypatch.setenv("ONE", "from environment")
    env = Env.load(tmp_path / ".env")
    assert (env.text("ONE"), env.text("TWO")) == ("from environment", "2")


def test_a_missing_dotenv_file_is_empty(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path / "nowhere") == {}


def test_what_is_forgotten_is_gone_from_the_process_values(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret")
    env = Env({"KEY": "inline", "KEY_FILE": str(tmp_path / "key"), "OTHER": "kept"})
    env.forget("KEY")
    assert env.secret("KEY") == ""
    assert env.values == {"OTHER": "kept"}
