"""What `sudo -l` lists: whether it would ask for a password before it runs a command. Pure.

`sudo -n -l -- command` does not tell: by default (listpw=any) it ends with 0 for a command that needs a password, as
soon as any other one needs none.
"""

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_HEAD = "may run the following commands"
# With the first nobody is asked; of the second only sudo knows whether this user is in the group.
_ASKING_NOBODY = ("!authenticate", "exempt_group=")
# Options and tags, such as CWD=/srv NOEXEC: NOPASSWD:
_TAGS = re.compile(r"(?:[A-Z_]+(?:=\S+|:)\s+)+")
_DIGEST = re.compile(r"sha\d+:\S+\s+")
_MERGED = re.compile(r"^(?:/usr)?/s?bin/")


@dataclass(frozen=True)
class _Rule:
    """One command of the list; `arguments` None: with any."""

    program: str
    arguments: str | None
    is_free: bool

    def covers(self, argv: Sequence[str]) -> bool:
        if self.program == "ALL":
            return True
        asked = _merged(argv[0])
        wanted = f"{self.program}*" if self.program.endswith("/") else self.program
        # The slash of a directory is no part of what a sign may stand for.
        if posixpath.dirname(asked) != posixpath.dirname(wanted) or not fnmatch.fnmatchcase(asked, wanted):
            return False
        given = " ".join(argv[1:])
        return self.arguments is None or fnmatch.fnmatchcase(given, self.arguments)


def asks_for_password(listed: str, argv: Sequence[str]) -> bool:
    """Whether sudo, which allows `argv` (absolute path first), wants a password for it. The last rule counts.

    False, too, where none of the list is recognised: then sudo's own answer to the question has to do.
    """
    head, _, listing = listed.partition(_HEAD)
    is_free = any(word in head for word in _ASKING_NOBODY)
    found = [rule for rule in _rules(listing, is_free) if rule.covers(argv)]
    return bool(found) and not found[-1].is_free


def _rules(listing: str, is_free: bool) -> Iterator[_Rule]:
    for entry in _entries(listing):
        runas, _, commands = entry.removeprefix("(").partition(")")
        users = re.split(r"[,\s]+", runas.partition(":")[0].strip())
        if {"ALL", "root", "#0"} & set(users):
            yield from _of_entry(commands.strip(), is_free)


def _entries(listing: str) -> list[str]:
    """Each begins with whom it runs as; where sudo takes its output for a page it breaks long ones."""
    entries: list[str] = []
    for line in listing.splitlines()[1:]:
        text = line.strip()
        if text.startswith("("):
            entries.append(text)
        elif entries and text:
            entries[-1] += f" {text}"
    return entries


def _of_entry(commands: str, is_free: bool) -> Iterator[_Rule]:
    """A tag holds for what follows in the same entry."""
    for text in re.split(r"(?<!\\),\s+", commands):
        tags = _TAGS.match(text)
        if tags:
            words = tags[0].split()
            is_free = "NOPASSWD:" in words or (is_free and "PASSWD:" not in words)
        command = _DIGEST.sub("", text[tags.end() if tags else 0 :])
        if not command.startswith("!"):
            program, _, arguments = command.partition(" ")
            yield _Rule(_merged(_as_fnmatch(program)), _pattern(arguments), is_free)


def _merged(program: str) -> str:
    """sudo compares the files, which are the same by either name where /bin leads to /usr/bin."""
    return _MERGED.sub("/bin/", program)


def _pattern(arguments: str) -> str | None:
    """None for any; a regular expression of a stranger's is not run."""
    if not arguments or arguments.startswith("^"):
        return None
    if arguments == '""':
        return ""
    return _as_fnmatch(arguments)


def _as_fnmatch(pattern: str) -> str:
    """Where a sign is escaped by brackets."""
    return re.sub(r"\\(.)", lambda found: f"[{found[1]}]" if found[1] in "*?[" else found[1], pattern)
