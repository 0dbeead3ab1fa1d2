"""How a target answers HTTP-01: pure allow-lists, as strict as those for certificate directories."""

import re
from dataclasses import dataclass
from typing import Any

from config.lib.errors import NeedsUser
from deploy.models import Target
from deploy.ssh.placement import shown

USUAL_PORT = 80
# As long as its column.
_PATH = re.compile(r"/[A-Za-z0-9._@+/-]{1,199}")
# Nothing is served from these, and with a mistyped path a file of ours would lie where a program reads it.
_FORBIDDEN = re.compile(
    r"/(etc|usr|bin|sbin|lib|lib64|var|home|root|opt|srv|tmp)"
    r"|/(boot|dev|proc|sys|etc|run)(/.*)?"
    r"|/var/spool/cron(/.*)?"
    r"|/(usr/|usr/local/)?(bin|sbin|lib|lib64)(/.*)?"
    r"|(/.*)?/\.ssh(/.*)?"
)


@dataclass(frozen=True)
class Http01:
    """The folder that the web server serves, or our own listener with its port; empty: this target answers nothing."""

    webroot: str = ""
    standalone: bool = False
    port: int = USUAL_PORT
    use_sudo: bool = False

    @property
    def is_chosen(self) -> bool:
        return bool(self.webroot or self.standalone)

    def shown(self) -> dict[str, Any]:
        """For the audit trail."""
        listener = {"port": self.port, "sudo": self.use_sudo} if self.standalone else None
        return {"webroot": self.webroot, "listener": listener}


# A target that answers nothing.
NO_ANSWER = Http01()


def http01_of(target: Target) -> Http01:
    return Http01(target.webroot, target.standalone, target.standalone_port, target.standalone_use_sudo)


def keep_http01(target: Target, chosen: Http01) -> None:
    """Set the columns named by COLUMNS; saves nothing."""
    target.webroot, target.standalone = chosen.webroot, chosen.standalone
    target.standalone_port, target.standalone_use_sudo = chosen.port, chosen.use_sudo


COLUMNS = ("webroot", "standalone", "standalone_port", "standalone_use_sudo")


def check_webroot(text: str) -> str:
    """An absolute directory without tricks, final slash removed, or empty. Raises NeedsUser('webroot_not_allowed')."""
    path = text.strip()
    path = path[:-1] if len(path) > 1 and path.endswith("/") else path
    if not path:
        return ""
    parts = path.split("/")[1:]
    odd = any(part in ("", ".", "..", ".well-known") or part.startswith(".mmc-") for part in parts)
    if not _PATH.fullmatch(path) or odd or _FORBIDDEN.fullmatch(path):
        raise NeedsUser("webroot_not_allowed", path=shown(text))
    return path


def check_listener_port(port: int) -> int:
    """Raises NeedsUser('listener_port_not_allowed')."""
    if not 1 <= port <= 65535:
        raise NeedsUser("listener_port_not_allowed", port=port)
    return port


def check_http01(chosen: Http01) -> Http01:
    """One way or the other. Raises NeedsUser('http01_both_ways')."""
    if chosen.webroot and chosen.standalone:
        raise NeedsUser("http01_both_ways")
    return chosen
