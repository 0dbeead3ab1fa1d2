"""The file that a backup is: a gzipped tar of `manifest.json` and one payload, whose digest the manifest has."""

import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from django.core.management.base import CommandError

FORMAT = 1
MANIFEST = "manifest.json"
PAYLOAD = "database"
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Manifest:
    """`keys` counts the sealed values by the fingerprint of the key that opens each; no key is in it."""

    format: int
    made_at: str
    database: str
    migrations: list[str]
    keys: dict[str, int]
    sha256: str

    def __str__(self) -> str:
        return f"the backup of {datetime.fromisoformat(self.made_at):%Y-%m-%d %H:%M} UTC"


@contextmanager
def scratch(beside: Path) -> Iterator[Path]:
    """A directory on the file system of `beside` that only we can read, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=".portal-backup-", dir=beside) as place:
        yield Path(place)


def write_archive(target: Path, payload: Path, manifest: Manifest) -> None:
    """Write `target` whole or not at all, readable by its owner alone; what was there before is replaced."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    written = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
                text = payload.with_name(MANIFEST)
                text.write_text(json.dumps(asdict(manifest), indent=2), encoding="utf-8")
                tar.add(text, MANIFEST)
                tar.add(payload, PAYLOAD)
            file.flush()
            os.fsync(file.fileno())
        written.replace(target)
    finally:
        written.unlink(missing_ok=True)
    _sync(target.parent)


def read_archive(source: Path, place: Path) -> tuple[Manifest, Path]:
    """The manifest, and the payload unpacked into `place`; CommandError when it is no backup, or not whole."""
    payload = place / PAYLOAD
    try:
        with tarfile.open(source, "r:gz") as tar:
            manifest = _manifest(tar.extractfile(MANIFEST).read())  # type: ignore[union-attr]
            with tar.extractfile(PAYLOAD) as packed, payload.open("wb") as file:  # type: ignore[union-attr]
                while chunk := packed.read(CHUNK):
                    file.write(chunk)
    except FileNotFoundError as error:
        raise CommandError(f"{source} is not there.") from error
    except (tarfile.TarError, OSError, EOFError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise CommandError(f"{source} is no whole backup of this portal ({error}). Take another one.") from error
    if digest(payload) != manifest.sha256:
        raise CommandError(f"{source} is damaged: its digest is another one. Take another backup.")
    return manifest, payload


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(text: bytes) -> Manifest:
    values = json.loads(text)
    if values["format"] != FORMAT:
        raise ValueError(f"its format is {values['format']}, this release reads {FORMAT}")
    return Manifest(**values)


def _sync(directory: Path) -> None:
    """The rename itself must survive a power cut, not only the file."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
