"""The commands that an installation runs by sudo, each exactly as the generated sudoers rule allows it. Pure.

No shell, no pattern, no source that somebody else could put a link in: new content comes by standard input.
"""

import posixpath
from collections.abc import Mapping, Sequence

from deploy.ssh.placement import PREVIOUS, STAGE_PREFIX

type Argv = list[str]

# The stage of an installation by sudo: a rule that names it cannot name another one each time.
STAGE = "sudo"
HALF_MADE = ".old"
_STAT = "/usr/bin/stat"


def make_directories(path: str) -> Argv:
    return ["/bin/mkdir", "-p", "-m", "755", "--", path]


def make_directory(path: str, mode: int) -> Argv:
    return ["/bin/mkdir", "-m", f"{mode:o}", "--", path]


def write(path: str) -> Argv:
    """What comes by standard input, into a folder that is root's alone."""
    return ["/bin/dd", f"of={path}", "conv=fsync", "status=none"]


def set_mode(path: str, mode: int) -> Argv:
    return ["/bin/chmod", f"{mode:o}", "--", path]


def set_owner(path: str, owner: str) -> Argv:
    return ["/bin/chown", "--", owner, path]


def duplicate(old: str, new: str) -> Argv:
    """With mode, owner and times; of a link the link."""
    return ["/bin/cp", "-pP", "--", old, new]


def replace(old: str, new: str) -> Argv:
    """In one step, and never into what `new` may lead to."""
    return ["/bin/mv", "-fT", "--", old, new]


def replace_by_copy(old: str, new: str) -> Argv:
    return ["/bin/cp", "-fpP", "--remove-destination", "--", old, new]


def remove(path: str) -> Argv:
    return ["/bin/rm", "-f", "--", path]


def remove_directory(path: str) -> Argv:
    return ["/bin/rmdir", "--", path]


def look_at(path: str) -> Argv:
    """Mode in hex, owner's number, size; of a link the link."""
    return [_STAT, "-c", "%f:%u:%s", "--", path]


def look_through(path: str) -> Argv:
    return [_STAT, "-L", "-c", "%f:%u:%s", "--", path]


def owner_of(path: str) -> Argv:
    return [_STAT, "-c", "%U:%G", "--", path]


def sha256(path: str) -> Argv:
    return ["/usr/bin/sha256sum", "--", path]


def all_for(directories: Sequence[str], modes: Mapping[str, int], owner: str) -> list[Argv]:
    """Everything that installing, going back and repairing may run; `modes` by file name."""
    return [argv for directory in directories for argv in _for_directory(directory, modes, owner)]


def _for_directory(directory: str, modes: Mapping[str, int], owner: str) -> list[Argv]:
    stage = posixpath.join(directory, STAGE_PREFIX + STAGE)
    previous = posixpath.join(directory, PREVIOUS)
    found = [make_directories(directory), look_through(directory), look_at(directory)]
    for folder in (stage, previous):
        found += [look_at(folder), make_directory(folder, 0o700)]
    found.append(remove_directory(stage))
    for name, mode in modes.items():
        place, staged, kept = (posixpath.join(folder, name) for folder in (directory, stage, previous))
        found += _for_file(place, staged, kept, mode, owner)
    return found


def _for_file(place: str, staged: str, kept: str, mode: int, owner: str) -> list[Argv]:
    half_made = staged + HALF_MADE
    owning = [set_owner(staged, owner), owner_of(place)] if owner else []
    return [
        *(look_at(place), look_at(kept), look_at(staged), sha256(place)),
        *(write(staged), set_mode(staged, mode), *owning),
        *(duplicate(place, half_made), replace(half_made, kept), replace(staged, place)),
        duplicate(kept, staged),
        *(remove(path) for path in (place, staged, half_made, kept)),
    ]
