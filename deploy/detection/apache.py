"""Apache's configuration: virtual hosts, `Include`, variables set by `Define`."""

import posixpath
import re
import shlex
from collections.abc import Iterator

from deploy.detection.reading import MAX_SIZE, Reader
from deploy.detection.sites import Site, read_port

NAME = "Apache"
USUAL = ("/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf")
DEEPEST = 20
LONGEST_LINE = 8192

_CONTINUED = re.compile(r"\\\r?\n")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
HOST_BEGINS = re.compile(r"<VirtualHost\s++([^>]*+)>", re.IGNORECASE)
HOST_ENDS = re.compile(r"</VirtualHost>", re.IGNORECASE)

type Line = tuple[str, list[str]]


def read_sites(reader: Reader, path: str) -> list[Site]:
    """Every virtual host of the configuration that begins at `path`, with what it takes over from the main server."""
    lines = read_lines(reader, path)
    main = dict[str, list[str]]()
    sites: list[Site] = []
    current: dict[str, list[str]] | None = None
    where, file = "", path
    for file_of_line, line in lines:
        begins = HOST_BEGINS.match(line)
        if begins:
            current, where, file = {}, begins[1], file_of_line
        elif HOST_ENDS.match(line):
            sites += [_site(current, main, where, file)] if current is not None else []
            current = None
        else:
            name, words = words_of(line)
            settings = main if current is None else current
            settings.setdefault(name, []).extend(words)
    return sites


def read_lines(reader: Reader, path: str) -> list[tuple[str, str]]:
    """(file, line) of the configuration that begins at `path`, with all that it includes in its place."""
    return list(_lines(reader, path, _Place(posixpath.dirname(path)), 0))


class _Place:
    """Where relative paths begin, and the variables; both change while lines are read."""

    def __init__(self, root: str) -> None:
        self.root = root.removesuffix("/conf")
        self.variables: dict[str, str] = {}
        self.room = MAX_SIZE

    def learn(self, name: str, words: list[str]) -> None:
        if name == "serverroot" and words:
            self.root = words[0]
        if name == "define" and len(words) == 2:
            self.variables[words[0]] = words[1]

    def filled(self, line: str) -> str:
        """Empty where it would be longer than a line may be: variables made of variables double each time."""
        if "${" not in line:
            return line
        if len(line) > LONGEST_LINE or self.room < 0:
            return ""
        line = _VARIABLE.sub(lambda found: self.variables.get(found[1], found[0]), line)
        self.room -= len(line)
        return line if len(line) <= LONGEST_LINE else ""


def _lines(reader: Reader, path: str, place: _Place, depth: int) -> Iterator[tuple[str, str]]:
    """(file, line) of all that is included, relative paths of certificates and roots made absolute."""
    for raw in _CONTINUED.sub(" ", reader.text(path)).splitlines():
        line = place.filled(raw.strip())
        if not line or line.startswith("#"):
            continue
        name, words = words_of(line)
        place.learn(name, words)
        if name in ("include", "includeoptional") and words and depth < DEEPEST:
            for one in reader.matching(posixpath.join(place.root, words[0])):
                yield from _lines(reader, one, place, depth + 1)
        elif name in _PATHS and words:
            yield path, f'{name} "{posixpath.join(place.root, words[0])}"'
        else:
            yield path, line


_PATHS = ("documentroot", "sslcertificatefile", "sslcertificatekeyfile", "sslcertificatechainfile")


def words_of(line: str) -> Line:
    """The directive in lower case, and its arguments; a line that is no directive has an odd name and harms nobody."""
    try:
        words = shlex.split(line, comments=False)
    except ValueError:
        words = line.split()
    return (words[0].lower() if words else ""), words[1:]


def _site(own: dict[str, list[str]], main: dict[str, list[str]], where: str, file: str) -> Site:
    is_secure = any(word.lower() == "on" for word in own.get("sslengine", main.get("sslengine", [])))

    def last(name: str) -> str:
        return next(reversed(own.get(name) or main.get(name) or [""]))

    return Site(
        daemon=NAME,
        file=file,
        names=(*own.get("servername", []), *own.get("serveralias", [])),
        ports=tuple(read_port(one, 80) for one in where.split()),
        root=last("documentroot"),
        certificate=last("sslcertificatefile") if is_secure else "",
        key=last("sslcertificatekeyfile") if is_secure else "",
        chain=last("sslcertificatechainfile") if is_secure else "",
    )
