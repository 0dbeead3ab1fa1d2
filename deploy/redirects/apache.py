"""Apache: the virtual host for a name, and rules that come before whatever redirects."""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from deploy.detection.apache import HOST_BEGINS, HOST_ENDS, read_lines, words_of
from deploy.detection.reading import Reader
from deploy.detection.sites import read_port
from deploy.http01.snippets import apache_lines
from deploy.redirects.vhost import ExactReader, Vhost

_OPENING = re.compile(r"^[ \t]*<VirtualHost\s[^>\n]*>", re.IGNORECASE | re.MULTILINE)


@dataclass
class _Host:
    """The `number`th virtual host of its file."""

    file: str
    number: int
    ports: list[int]
    names: list[str] = field(default_factory=list)


def find_vhosts(reader: ExactReader, configuration: str, hosts: Sequence[str], port: int) -> dict[str, Vhost]:
    """The one that Apache takes for http://`host`:`port`/, by host: the first with the name, else that of the port."""
    known = [one for one in _hosts(reader, configuration) if port in one.ports]
    found = {host: _vhost(reader, known, host) for host in hosts}
    return {host: vhost for host, vhost in found.items() if vhost}


def _vhost(reader: ExactReader, hosts: list[_Host], host: str) -> Vhost | None:
    named = [one for one in hosts if any(fnmatch.fnmatchcase(host.lower(), name) for name in one.names)]
    best = next(iter([*named, *hosts]), None)
    if best is None:
        return None
    openings = list(_OPENING.finditer(reader.text_again(best.file)))
    # A file that is included twice has each of its hosts twice.
    return Vhost(best.file, openings[best.number % len(openings)].end(), apache_lines) if openings else None


def _hosts(reader: Reader, configuration: str) -> list[_Host]:
    found: list[_Host] = []
    current: _Host | None = None
    for file, line in read_lines(reader, configuration):
        begins = HOST_BEGINS.match(line)
        if begins:
            number = sum(one.file == file for one in found)
            current = _Host(file, number, [read_port(one, 80) for one in begins[1].split()])
            found.append(current)
        elif HOST_ENDS.match(line):
            current = None
        elif current is not None:
            name, words = words_of(line)
            if name in ("servername", "serveralias"):
                current.names += [re.sub(r"^\w+://|:\d+$", "", word.lower()) for word in words]
    return found
