"""Configuration files over SFTP: patterns followed, and no more than a configuration has.

Whoever has the server decides what stands in them, so whatever reads them takes time and memory in line with their
size, and that is bounded here.
"""

import fnmatch
import itertools
import posixpath

from config.lib.errors import NeedsUser
from deploy.detection.sites import LONGEST_PATH
from deploy.ssh.files import RemoteFiles

MAX_FILES = 200
MAX_SIZE = 2 * 1024 * 1024
MAX_FOLDERS = 200
MAX_NAMES = 1000


class Reader:
    """Reads the files of one server. `denied` are those that this user may not read."""

    def __init__(self, files: RemoteFiles) -> None:
        self.files = files
        self.denied: list[str] = []
        self._read = 0
        self._size = 0
        self._listed = 0

    def text(self, path: str) -> str:
        """The content, replaced where it is no UTF-8; empty when it is not there or may not be read."""
        return self.content(path).decode(errors="replace").replace("\0", "")

    def content(self, path: str) -> bytes:
        """As it lies there, at most MAX_READ; empty as `text`."""
        if self._read >= MAX_FILES or self._size >= MAX_SIZE or len(path) > LONGEST_PATH:
            return b""
        self._read += 1
        try:
            found = self.files.read(path) or b""
        except NeedsUser:
            self.denied.append(path)
            return b""
        self._size += len(found)
        return found

    def matching(self, pattern: str) -> list[str]:
        """The paths that a pattern of an `Include` means, in order; a pattern may stand in the last part alone."""
        folder, last = posixpath.split(pattern)
        if len(pattern) > LONGEST_PATH:
            return []
        if not any(sign in pattern for sign in "*?["):
            return [pattern]
        if any(sign in folder for sign in "*?["):
            inside = (path for one in self.matching(folder) for path in self.matching(posixpath.join(one, last)))
            return list(itertools.islice(inside, MAX_NAMES))
        names = sorted(name for name in self._names(folder) if fnmatch.fnmatchcase(name, last))
        return [posixpath.join(folder, name) for name in names if not name.startswith(".")]

    def is_file(self, path: str) -> bool:
        try:
            return self.files.entry(path) is not None
        except NeedsUser:
            return False

    def _names(self, folder: str) -> list[str]:
        if self._listed >= MAX_FOLDERS:
            return []
        self._listed += 1
        try:
            return [name for name in self.files.names(folder, MAX_NAMES) if name.isprintable()]
        except NeedsUser:
            self.denied.append(folder)
            return []
