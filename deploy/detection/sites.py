"""What detection finds, as plain values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

LONGEST_PATH = 1000


@dataclass(frozen=True)
class Site:
    """One TLS or plain host of a web, mail or proxy server as its configuration says. Paths are absolute or empty.

    `names` empty: it answers for any name. `file` is where it was read, `configuration` where reading began.
    """

    daemon: str
    file: str = ""
    names: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    root: str = ""
    certificate: str = ""
    key: str = ""
    chain: str = ""
    configuration: str = ""

    @property
    def is_sane(self) -> bool:
        """Whether these are paths, and not what somebody fills a page with."""
        paths = (self.file, self.root, self.certificate, self.key, self.chain)
        return all(len(path) <= LONGEST_PATH for path in paths)

    def answers(self, host: str) -> bool:
        return any(_covers(name, host) for name in self.names)


@dataclass(frozen=True)
class Running:
    """A daemon with its process, if one was seen: whose it is, its program, and the configuration that it was given."""

    daemon: str
    user: str = ""
    program: str = ""
    configuration: str = ""
    arguments: tuple[str, ...] = ()


@dataclass
class Found:
    """`sudo`: what `sudo -n -l` listed. `unseen`: what could not be looked at, in words. `processes` None: no shell."""

    system: str = ""
    running: list[Running] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    wordpress: list[str] = field(default_factory=list)
    sudo: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    has_shell: bool = False

    def running_of(self, site: Site) -> Running | None:
        """The daemon that reads the configuration of `site`."""
        same = (one for one in self.running if (one.daemon, one.configuration) == (site.daemon, site.configuration))
        return next(same, None)


def read_port(text: str, usual: int) -> int:
    """The port at the end of `address:port`; `usual` where none is given."""
    last = text.rpartition(":")[2] if "]" not in text else text.rpartition("]")[2].lstrip(":")
    return int(last) if re.fullmatch(r"[0-9]{1,5}", last) else usual


def best_site(sites: Sequence[Site], host: str, port: int) -> Site | None:
    """The one that answers TLS for `host`: by its name, else by the port alone."""
    secure = [site for site in sites if site.certificate]
    by_name = [site for site in secure if site.answers(host)]
    by_port = [site for site in secure if port in site.ports]
    both = [site for site in by_name if port in site.ports]
    return next(iter([*both, *by_name, *by_port]), None)


def plain_site(sites: Sequence[Site], host: str, secure: Site | None) -> Site | None:
    """The one that answers `http://host/`: by its name, else by port 80 in the configuration of the `secure` one.

    A default host in a configuration that says nothing of the name is believed only when nothing else is known: it may
    be that of a second server, on another address.
    """
    plain = [site for site in sites if site.root and not site.certificate]
    by_name = [site for site in plain if site.answers(host)]
    by_port = [site for site in plain if 80 in site.ports]
    beside = [site for site in by_port if secure and site.configuration == secure.configuration]
    return next(iter([*by_name, *beside, *(by_port if secure is None or not secure.root else [])]), None)


def _covers(name: str, host: str) -> bool:
    if name.startswith("*."):
        return host.endswith(name[1:])
    return name.lower() == host.lower()
