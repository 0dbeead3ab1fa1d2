"""Which daemons run, read from the list of processes; without a shell from where their configuration lies."""

import itertools
import posixpath
from collections.abc import Iterable, Iterator

from deploy.daemons import DAEMONS
from deploy.detection.reading import Reader
from deploy.detection.sites import Running
from deploy.ssh import command
from deploy.ssh.connect import Connection
from deploy.ssh.run import Outcome, run_command

# What a daemon was given that decides which configuration it reads and where it writes: kept when it is called again.
_FLAGS = {"nginx": ("-c", "-e", "-p"), "Apache": ("-f", "-d")}
_OF_CONFIGURATION = ("-c", "-f", "--config")
MOST = 20
_SECONDS = 15
# Hundreds of processes with command lines of kilobytes (browsers, Java) stand before the one that is looked for.
_MOST_LISTED = 4 * 1024 * 1024
_BY_PROGRAM = {program: daemon for daemon in DAEMONS for program in daemon.all_programs}


def list_processes(connection: Connection, secrets: Iterable[str]) -> Outcome:
    """What runs on the server, a line each. Blocks; raises as `run_command` does."""
    return run_command(connection, command.processes(), seconds=_SECONDS, secrets=secrets, most=_MOST_LISTED)


def of_processes(listed: str, username: str) -> list[Running]:
    """The daemons among `user command line` lines, once for each configuration that they were given.

    A title is whatever its process likes, so only root's and the SSH user's own processes say where a program and its
    configuration lie; of anybody else's it is believed that such a daemon runs, and nothing more.
    """
    found = [one for line in listed.splitlines() for one in _daemon_of(line, username)]
    known = {one.daemon for one in found if one.program}
    kept: dict[tuple[str, str], Running] = {}
    for one in found:
        if one.program or one.daemon not in known:
            kept.setdefault((one.daemon, one.configuration), one)
    return list(kept.values())[:MOST]


def _daemon_of(line: str, username: str) -> Iterator[Running]:
    user, _, rest = line.strip().partition(" ")
    words = rest.split()
    if words[:1] == ["nginx:"]:  # It renames itself, and its workers, too.
        words = words[3:] if words[1:3] == ["master", "process"] else []
    program = words[0].rstrip(":") if words else ""
    name = posixpath.basename(program)
    daemon = _BY_PROGRAM.get(name)
    if daemon is None or (program == "master" and "/" not in program):
        return
    if user not in ("root", username):
        yield Running(daemon.name, user, configuration=daemon.configuration_of(name))
        return
    given = {flag: value for flag, value in itertools.pairwise(words) if flag.startswith("-")}
    configuration = next((given[flag] for flag in _OF_CONFIGURATION if given.get(flag, "").startswith("/")), "")
    kept = tuple(word for flag in _FLAGS.get(daemon.name, ()) if flag in given for word in (flag, given[flag]))
    yield Running(daemon.name, user, program, configuration or daemon.configuration_of(name), kept)


def of_configurations(reader: Reader) -> list[Running]:
    """The daemons whose configuration lies in its usual place; whether they run is not known."""
    return [
        Running(daemon.name, configuration=path)
        for daemon in DAEMONS
        for path in daemon.configurations
        if reader.is_file(path)
    ]
