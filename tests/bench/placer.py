"""Our SSH client alone: what a deployment does on a server, without database, trail and audit. Runs inside Django.

Told of the machines by one line of JSON; then by one line per round how many of them, and prints what it took.
"""

import json
import secrets
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from deploy.reload import run_line
from deploy.ssh import connect, install
from deploy.ssh.files import remote_files
from deploy.ssh.install import NewFile
from deploy.ssh.keys import load_key
from tests.bench.deployer import THREADS, cpu_seconds
from tests.bench.peers import MODES
from tests.servers.ca import TestCa

type Machine = tuple[str, str, int, str]


def _place(given: dict[str, Any], wanted: Sequence[NewFile], machine: Machine) -> None:
    """In the order and with the round trips of a deploy run."""
    name, host, port, fingerprint = machine
    directory, token, names = f"{given['home']}/alone/{name}", secrets.token_hex(8), [file.name for file in wanted]
    with connect.greeted(host, port, pinned=fingerprint) as connection:
        connection.sign_in(given["user"], load_key(given["private_key"]))
        with remote_files(connection) as files:
            if install.look(files, directory, names).is_wanted(wanted):
                raise RuntimeError(f"{name} has the files already")
            files.make_directories(directory)
            install.stage(files, directory, token, wanted)
            kept = install.keep_previous(files, directory, token, names)
            install.swap(files, directory, token, names, kept)
            install.remove_stage(files, directory, token, names)
            ran = run_line(connection, given["reload"], [])
    if not ran.outcome.is_ok:
        raise RuntimeError(ran.summary())


def _measured(given: dict[str, Any], wanted: Sequence[NewFile], count: int) -> dict[str, float]:
    cpu, wall = cpu_seconds(), time.monotonic()
    with ThreadPoolExecutor(min(THREADS, count)) as pool:
        list(pool.map(partial(_place, given, wanted), given["machines"][:count]))
    return {"cpu_seconds": cpu_seconds() - cpu, "wall_seconds": time.monotonic() - wall}


def _files(authority: TestCa) -> list[NewFile]:
    issued = authority.issue(["bench.example"])
    contents = {
        "cert.pem": issued.cert_pem,
        "key.pem": issued.key_pem,
        "chain.pem": issued.chain_pem,
        "fullchain.pem": issued.fullchain_pem,
    }
    return [NewFile(name, int(mode, 8), contents[name]) for name, mode in MODES.items()]


def main() -> None:
    given, authority = json.loads(sys.stdin.readline()), TestCa()
    for line in sys.stdin:
        print(json.dumps(_measured(given, _files(authority), int(line))), flush=True)
