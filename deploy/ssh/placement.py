"""Where certificates may be put: pure allow-lists for paths, file names, owners and command lines.

Quoting alone would be enough against injection; the allow-lists come first because a value
that looks harmless in a form must also look harmless in a sudoers line and in a log.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.lib.errors import NeedsUser

MAX_DIRECTORIES = 10
MAX_COMMANDS = 20
MAX_COMMAND = 500

STAGE_PREFIX = ".mmc-stage-"
PREVIOUS = ".mmc-previous"


@dataclass(frozen=True)
class File:
    """One of the four files: what it holds, its documented name and its mode."""

    part: str
    name: str
    mode: int
    holds: str


# In the order in which they are renamed into place: a reader that catches us in the middle finds
# a certificate whose key is not there yet for the shortest time.
FILES = (
    File("chain", "chain.pem", 0o644, "The issuing intermediates, without the leaf"),
    File("fullchain", "fullchain.pem", 0o644, "Leaf and intermediates; what most servers want"),
    File("cert", "cert.pem", 0o644, "The leaf certificate only"),
    File("key", "key.pem", 0o600, "The private key, readable to its owner only"),
)
SHOWN_ORDER = ("cert", "key", "chain", "fullchain")
DEFAULT_NAMES: Mapping[str, str] = {file.part: file.name for file in FILES}

_PATH = re.compile(r"/[A-Za-z0-9._@+/-]{1,200}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_OWNER = re.compile(r"[a-z_][a-z0-9_-]{0,31}(:[a-z_][a-z0-9_-]{0,31})?")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{0,31}")

# A certificate file in one of these is never what somebody meant, and with sudo it is a way to root.
_FORBIDDEN = re.compile(
    r"/(etc|usr|bin|sbin|lib|lib64|var|home|root|opt|srv|tmp)?"
    r"|/(boot|dev|proc|sys)(/.*)?"
    r"|/etc/(sudoers\.d|cron[^/]*|ssh|pam\.d|systemd|init\.d|profile\.d|ld\.so\.conf\.d|security|apt|skel)(/.*)?"
    r"|/var/spool/cron(/.*)?"
    r"|/(usr/|usr/local/)?(bin|sbin|lib|lib64)(/.*)?"
    r"|(/.*)?/\.ssh(/.*)?"
)


def check_directory(text: str) -> str:
    """An absolute directory without tricks, final slash removed; else NeedsUser('directory_not_allowed')."""
    path = text.strip()
    path = path[:-1] if len(path) > 1 and path.endswith("/") else path
    parts = path.split("/")[1:]
    odd = any(part in ("", ".", "..") or part.startswith(".mmc-") for part in parts)
    if not _PATH.fullmatch(path) or odd or _FORBIDDEN.fullmatch(path):
        raise NeedsUser("directory_not_allowed", path=shown(text))
    return path


def check_directories(lines: Iterable[str]) -> list[str]:
    """Each non-empty line as a directory, in order, without doubles; at most MAX_DIRECTORIES."""
    paths = list(dict.fromkeys(check_directory(line) for line in lines if line.strip()))
    if len(paths) > MAX_DIRECTORIES:
        raise NeedsUser("directories_too_many", limit=MAX_DIRECTORIES)
    return paths


def check_file_names(names: Mapping[str, str]) -> dict[str, str]:
    """All four names, the documented one where none is given; they must differ from each other."""
    chosen = {part: (names.get(part) or "").strip() or name for part, name in DEFAULT_NAMES.items()}
    for name in chosen.values():
        if not _NAME.fullmatch(name):
            raise NeedsUser("file_name_not_allowed", name=shown(name))
    if len(set(chosen.values())) < len(chosen):
        raise NeedsUser("file_names_same")
    return chosen


def check_owner(text: str) -> str:
    """`owner` or `owner:group`, or empty."""
    owner = text.strip()
    if owner and not _OWNER.fullmatch(owner):
        raise NeedsUser("owner_not_allowed", owner=shown(text))
    return owner


def check_username(text: str) -> str:
    name = text.strip()
    if not _USER.fullmatch(name):
        raise NeedsUser("username_not_allowed", username=shown(text))
    return name


def check_commands(lines: Iterable[str]) -> list[str]:
    """The reload commands as they were written, one per line. What they do is the admin's business."""
    commands = [line.strip() for line in lines if line.strip()]
    if len(commands) > MAX_COMMANDS:
        raise NeedsUser("commands_too_many", limit=MAX_COMMANDS)
    for command in commands:
        if len(command) > MAX_COMMAND or not command.isprintable():
            raise NeedsUser("command_not_allowed", command=shown(command), limit=MAX_COMMAND)
    return commands


def shown(text: str) -> str:
    """What somebody typed, safe to repeat in a message: printable and short."""
    printable = "".join(character if character.isprintable() else "?" for character in text.strip())
    return printable if len(printable) <= 80 else printable[:77] + "…"
