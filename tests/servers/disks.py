"""Small file systems of their own, full or read-only. Only root can mount them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.people import DeployUser


def _mount(*words: str) -> bool:
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0


@contextmanager
def mounted(place: Path, user: DeployUser, *, read_only: bool = False) -> Iterator[bool]:
    """A file system at `place`, of `user`: full to the last block, or read-only. False where nothing may be mounted."""
    place.mkdir()
    if not _mount("-t", "tmpfs", "-o", "size=16k,mode=755", "tmpfs", str(place)):
        yield False
        return
    try:
        user.own(place)
        if read_only:
            (place / "tls").mkdir()
            user.own(place / "tls")
            _mount("-o", "remount,ro", str(place))
        else:
            _fill(place)
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def _fill(place: Path) -> None:
    with (place / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return
