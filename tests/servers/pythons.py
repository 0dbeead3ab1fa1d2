"""Pythons as old servers have them, where this machine has any."""

import os
import shutil
import subprocess
from pathlib import Path

_PLACES = ("/usr", "/usr/local")
_UNNEEDED = shutil.ignore_patterns(
    "test", "tests", "site-packages", "idlelib", "lib2to3", "ensurepip", "config*", "*.pyc"
)


def find_python(version: str) -> Path | None:
    """The prefix of an installed Python of this version, such as 2.7, that works; None where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for prefix in (*map(Path, _PLACES), *sorted(pyenv.glob("versions/*"))):
        program = prefix / "bin" / f"python{version}"
        if program.exists() and subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0:
            return prefix
    return None


def lend_python(prefix: Path, version: str, *, name: str, to: Path) -> str:
    """Copy as much of it as a script needs to where any user may run it, as `name`; the environment that it takes.

    What a person has installed in their home nobody else may pass to.
    """
    (to / "bin").mkdir(parents=True)
    shutil.copy(prefix / "bin" / f"python{version}", to / "bin" / name)
    (to / "bin" / "env").symlink_to(shutil.which("env") or "")  # By which everything is run.
    shutil.copytree(prefix / f"lib/python{version}", to / f"lib/python{version}", ignore=_UNNEEDED)
    for library in (prefix / "lib").glob(f"libpython{version}*.so*"):
        shutil.copy(library, to / "lib")
    return f"PATH={to}/bin LD_LIBRARY_PATH={to}/lib"
