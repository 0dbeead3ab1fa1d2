"""Typed settings from the environment, `.env` and `NAME_FILE`, with every problem reported at once.

A reader never raises: it notes what is wrong and returns a harmless stand-in, so that a
person who starts the portal for the first time sees all mistakes in one go (`Env.check`).
"""

import ipaddress
import os
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})


class SettingsError(SystemExit):
    """The settings cannot be used; the message names every problem and its remedy. Exit status 1."""


def read_dotenv(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a `.env` file; quotes around a value are dropped. Missing file: {}."""
    if not path.is_file():
        return {}
    pairs: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            pairs[name.removeprefix("export ").strip()] = _unquoted(value.strip())
    return pairs


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


class Env:
    """Reads names from a mapping (the environment laid over `.env`) and collects complaints."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.problems: list[str] = []
        self.names: list[str] = []

    @classmethod
    def load(cls, dotenv: Path) -> "Env":
        """The process environment wins over the `.env` file."""
        return cls({**read_dotenv(dotenv), **os.environ})

    def forget(self, *names: str) -> None:
        """Drop secrets (and their NAME_FILE) that this process has no business to know."""
        hidden = {*names, *(f"{name}_FILE" for name in names)}
        self.values = {name: value for name, value in self.values.items() if name not in hidden}

    def text(self, name: str, default: str = "") -> str:
        self.names.append(name)
        return self.values.get(name, "").strip() or default

    def secret(self, name: str) -> str:
        """A secret from NAME, or from the file that NAME_FILE names (Docker and systemd credentials)."""
        inline = self.text(name)
        path = self.values.get(f"{name}_FILE", "").strip()
        if inline or not path:
            return inline
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            self.complain(f"{name}_FILE", f"cannot be read ({error.strerror}): {path}")
            return ""

    def flag(self, name: str, default: bool = False) -> bool:
        word = self.text(name, "on" if default else "off").lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            self.complain(name, f"is {word!r}; use on or off")
        return word in TRUE_WORDS

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        return self._parsed(
            name, str(default), default, int, lambda n: low <= n <= high, f"a whole number from {low} to {high}"
        )

    def money(self, name: str, default: str) -> Decimal:
        def is_amount(told: Decimal) -> bool:
            return told.is_finite() and told >= 0

        return self._parsed(name, default, Decimal(default), Decimal, is_amount, "an amount in dollars such as 3.00")

    def api_base(self, name: str, default: str) -> str:
        """Where a vendor's API is, without a slash at its end: what is sent there are keys, so only over TLS."""
        found = urlsplit(self.text(name, default).rstrip("/"))
        is_near = found.scheme == "http" and found.hostname in ("127.0.0.1", "::1", "localhost")
        if not found.hostname or not (found.scheme == "https" or is_near):
            self.complain(name, "has to begin with https:// (http:// only for a stand-in on this machine)")
            return default
        return found.geturl()

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        return self._parsed(name, default, default, str, lambda w: w in allowed, f"one of {', '.join(allowed)}")

    def words(self, name: str, default: str = "") -> tuple[str, ...]:
        return tuple(word.strip() for word in self.text(name, default).split(",") if word.strip())

    def addresses(self, name: str, default_port: int) -> tuple[tuple[str, int], ...]:
        """Comma separated `host[:port]` or `[v6]:port`."""
        return tuple(self.address(name, word, default_port) for word in self.words(name))

    def address(self, name: str, word: str, default_port: int) -> tuple[str, int]:
        host, _, port = word.rpartition(":") if _has_port(word) else (word, "", str(default_port))
        if not port.isdigit() or not 0 < int(port) < 65536:
            self.complain(name, f"has {word!r}; write host:port with a port from 1 to 65535")
            return (host, default_port)
        return (host.strip("[]"), int(port))

    def networks(self, name: str) -> tuple[Network, ...]:
        found: list[Network] = []
        for word in self.words(name):
            try:
                found.append(ipaddress.ip_network(word))
            except ValueError:
                self.complain(name, f"has {word!r}; write ranges such as 10.0.0.0/8,fd00::/8")
        return tuple(found)

    def ports(self, name: str) -> frozenset[int]:
        """Comma separated port numbers."""
        found = set()
        for word in self.words(name):
            if word.isdecimal() and 0 < int(word) < 65536:
                found.add(int(word))
            else:
                self.complain(name, f"has {word!r}; write ports from 1 to 65535, separated by commas")
        return frozenset(found)

    def complain(self, name: str, what: str) -> None:
        self.problems.append(f"{name} {what}.")

    def check(self) -> None:
        """Stop the start with everything that is wrong; blocks nothing when all is well."""
        if self.problems:
            lines = "\n".join(f"  - {problem}" for problem in self.problems)
            raise SettingsError(f"The settings cannot be used:\n{lines}\nSee .env.example for every setting.")

    def _parsed[T](
        self, name: str, text: str, default: T, parse: Callable[[str], T], good: Callable[[T], bool], wanted: str
    ) -> T:
        word = self.text(name, text)
        try:
            value = parse(word)
        except (ValueError, InvalidOperation):
            value = None
        if value is not None and good(value):
            return value
        self.complain(name, f"is {word!r}; use {wanted}")
        return default


def is_address(host: str) -> bool:
    """Whether a host is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _has_port(word: str) -> bool:
    return word.count(":") == 1 or "]:" in word
