"""nginx's configuration as it is written: blocks, `include`, and what a server inherits."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from deploy.detection.reading import Reader
from deploy.detection.sites import Site, read_port

NAME = "nginx"
USUAL = "/etc/nginx/nginx.conf"
DEEPEST = 20

# `${…}` is bounded: one that never ends would else be looked for from every place where one begins.
_TOKEN = re.compile(
    r"""#[^\n]*|"((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)'|([{};])|((?:\\.|\$\{\w{1,64}\}|[^\s{};"'\\])++)"""
)
# What a server inherits, as far as it matters here.
_INHERITED = ("root", "ssl", "ssl_certificate", "ssl_certificate_key")


@dataclass(slots=True)
class Directive:
    """`file` is where it stands; `inside` is None for one that ends with a semicolon.

    `opens` is the offset in the file's text behind its brace, 0 without one.
    """

    words: list[str]
    file: str
    inside: list["Directive"] | None = None
    opens: int = 0


def read_sites(reader: Reader, path: str) -> list[Site]:
    """Every `server` of the configuration that begins at `path`."""
    return list(_servers(read_tree(reader, path), posixpath.dirname(path), {}))


def read_tree(reader: Reader, path: str) -> list[Directive]:
    """The configuration that begins at `path`, with all that it includes in its place."""
    return _expanded(_parsed(reader.text(path), path), reader, posixpath.dirname(path), 0)


def _parsed(text: str, file: str) -> list[Directive]:
    top: list[Directive] = []
    open_blocks, words = [top], list[str]()
    for match in _TOKEN.finditer(text):
        double, single, sign, plain = match.groups()
        if sign is None:
            word = next((one for one in (double, single, plain) if one is not None), None)
            words += [word] if word is not None else []
            continue
        if sign == "}":
            open_blocks = open_blocks[:-1] or [top]
        elif words:
            one = Directive(words, file, [], match.end()) if sign == "{" else Directive(words, file)
            open_blocks[-1].append(one)
            if one.inside is not None and len(open_blocks) < DEEPEST:
                open_blocks.append(one.inside)
        words = []
    return top


def _expanded(found: Sequence[Directive], reader: Reader, prefix: str, depth: int) -> list[Directive]:
    """With each `include` replaced by what it includes."""
    result: list[Directive] = []
    for one in found:
        if one.words[0] == "include" and len(one.words) == 2 and depth < DEEPEST:
            for path in reader.matching(posixpath.join(prefix, one.words[1])):
                result += _expanded(_parsed(reader.text(path), path), reader, prefix, depth + 1)
        elif one.inside is not None:
            result.append(replace(one, inside=_expanded(one.inside, reader, prefix, depth)))
        else:
            result.append(one)
    return result


def _servers(found: Sequence[Directive], prefix: str, inherited: dict[str, str]) -> Iterator[Site]:
    own = inherited | _told(found)
    for one in found:
        if one.inside is None:
            continue
        if one.words == ["server"]:
            yield _site(one, prefix, own)
        elif one.words[0] in ("http", "stream", "mail"):
            yield from _servers(one.inside, prefix, own)


def _told(found: Sequence[Directive]) -> dict[str, str]:
    simple = (one.words for one in found if one.inside is None and len(one.words) > 1)
    return {words[0]: words[1] for words in simple if words[0] in _INHERITED}


def _site(server: Directive, prefix: str, inherited: dict[str, str]) -> Site:
    inside = server.inside or []
    own = inherited | _told(inside)
    plain = [one.words for one in inside if one.inside is None]
    listens = [words for words in plain if words[0] == "listen" and len(words) > 1]
    is_secure = any("ssl" in words[2:] for words in listens) or own.get("ssl") == "on"
    names = [name for words in plain if words[0] == "server_name" for name in words[1:]]
    return Site(
        daemon=NAME,
        file=server.file,
        names=tuple(name for name in names if name not in ("", "_")),
        ports=tuple(read_port(words[1], 80) for words in listens),
        root=_path(own.get("root", "") or _root_of_location(inside), prefix),
        certificate=_path(own.get("ssl_certificate", ""), prefix) if is_secure else "",
        key=_path(own.get("ssl_certificate_key", ""), prefix) if is_secure else "",
    )


def _root_of_location(inside: Sequence[Directive]) -> str:
    for one in inside:
        if one.words == ["location", "/"]:
            return next(
                (inner.words[1] for inner in one.inside or [] if inner.words[0] == "root" and len(inner.words) > 1), ""
            )
    return ""


def _path(value: str, prefix: str) -> str:
    """Absolute; empty for what only a request decides."""
    return posixpath.join(prefix, value) if value and "$" not in value else ""
