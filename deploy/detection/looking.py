"""`Detect platform`: signs in, reads, changes nothing; says what it saw, what it could not see, and what fits."""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from config.lib import clock
from config.lib.errors import NeedsUser
from deploy import unseal
from deploy.checking import nearest_directory
from deploy.detection import apache, nginx, others
from deploy.detection.reading import Reader
from deploy.detection.running import list_processes, of_configurations, of_processes
from deploy.detection.sites import Found, Site
from deploy.detection.suggesting import Suggestion, suggest
from deploy.models import Server, Target, TargetRun
from deploy.result import Result
from deploy.session import opened
from deploy.ssh import command
from deploy.ssh.connect import Connection
from deploy.ssh.files import RemoteFiles, remote_files
from deploy.ssh.run import run_command
from deploy.trail import Trail

State = TargetRun.State
_SECONDS = 15
_READING_SECONDS = 60
MOST_SHOWN = 20
_PRETTY_NAME = re.compile(r'^PRETTY_NAME="?([^"\n]{1,100})"?$', re.MULTILINE)

READERS: Mapping[str, Callable[[Reader, str], list[Site]]] = {
    nginx.NAME: nginx.read_sites,
    apache.NAME: apache.read_sites,
    "HAProxy": others.haproxy_sites,
    "Postfix": others.postfix_sites,
    "Dovecot": others.dovecot_sites,
}


def detect_on_target(run: TargetRun, trail: Trail) -> Result:
    """Look, and keep what was found on the target and its server. Repeatable; no side effect on the server."""
    if run.target is None or run.server is None:
        raise NeedsUser("deploy_nothing_left")
    target, server = run.target, run.server
    found = Found()
    with opened(run, trail, server, must_be_trusted=False) as connection, remote_files(connection) as files:
        reader = Reader(files)
        _look_at_system(trail, connection, reader, found)
        _look_at_processes(trail, connection, reader, found, unseal.secrets_of(server))
        _read_configurations(trail, connection, reader, found)
        _look_for_wordpress(trail, connection, reader, found)
        if found.has_shell:
            _ask_sudo(trail, connection, found, unseal.secrets_of(server))
        domain = run.domain
        fits = suggest(found, host=domain.host, port=domain.port, protocol=domain.protocol, username=server.username)
        _look_at_rights(trail, connection, files, fits, found)
    found.unseen += [f"{path} may not be read by {server.username}" for path in reader.denied[:MOST_SHOWN]]
    _keep(target, server, found, fits)
    return Result(State.SUCCEEDED)


def _look_at_system(trail: Trail, connection: Connection, reader: Reader, found: Found) -> None:
    with (
        trail.step("Look at the system", seconds=_SECONDS * 2) as note,
        connection.within(_SECONDS, "look at the system"),
    ):
        match = _PRETTY_NAME.search(reader.text("/etc/os-release"))
        found.system = match[1].strip() if match else ""
        note.detail = found.system or "/etc/os-release says nothing"


def _look_at_processes(trail: Trail, connection: Connection, reader: Reader, found: Found, hidden: list[str]) -> None:
    with trail.step("Find the daemons", seconds=_SECONDS * 4) as note:
        try:
            outcome = list_processes(connection, hidden)
            found.has_shell = outcome.is_ok
            found.running = of_processes(outcome.output, connection.username)
            if outcome.is_cut:
                found.unseen.append("what else runs: the list of processes is too long")
        except NeedsUser as error:
            if error.code != "ssh_no_shell":
                raise
        if not found.has_shell:
            found.unseen.append("what runs, which the account may not ask: it has no shell")
            with connection.within(_SECONDS, "look for configurations"):
                found.running = of_configurations(reader)
        note.detail = ", ".join(one.daemon for one in found.running) or "none that is known"


def _read_configurations(trail: Trail, connection: Connection, reader: Reader, found: Found) -> None:
    with trail.step("Read their configuration", seconds=_READING_SECONDS) as note:
        with connection.within(_READING_SECONDS, "read the configuration"):
            for one in found.running:
                if one.daemon in READERS and one.configuration:
                    read = READERS[one.daemon](reader, one.configuration)
                    found.sites += [replace(site, configuration=one.configuration) for site in read if site.is_sane]
        secure = sum(bool(site.certificate) for site in found.sites)
        note.detail = f"{len(found.sites)} sites, {secure} with a certificate"


def _look_for_wordpress(trail: Trail, connection: Connection, reader: Reader, found: Found) -> None:
    roots = list(dict.fromkeys(site.root for site in found.sites if site.root))[:MOST_SHOWN]
    if not roots:
        return
    with (
        trail.step("Look for WordPress", seconds=_SECONDS * 2) as note,
        connection.within(_SECONDS, "look for WordPress"),
    ):
        for root in roots:
            # One folder above is where careful people keep it.
            if any(reader.is_file(posixpath.join(one, "wp-config.php")) for one in (root, posixpath.dirname(root))):
                found.wordpress.append(root)
        note.detail = ", ".join(found.wordpress) or "not in a document root"


def _ask_sudo(trail: Trail, connection: Connection, found: Found, hidden: list[str]) -> None:
    with trail.step("Ask what sudo allows", seconds=_SECONDS * 2) as note:
        outcome = run_command(connection, command.from_argv(["sudo", "-n", "-l"]), seconds=_SECONDS, secrets=hidden)
        lines = [line.strip() for line in outcome.output.splitlines() if "NOPASSWD:" in line]
        found.sudo = lines[:MOST_SHOWN]
        note.detail = f"{len(lines)} rules without a password" if lines else "nothing without a password"


def _look_at_rights(trail: Trail, connection: Connection, files: RemoteFiles, fits: Suggestion, found: Found) -> None:
    """Whether the suggested directory can be written as it is, which decides about sudo."""
    if not fits.directories or not found.has_shell:
        return
    directory = fits.directories[0]
    with trail.step(f"May {directory} be written", seconds=_SECONDS * 3) as note:
        with connection.within(_SECONDS, "look at the directory"):
            nearest = nearest_directory(files, directory)
        asked = run_command(connection, command.from_argv(["test", "-w", nearest]), seconds=_SECONDS)
        fits.use_sudo = not asked.is_ok
        note.detail = "only with sudo" if fits.use_sudo else "yes"
    if fits.use_sudo:
        fits.because.append(f"{nearest} is not for {connection.username} to write")


def _keep(target: Target, server: Server, found: Found, fits: Suggestion) -> None:
    seen = {
        "at": clock.now().isoformat(),
        "system": found.system,
        "daemons": [
            {"name": one.daemon, "user": one.user, "configuration": one.configuration} for one in found.running
        ],
        "wordpress": found.wordpress,
        "sudo": found.sudo,
        "unseen": found.unseen,
    }
    Server.unscoped.filter(pk=server.pk).update(platform=seen)
    Target.unscoped.filter(pk=target.pk).update(detected={**seen, "suggestion": fits.as_json()})
