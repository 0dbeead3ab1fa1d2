"""Private directories for servers, and the environment their children get."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"


_OURS = re.compile(r"mmc-(\d+)-.*")


def _remove_abandoned(parent: Path) -> None:
    """Directories of runs that were killed before they could tidy up."""
    for path in parent.glob("mmc-*"):
        match = _OURS.fullmatch(path.name)
        if match and not Path(f"/proc/{match[1]}").exists():
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def private_directory(name: str, *, shared: bool = False) -> Iterator[Path]:
    """A new directory that is removed at the end; `shared` lets other users pass through it."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    path = Path(tempfile.mkdtemp(prefix=f"mmc-{os.getpid()}-{name}-"))
    if shared:
        path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def plain_environment(**extra: str) -> dict[str, str]:
    """A small environment: nothing of the caller's settings or proxies reaches the server."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    path = kept.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
    return {**kept, "PATH": path, "LANG": "C.UTF-8", **extra}
