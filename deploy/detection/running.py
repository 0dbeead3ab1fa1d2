"""Which daemons run, read from the list of processes; without a shell from where their configuration lies."""

import itertools
import posixpath
from collections.abc import Iterator

from deploy.daemons import DAEMONS, Daemon
from deploy.detection.reading import Reader
from deploy.detection.sites import Running

# What a daemon was given that decides which configuration it reads and where it writes: kept when it is called again.
_FLAGS = {"nginx": ("-c", "-e", "-p"), "Apache": ("-f", "-d")}
_OF_CONFIGURATION = ("-c", "-f", "--config")
_BY_PROGRAM = {program: daemon for daemon in DAEMONS for program in daemon.programs}


def of_processes(listed: str) -> list[Running]:
    """The daemons among `user command line` lines, each once: its first process is its parent."""
    found: dict[str, Running] = {}
    for line in listed.splitlines():
        user, _, rest = line.strip().partition(" ")
        for one in _daemon_of(user, rest.split()):
            found.setdefault(one.daemon, one)
    return list(found.values())


def _daemon_of(user: str, words: list[str]) -> Iterator[Running]:
    if words[:3] == ["nginx:", "master", "process"]:  # It renames itself.
        words = words[3:]
    program = words[0].rstrip(":") if words else ""
    daemon = _BY_PROGRAM.get(posixpath.basename(program))
    if daemon is None or (program == "master" and "/" not in program):
        return
    given = {flag: value for flag, value in itertools.pairwise(words) if flag.startswith("-")}
    configuration = next((given[flag] for flag in _OF_CONFIGURATION if given.get(flag, "").startswith("/")), "")
    kept = tuple(word for flag in _FLAGS.get(daemon.name, ()) if flag in given for word in (flag, given[flag]))
    yield Running(daemon.name, user, program, configuration or _usual(daemon), kept)


def _usual(daemon: Daemon) -> str:
    return daemon.usual[0] if daemon.usual else ""


def of_configurations(reader: Reader) -> list[Running]:
    """The daemons whose configuration lies in its usual place; whether they run is not known."""
    return [
        Running(daemon.name, configuration=path)
        for daemon in DAEMONS
        for path in daemon.usual[:2]
        if reader.is_file(path)
    ]
