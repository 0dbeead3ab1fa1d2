"""Put a set of four files into a directory so that every moment of it can be repaired.

Everything that is made has a name known beforehand (the `token`, persisted by the caller before
the first call): a run that was killed finds its own leftovers by name and never walks a directory.

    <directory>/.mmc-stage-<token>/   new files and half-made ones, 0700, gone at the end
    <directory>/.mmc-previous/        the set that the last install replaced, 0700, kept for undo
"""

import hashlib
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from config.lib.crash import crash_here
from config.lib.errors import NeedsUser
from deploy.ssh import passing
from deploy.ssh.files import RemoteFiles
from deploy.ssh.files_at_once import Writing
from deploy.ssh.placement import PREVIOUS, STAGE_PREFIX
from deploy.ssh.sudo_commands import HALF_MADE, STAGE

STAGE_MODE = 0o700
UNREADABLE = "?"

# Of a file that is to be replaced: there was none, a copy is kept, or it is moved away in the swap.
type Kept = Literal["absent", "kept", "to_move"]


@dataclass(frozen=True)
class NewFile:
    """One file as it shall be."""

    name: str
    mode: int
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Found:
    """A directory as it is: per name the SHA-256 of its content ('' not there, '?' unreadable), its mode, its owner."""

    exists: bool
    digests: Mapping[str, str]
    modes: Mapping[str, int]
    owners: Mapping[str, str] = field(default_factory=dict)

    def is_wanted(self, wanted: Sequence[NewFile], owner: str = "") -> bool:
        """Whether every file already is as it shall be."""
        return all(self._is_one_wanted(file, owner) for file in wanted)

    def _is_one_wanted(self, file: NewFile, owner: str) -> bool:
        is_same = self.digests.get(file.name) == file.sha256 and self.modes.get(file.name) == file.mode
        user, colon, group = self.owners.get(file.name, "").partition(":")
        return is_same and (not owner or owner in (user, f"{user}{colon}{group}"))


def look(files: RemoteFiles, directory: str, names: Sequence[str], *, owners: bool = False) -> Found:
    """What is in `directory` under `names`, with `owners` whose it is. Changes nothing.

    Raises NeedsUser('directory_is_a_file').
    """
    if not files.is_directory(directory):
        if files.entry(directory):
            raise NeedsUser("directory_is_a_file", path=directory)
        return Found(False, dict.fromkeys(names, ""), {})
    paths = {name: posixpath.join(directory, name) for name in names}
    seen = dict(zip(names, files.entries([*paths.values()]), strict=True))
    there = {name: entry for name, entry in seen.items() if entry}
    for name, entry in there.items():
        if entry.kind not in ("file", "link"):
            raise NeedsUser("path_is_not_a_file", path=paths[name])
    digests = dict(zip(there, files.digests([paths[name] for name in there]), strict=True))
    plain = [name for name, entry in there.items() if entry.kind == "file"]
    return Found(
        True,
        {**dict.fromkeys(names, ""), **digests},
        {name: there[name].mode for name in plain},
        {name: files.owner_of(paths[name]) if owners else "" for name in plain},
    )


def stage(files: RemoteFiles, directory: str, token: str, wanted: Sequence[NewFile], owner: str = "") -> None:
    """Write the new files beside their places, each with its mode before it has content; given to `owner` last.

    Repeatable.
    """
    remove_stage(files, directory, token, [file.name for file in wanted])
    folder = stage_folder(directory, token)
    files.make_directory(folder, STAGE_MODE)
    files.write_all([Writing(posixpath.join(folder, file.name), file.mode, file.content) for file in wanted])
    for file in wanted if owner else ():
        files.set_owner(posixpath.join(folder, file.name), owner)


def keep_previous(files: RemoteFiles, directory: str, token: str, names: Sequence[str]) -> dict[str, Kept]:
    """Keep the present set in `.mmc-previous/`; what became of each name.

    Call before `swap` and never between a swap that was cut and its repair: then the present set is mixed.
    """
    folder = posixpath.join(directory, PREVIOUS)
    entry = files.entry(folder)
    if entry and entry.kind != "directory":
        raise NeedsUser("path_is_not_a_directory", path=folder)
    if not entry:
        files.make_directory(folder, STAGE_MODE)
    return _keep(files, directory, token, names)


def _keep(files: RemoteFiles, directory: str, token: str, names: Sequence[str]) -> dict[str, Kept]:
    """Replace each kept copy in one rename, so that a cut leaves the older copy and never half of one."""
    kept = {name: posixpath.join(directory, PREVIOUS, name) for name in names}
    passing = {name: posixpath.join(stage_folder(directory, token), name + HALF_MADE) for name in names}
    entries = dict(zip(names, files.entries([posixpath.join(directory, name) for name in names]), strict=True))
    there = [(name, entry) for name, entry in entries.items() if entry]
    sources = [(posixpath.join(directory, name), passing[name], entry) for name, entry in there]
    is_copied = dict(zip((name for name, _ in there), files.duplicate_all(sources), strict=True))
    copied = [name for name in names if is_copied.get(name)]
    files.remove_all([kept[name] for name in names if name not in copied])
    files.rename_all([(passing[name], kept[name]) for name in copied])
    # Renaming one name of a file onto another name of the same file does nothing (POSIX).
    files.remove_all([passing[name] for name in copied])
    return {name: "kept" if name in copied else "to_move" if entries[name] else "absent" for name in names}


def swap(files: RemoteFiles, directory: str, token: str, names: Sequence[str], kept: Mapping[str, Kept]) -> None:
    """Rename the staged files into place, back to back, in the order given. Repeatable with a fresh stage.

    A file of somebody else that could not be copied is moved away first: its directory is ours, it is not.
    """
    for name in names:
        place, previous = posixpath.join(directory, name), posixpath.join(directory, PREVIOUS, name)
        # Moved away once: after a cut, what lies in the place is ours, or nothing does.
        if kept.get(name) == "to_move" and not files.entry(previous) and files.entry(place):
            files.rename(place, previous)
        files.rename(posixpath.join(stage_folder(directory, token), name), place)
        crash_here("deploy.file_renamed")


def put_back(files: RemoteFiles, directory: str, token: str, names: Sequence[str], kept: Mapping[str, Kept]) -> None:
    """Restore the kept set, back to back; a file that was not there before is removed. Repeatable."""
    remove_stage(files, directory, token, names)
    files.make_directory(stage_folder(directory, token), STAGE_MODE)
    moves = [_way_back(files, directory, token, name) for name in names if kept.get(name) != "absent"]
    for source, place in moves:
        if source:
            files.rename(source, place)
    for name in names:
        if kept.get(name) == "absent":
            files.remove(posixpath.join(directory, name))
    remove_stage(files, directory, token, names)


def _way_back(files: RemoteFiles, directory: str, token: str, name: str) -> tuple[str, str]:
    """What to rename to where; nothing when the file never left its place."""
    source, place = posixpath.join(directory, PREVIOUS, name), posixpath.join(directory, name)
    passing = posixpath.join(stage_folder(directory, token), name)
    entry = files.entry(source)
    if entry is None:
        return "", place
    return (passing if files.duplicate(source, passing, entry) else source), place


def remove_stage(files: RemoteFiles, directory: str, token: str, names: Sequence[str]) -> None:
    """Remove our stage with everything that we may have left in it, and on the way to it. Repeatable."""
    folder = stage_folder(directory, token)
    if token == STAGE:
        passing.remove(files, [posixpath.join(folder, name) for name in names])
    entry = files.entry(folder)
    if entry is None:
        return
    if entry.kind != "directory":
        raise NeedsUser("path_is_not_a_directory", path=folder)
    files.remove_all([posixpath.join(folder, name + ending) for name in names for ending in ("", HALF_MADE)])
    files.remove_directory(folder)


def stage_folder(directory: str, token: str) -> str:
    return posixpath.join(directory, STAGE_PREFIX + token)
