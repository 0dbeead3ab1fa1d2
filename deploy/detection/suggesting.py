"""From what was found on a server to what to fill in. Pure."""

import posixpath
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from config.lib.errors import ExpectedError
from deploy.daemons import DAEMONS, Daemon
from deploy.detection.sites import Found, Running, Site, best_site, plain_site
from deploy.models import Target
from deploy.ssh import placement

OWN_FOLDER = "/etc/ssl/managemycert"
# Kept by other clients: what they write there replaces ours, and ours breaks their links.
_FOREIGN = ("/etc/letsencrypt/", "/etc/pki/tls/", "/var/lib/caddy/", "/etc/ssl/certs", "/etc/ssl/private")


@dataclass
class Suggestion:
    """Values for the form, each with its reason; `configure` is what the daemon's configuration has to say then."""

    daemon: str = ""
    directories: list[str] = field(default_factory=list)
    file_names: dict[str, str] = field(default_factory=dict)
    reload_commands: list[str] = field(default_factory=list)
    webroot: str = ""
    use_sudo: bool = False
    because: list[str] = field(default_factory=list)
    configure: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def suggest(found: Found, *, host: str, port: int, protocol: str, username: str) -> Suggestion:
    """What fits `host` on `port`, for a deploy user called `username`."""
    site = best_site(found.sites, host, port)
    suggestion = Suggestion()
    running = _daemon_for(found, site, protocol)
    if running is None:
        return suggestion
    daemon = next(one for one in DAEMONS if one.name == running.daemon)
    suggestion.daemon = daemon.name
    _place(suggestion, site, daemon, host)
    suggestion.reload_commands = commands_for(daemon, running, username)
    suggestion.because.append(f"{daemon.name} {_how(running)}, so its configuration is tested and it is reloaded")
    plain = plain_site(found.sites, host, site)
    root = (plain.root if plain else "") or (site.root if site else "")
    if root:
        suggestion.webroot = root
        suggestion.because.append(f"the document root of http://{host}/ is {root}")
    return suggestion


def _how(running: Running) -> str:
    return f"runs there as {running.user}" if running.user else "is installed there"


def _daemon_for(found: Found, site: Site | None, protocol: str) -> Running | None:
    """The daemon of the site that answers for the name; else the first that runs and speaks what the domain speaks."""
    of_site = found.running_of(site) if site else None
    speaking = {daemon.name for daemon in DAEMONS if protocol in daemon.protocols}
    return of_site or next((one for one in found.running if one.daemon in speaking), None)


def _place(suggestion: Suggestion, site: Site | None, daemon: Daemon, host: str) -> None:
    """Where the daemon reads its files now, if they can be ours; else a folder of our own and the line to change."""
    here = _here(site) if site else None
    if site and here:
        suggestion.directories, suggestion.file_names = here
        suggestion.because.append(f"{site.file} names {site.certificate} and {site.key}")
        return
    folder = f"{OWN_FOLDER}/{host}"
    suggestion.directories = [folder]
    suggestion.configure = daemon.configure.replace("{directory}", folder)
    why = (
        f"{site.certificate} and {site.key or 'its key'} are not for the portal to replace"
        if site
        else "no certificate was found in its configuration"
    )
    suggestion.because.append(f"{why}: the files go to a folder of their own, and the configuration has to name them")


def _here(site: Site) -> tuple[list[str], dict[str, str]] | None:
    """The directory and the names in it, when certificate and key lie side by side and nobody else keeps them."""
    folder, name = posixpath.split(site.certificate)
    key_folder, key = posixpath.split(site.key)
    if folder != key_folder or name == key or folder.startswith(_FOREIGN):
        return None
    part = "cert" if site.chain else "fullchain"
    names = {part: name, "key": key, **({"chain": posixpath.basename(site.chain)} if site.chain else {})}
    names = {one: value for one, value in names.items() if value != placement.DEFAULT_NAMES[one]}
    try:
        placement.check_file_names(names)
        return [placement.check_directory(folder)], names
    except ExpectedError:
        return None


def commands_for(daemon: Daemon, running: Running, username: str) -> list[str]:
    """What tests the daemon's configuration, if anything does, and then reloads it, for `username` to run."""
    lines = list(daemon.reload_of(posixpath.basename(running.program), running.configuration))
    elsewhere = running.configuration and running.configuration not in daemon.configurations
    if elsewhere and daemon.directly:
        arguments = " ".join(running.arguments)
        lines = [
            "sudo -n " + line.replace("{program}", running.program).replace("{arguments}", arguments)
            for line in daemon.directly
        ]
    if username in ("root", running.user):
        lines = [line.removeprefix("sudo -n ") for line in lines]
    return [line for line in lines if re.fullmatch(r"[A-Za-z0-9 ._/=@:-]+", line)]


def fill_in(target: Target) -> bool:
    """Put the last suggestion into the row in memory, for a person to review; whether there was one. Saves nothing."""
    fits = target.detected.get("suggestion") or {}
    if not fits.get("daemon"):
        return False
    target.certificate_directories = fits["directories"]
    target.file_names = fits["file_names"]
    target.reload_commands = fits["reload_commands"]
    target.use_sudo = fits["use_sudo"]
    target.webroot = fits["webroot"] or target.webroot
    # Where a web server runs, a listener of ours would find its port taken.
    target.standalone = target.standalone and not target.webroot
    return True
