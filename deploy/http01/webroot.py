"""Tokens as files below a webroot, over SFTP alone: an account without a shell can do it."""

from collections.abc import Iterator

from config.lib.errors import NeedsUser
from deploy.ssh.files import DIRECTORY_MODE, RemoteFiles

FOLDERS = (".well-known", "acme-challenge")
FILE_MODE = 0o644


def make_folders(files: RemoteFiles, webroot: str) -> str:
    """What is missing on the way to the tokens; the webroot itself, links followed. Repeatable.

    The webroot may be a link; what lies below it may not. Raises NeedsUser webroot_led_away and what RemoteFiles
    raises.
    """
    files.make_directories(webroot)
    for folder in _folders(webroot):
        entry = files.entry(folder)
        if entry is None:
            files.make_directory(folder, DIRECTORY_MODE)
        elif entry.kind != "directory":
            raise _led_away(files, folder)
    return files.resolved(webroot)


def put_token(files: RemoteFiles, webroot: str, token: str, content: str) -> None:
    """World-readable under the token's name; `webroot` as `make_folders` gave it. Repeatable.

    Whoever may write into the webroot could lead us out of it by a link. Raises as `make_folders`.
    """
    path = path_of(webroot, token)
    # Of an attempt that was cut, or somebody's link: a link itself is removed, not what it leads to.
    files.remove(path)
    files.write_new(path, content.encode("ascii"), FILE_MODE)
    if files.resolved(path) != path:
        # Exchanged between the look and the write: what was written elsewhere is taken away again.
        files.remove(path)
        raise _led_away(files, path)


def has_folders(files: RemoteFiles, webroot: str) -> bool:
    """Whether there is a place where tokens may lie. Raises as `make_folders`."""
    for folder in _folders(webroot):
        entry = files.entry(folder)
        if entry is None:
            return False
        if entry.kind != "directory":
            raise _led_away(files, folder)
    return True


def remove_token(files: RemoteFiles, webroot: str, token: str) -> None:
    """From below what `has_folders` has just looked at. Repeatable; the folders stay."""
    files.remove(path_of(webroot, token))


def path_of(webroot: str, token: str) -> str:
    return f"{folder_of(webroot)}/{token}"


def folder_of(webroot: str) -> str:
    return "/".join((webroot.rstrip("/"), *FOLDERS))


def _folders(webroot: str) -> Iterator[str]:
    path = webroot
    for name in FOLDERS:
        path = f"{path}/{name}"
        yield path


def _led_away(files: RemoteFiles, path: str) -> NeedsUser:
    return NeedsUser("webroot_led_away", path=path, host=files.connection.host, username=files.connection.username)
