"""The virtual host that answers http://<host>/, and what is put into it. Pure."""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from deploy.detection.reading import Reader
from deploy.ssh.files import RemoteFiles

_BEGINS = "# managemycert: the ACME challenge of {host} begins (Fix ACME redirect)"
_ENDS = "# managemycert: the ACME challenge of {host} ends"


@dataclass(frozen=True)
class Vhost:
    """`opens`: the offset in its file's text where its inside begins. `block` makes the lines for a webroot.

    `is_taken`: it has a place of its own for the path already, beside which another one would be refused.
    """

    file: str
    opens: int
    block: Callable[[str], list[str]]
    is_taken: bool = False


class ExactReader(Reader):
    """Reads files without the lines that earlier fixes for `hosts` put there, so that they can be done again.

    Every byte survives: what is no UTF-8 is escaped on the way in and out. `found` is what lies there by path.
    """

    def __init__(self, files: RemoteFiles, hosts: Sequence[str]) -> None:
        super().__init__(files)
        self.hosts = hosts
        self.found: dict[str, bytes] = {}

    def text(self, path: str) -> str:
        self.found[path] = self.content(path)
        return self.text_again(path)

    def text_again(self, path: str) -> str:
        """Of a file that was read."""
        return without_blocks(self.found[path].decode(errors="surrogateescape"), self.hosts)

    def has_block(self, path: str, host: str) -> bool:
        """Whether our lines for `host` stand in a file that was read."""
        return _BEGINS.format(host=host).encode() in self.found[path]


def without_blocks(text: str, hosts: Iterable[str]) -> str:
    """`text` as it is without our lines for `hosts`."""
    for host in hosts:
        first, last = (re.escape(mark.format(host=host)) for mark in (_BEGINS, _ENDS))
        text = re.sub(rf"^[ \t]*{first}\r?\n.*?^[ \t]*{last}\r?\n", "", text, flags=re.DOTALL | re.MULTILINE)
    return text


def with_block(text: str, host: str, opens: int, lines: list[str]) -> str:
    """`text`, which has none of our lines before `opens`, with `lines` as the first thing behind it."""
    line_begins = text.rfind("\n", 0, opens) + 1
    outer = re.match(r"[ \t]*", text[line_begins:opens])
    end = "\r\n" if "\r\n" in text else "\n"
    indent = (outer[0] if outer else "") + "    "
    marked = [_BEGINS.format(host=host), *lines, _ENDS.format(host=host)]
    block = "".join(f"{indent}{line}{end}" for line in marked)
    rest_of_line = re.compile(r"[ \t]*\r?\n").match(text, opens)
    if rest_of_line:
        return text[: rest_of_line.end()] + block + text[rest_of_line.end() :]
    return text[:opens] + end + block + text[opens:]


def unified_diff(path: str, before: bytes, after: bytes) -> str:
    """As `diff -u` shows it, for people to read."""
    old, new = (one.decode(errors="replace").splitlines() for one in (before, after))
    return "\n".join(difflib.unified_diff(old, new, path, f"{path} (with this change)", lineterm=""))
