"""nginx: the server block for a name, and a location that comes before whatever redirects."""

import fnmatch
from collections.abc import Iterator, Sequence
from functools import partial

from deploy.detection.nginx import Directive, read_tree
from deploy.detection.reading import Reader
from deploy.detection.sites import read_port
from deploy.http01.snippets import PATH, nginx_lines
from deploy.redirects.vhost import Vhost

# Worked off before a location is chosen when they stand in the server block itself.
_BEFORE_LOCATIONS = ("return", "rewrite", "if")


def find_vhosts(reader: Reader, configuration: str, hosts: Sequence[str], port: int) -> dict[str, Vhost]:
    """The server block that nginx takes for http://`host`:`port`/, by host (ngx_http_core: server_name's order)."""
    servers = [one for one in _servers(read_tree(reader, configuration)) if port in _ports(one)]
    if not servers:
        return {}
    return {host: _vhost(max(servers, key=partial(_rank, host=host))) for host in hosts}


def _vhost(best: Directive) -> Vhost:
    inside = best.inside or []
    is_early = any(one.words[0] in _BEFORE_LOCATIONS for one in inside)
    has_location = any(map(_is_same_location, inside))
    block = partial(nginx_lines, is_early=is_early, has_location=has_location)
    return Vhost(best.file, best.opens, block, is_taken=has_location and not is_early)


def _servers(tree: Sequence[Directive]) -> Iterator[Directive]:
    for one in tree:
        if one.words[0] == "http":
            yield from (inner for inner in one.inside or [] if inner.words == ["server"])


def _lists(server: Directive, name: str) -> list[list[str]]:
    found = [one.words[1:] for one in server.inside or [] if one.inside is None and one.words[0] == name]
    return [words for words in found if words]


def _ports(server: Directive) -> list[int]:
    return [read_port(words[0], 80) for words in _lists(server, "listen")] or [80]


def _rank(server: Directive, host: str) -> int:
    """How well it fits: by its name, as the default, or (0) only by coming first."""
    names = [name for words in _lists(server, "server_name") for name in words]
    is_default = any({"default_server", "default"} & set(words) for words in _lists(server, "listen"))
    return max((_rank_of_name(name.lower(), host.lower()) for name in names), default=0) or int(is_default)


def _rank_of_name(name: str, host: str) -> int:
    """0 also for a regular expression: a stranger's is not run here, and the request afterwards tells."""
    if name == host:
        return 1000
    if name.startswith("."):
        return 999 if host == name[1:] else 500 + len(name) if host.endswith(name) else 0
    if name.startswith("*."):
        return 500 + len(name) if host.endswith(name[1:]) else 0
    return 100 + len(name) if name.endswith(".*") and fnmatch.fnmatchcase(host, name) else 0


def _is_same_location(one: Directive) -> bool:
    return one.words[0] == "location" and one.words[-1] == PATH and one.words[1] in ("^~", PATH)
