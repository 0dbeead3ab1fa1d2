"""Tokens as files below a webroot, over SFTP alone: an account without a shell can do it."""

from collections.abc import Iterator

from config.lib.errors import NeedsUser
from deploy.ssh.files import DIRECTORY_MODE, RemoteFiles

FOLDERS = (".well-known", "acme-challenge")
FILE_MODE = 0o644


def put_token(files: RemoteFiles, webroot: str, token: str, content: str) -> None:
    """World-readable under the token's name. Repeatable. The webroot may be a link; what lies below it may not.

    Whoever may write into the webroot could lead us out of it by a link. Raises NeedsUser webroot_led_away and what
    RemoteFiles raises.
    """
    files.make_directories(webroot)
    for folder in _folders(webroot):
        entry = files.entry(folder)
        if entry is None:
            files.make_directory(folder, DIRECTORY_MODE)
        elif entry.kind != "directory":
            raise _led_away(files, folder)
    path = path_of(webroot, token)
    # Of an attempt that was cut, or somebody's link: a link itself is removed, not what it leads to.
    files.remove(path)
    files.write_new(path, content.encode("ascii"), FILE_MODE)
    if files.resolved(path) != path_of(files.resolved(webroot), token):
        # Exchanged between the look and the write: what was written elsewhere is taken away again.
        files.remove(path)
        raise _led_away(files, path)


def remove_token(files: RemoteFiles, webroot: str, token: str) -> None:
    """Repeatable; the folders stay. Raises as `put_token`."""
    for folder in _folders(webroot):
        entry = files.entry(folder)
        if entry is None:
            return
        if entry.kind != "directory":
            raise _led_away(files, folder)
    files.remove(path_of(webroot, token))


def path_of(webroot: str, token: str) -> str:
    return "/".join((webroot.rstrip("/"), *FOLDERS, token))


def _folders(webroot: str) -> Iterator[str]:
    path = webroot
    for name in FOLDERS:
        path = f"{path}/{name}"
        yield path


def _led_away(files: RemoteFiles, path: str) -> NeedsUser:
    return NeedsUser("webroot_led_away", path=path, host=files.connection.host, username=files.connection.username)
