"""The whole suite: what is marked for both databases on PostgreSQL, then everything else, and most of that, on SQLite.

Several processes share each part, file by file: most of the time is spent waiting for real servers.

    python -m tests.suite [--proof] [pytest arguments]

pytest's closing line of the second part ends the output. `--proof` runs the long tier instead.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from tests.servers.migrated import migrated_sqlite, postgres_template
from tests.servers.places import ROOT
from tests.servers.postgres import postgres

# Many tests wait for servers rather than compute: two for each core keep it busy. A file stays with
# one of them, and with it the servers that its tests share. In the order of the folders: the few long tests of a
# browser and of real servers come first, and the many short ones fill what is left at the end.
_SIDE_BY_SIDE = ("-n", str(min(8, 2 * (os.cpu_count() or 1))), "--dist", "loadfile", "--no-loadscope-reorder")
# What is not to run is not to be read either: a file that makes thousands of requests when it is collected takes 8 s of
# CPU and half a gigabyte in each process.
_WITHOUT_PROOF = "--ignore=tests/proof"
_WITHOUT_PROMISES = "--ignore=tests/unit/config/test_api_promises.py"
# Settings of this machine's own portal must not reach the tests, nor what would have every process compile them anew.
_FOREIGN = ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "VAR_DIR", "DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE")


def _pytest(arguments: Sequence[str], **environment: str) -> int:
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**kept, **environment}).returncode


def _on_postgres(arguments: Sequence[str]) -> int:
    print("On PostgreSQL, what both databases must agree on:", flush=True)
    with postgres() as server:
        settings = {"DATABASE_URL": server.create_database("portal"), "TEST_TEMPLATE": postgres_template(server)}
        chosen = ["-m", "both_databases and not proof", _WITHOUT_PROOF]
        return _pytest(["-q", *_SIDE_BY_SIDE, *chosen, *arguments], **settings)


def _whole_on_postgres(arguments: Sequence[str]) -> int:
    print("On PostgreSQL, all that uses a database:", flush=True)
    with postgres() as server:
        settings = {"DATABASE_URL": server.create_database("portal"), "TEST_TEMPLATE": postgres_template(server)}
        return _pytest(["-q", *_SIDE_BY_SIDE, "-m", "django_db and not proof", _WITHOUT_PROOF, *arguments], **settings)


def main() -> int:
    # `kill` ends us through the context managers, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = sys.argv[1:]
    if "--proof" in arguments:
        arguments.remove("--proof")
        status = _whole_on_postgres(arguments)
        return _pytest(["-m", "proof", "--durations=20", *arguments], MMC_PROOF="1") or status
    status = _on_postgres(arguments)
    migrated_sqlite()  # Before the processes that would all wait for it within the time of a test.
    print("\nOn SQLite, everything:", flush=True)
    chosen = ["-m", "not proof and not once", _WITHOUT_PROOF, _WITHOUT_PROMISES]
    return _pytest(["-q", *_SIDE_BY_SIDE, *chosen, *arguments]) or status


if __name__ == "__main__":
    sys.exit(main())
