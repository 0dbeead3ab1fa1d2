"""Configuration files over SFTP: patterns followed, nothing read twice, and no more than a configuration has."""

import fnmatch
import posixpath

from config.lib.errors import NeedsUser
from deploy.ssh.files import RemoteFiles

MAX_FILES = 200
MAX_NAMES = 1000


class Reader:
    """Reads the files of one server. `denied` are those that this user may not read."""

    def __init__(self, files: RemoteFiles) -> None:
        self.files = files
        self.denied: list[str] = []
        self._read = 0

    def text(self, path: str) -> str:
        """The content, replaced where it is no UTF-8; empty when it is not there or may not be read."""
        return self.content(path).decode(errors="replace").replace("\0", "")

    def content(self, path: str) -> bytes:
        """As it lies there, at most MAX_READ; empty as `text`."""
        if self._read >= MAX_FILES:
            return b""
        self._read += 1
        try:
            return self.files.read(path) or b""
        except NeedsUser:
            self.denied.append(path)
            return b""

    def matching(self, pattern: str) -> list[str]:
        """The paths that a pattern of an `Include` means, in order; a pattern may stand in the last part alone."""
        folder, last = posixpath.split(pattern)
        if not any(sign in pattern for sign in "*?["):
            return [pattern]
        if any(sign in folder for sign in "*?["):
            return [path for one in self.matching(folder) for path in self.matching(posixpath.join(one, last))]
        names = sorted(name for name in self._names(folder) if fnmatch.fnmatchcase(name, last))
        return [posixpath.join(folder, name) for name in names if not name.startswith(".")]

    def is_file(self, path: str) -> bool:
        try:
            return self.files.entry(path) is not None
        except NeedsUser:
            return False

    def _names(self, folder: str) -> list[str]:
        try:
            return self.files.names(folder, MAX_NAMES)
        except NeedsUser:
            self.denied.append(folder)
            return []
