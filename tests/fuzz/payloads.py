"""Texts that try to become more than one word of a command: quotes, signs of the shell, options, odd bytes."""

import random
from collections.abc import Iterator
from pathlib import Path

# Each would make the file CANARY if any part of it were run.
_DEEDS = (
    "touch {c}", "touch${{IFS}}{c}", ">{c}", "{{touch,{c}}}", "$(touch {c})", "`touch {c}`", "eval touch {c}",
    "sh -c 'touch {c}'", "exec touch {c}", "printf x>{c}", "cp /etc/hostname {c}", "tee {c}</etc/hostname",
)  # fmt: skip
_DOORS = (
    "; {d}", "| {d}", "|| {d}", "&& {d}", "& {d}", "\n{d}\n", "$({d})", "`{d}`", "'; {d}; '", '"; {d}; "', "' {d} '",
    "'\"'\"'; {d} #", "\\'; {d} #", "\\\"; {d} #", "'$({d})'", '"$({d})"', ") {d}", "}} {d}", "<({d})",
    "<<X\n$({d})\nX",
    "# \n{d}", "\r\n{d}", "\x00{d}", "-- ; {d}", "--reference={d}", "-o ProxyCommand={d}", "-exec {d} ;", "{{}};{d}",
    "' \\\n; {d}", "''''; {d}", "$'\\n'{d}", "\\\n{d}", "!{d}", "%0a{d}", "\u2028{d}", "\uff07; {d}",
)  # fmt: skip
_AROUND = (
    "{p}", "/etc/nginx/ssl/{p}", "/srv/tls{p}", "{p}/tls", "/srv/tls/../{p}", "/srv/*/{p}", "~/{p}", "cert.pem{p}",
    "root{p}", "root:{p}", "{p}:root", "/srv/tls/ {p}", "-{p}", "/{p}", "/srv/.mmc-stage-{p}", "{p}" * 3,
)  # fmt: skip


def payloads(number: int, canary: Path, *, seed: int = 7) -> Iterator[str]:
    """`number` different texts, the same for the same seed."""
    choose = random.Random(seed)
    seen: set[str] = set()
    while len(seen) < number:
        deed = choose.choice(_DEEDS).format(c=canary)
        text = choose.choice(_AROUND).replace("{p}", choose.choice(_DOORS).format(d=deed))
        if choose.random() < 0.3:
            place = choose.randrange(len(text))
            text = text[:place] + choose.choice("'\"\\ \t\n$`;&|<>(){}[]*?~#!%^é\x7f") + text[place:]
        if text not in seen:
            seen.add(text)
            yield text
