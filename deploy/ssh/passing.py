"""Where content passes through the user's home on its way to root's directories, since `cp` reads from a file only.

A file there has a name that follows from where it goes, so that whoever comes after a cut finds it without a list.
"""

import hashlib
import posixpath
from collections.abc import Sequence

from config.lib.errors import NeedsUser
from deploy.ssh.files import RemoteFiles

FOLDER = ".mmc-stage-sudo"


def folder_in(home: str) -> str:
    return posixpath.join(home, FOLDER)


def place_in(home: str, path: str) -> str:
    """Where that passes which goes to `path`."""
    return posixpath.join(folder_in(home), hashlib.sha256(path.encode()).hexdigest()[:16])


def remove(files: RemoteFiles, paths: Sequence[str]) -> None:
    """Remove what was on its way to `paths`, as the user, whatever `files` does by sudo. Repeatable.

    The folder stays while something of another run lies in it.
    """
    home = files.home()
    try:
        entry = RemoteFiles.entry(files, folder_in(home))
    except NeedsUser:
        return  # Where this user may not even look nothing of theirs can lie.
    if entry is None or entry.kind != "directory":
        return
    RemoteFiles.remove_all(files, [place_in(home, path) for path in paths])
    files.remove_if_empty(folder_in(home))
