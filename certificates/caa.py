"""Whether CAA records let a CA issue (RFC 8659, with the parameters of RFC 8657)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.lib import egress
from config.lib.errors import ExpectedError, NeedsUser, Transient
from config.lib.side_by_side import side_by_side

LOOK_SECONDS = 15.0
LOOKS_AT_ONCE = 8
_RECORD = re.compile(r'(\d+) +(\S+) +"?(.*?)"?')
_KNOWN_TAGS = frozenset({"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"})
_CRITICAL = 128
# Of a parameter: RFC 8659, section 4.2.
_TAG = re.compile(r"[a-z0-9](-*[a-z0-9])*")
_METHOD = re.compile(r"[A-Za-z0-9-]+")
_TEXT = re.compile(r"[\x21-\x3a\x3c-\x7e]*")


@dataclass(frozen=True)
class Unclear:
    """Nobody said anything usable about the CAA records at `at`; `said` is what came instead."""

    at: str
    said: str


type Tree = Mapping[str, Sequence[str] | Unclear]


@dataclass(frozen=True)
class Issuer:
    """Who would issue, for whom and by which challenge; `identities` are the CA's names in CAA records."""

    identities: tuple[str, ...]
    account_uri: str
    method: str = "dns-01"


@dataclass(frozen=True)
class CaaRecord:
    flags: int
    tag: str
    value: str


def refusal_of(names: Sequence[str], issuer: Issuer) -> NeedsUser | Transient | None:
    """`caa_forbids` for the first of `names` that the DNS forbids, None when all may be issued. Blocks.

    `caa_unclear` where the servers of the closest set say nothing usable: a CA refuses then (RFC 8659, section 3).
    """
    if not issuer.identities:
        return None
    tree = look_up_tree(names)
    for name in names:
        found = relevant_set(name, tree)
        if isinstance(found, Unclear):
            return Transient("caa_unclear", name=name, at=found.at, found=found.said)
        if found and not permits(found[1], issuer, is_wildcard=name.startswith("*.")):
            return _refusal(name, found[0], found[1], issuer)
    return None


def look_up_tree(names: Iterable[str]) -> Tree:
    """The CAA records of every name and of everything above it, the top level aside."""
    wanted = sorted({above for name in names for above in climb(name)})
    deadline = egress.Deadline(LOOK_SECONDS)
    found = side_by_side(lambda name: _look_up(name, deadline), wanted, at_once=LOOKS_AT_ONCE)
    return dict(zip(wanted, found, strict=True))


def _look_up(name: str, deadline: egress.Deadline) -> list[str] | Unclear:
    try:
        answers = egress.lookup_records(name, "CAA", deadline)
    except ExpectedError as error:
        return Unclear(name, error.code)
    if any(answer.values is not None for answer in answers):
        return sorted({value for answer in answers for value in answer.values or ()})
    return Unclear(name, ", ".join(sorted({f"{answer.server}: {answer.error}" for answer in answers})))


def climb(name: str) -> list[str]:
    """`a.example.com`, `example.com`: always from the name itself, whatever it is an alias of."""
    labels = name.removeprefix("*.").split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def relevant_set(name: str, tree: Tree) -> tuple[str, list[CaaRecord]] | Unclear | None:
    """The closest records at or above `name`, and where they are."""
    for above in climb(name):
        found = tree.get(above, ())
        if isinstance(found, Unclear):
            return found
        if found:
            return above, [record for text in found if (record := parse(text))]
    return None


def parse(text: str) -> CaaRecord | None:
    """One record in presentation format: `0 issue "letsencrypt.org"`."""
    match = _RECORD.fullmatch(text)
    return CaaRecord(int(match[1]), match[2].lower(), match[3].replace('\\"', '"')) if match else None


def permits(records: Sequence[CaaRecord], issuer: Issuer, *, is_wildcard: bool) -> bool:
    """Whether this set lets `issuer` issue; a set without issue records restricts nobody."""
    if any(record.flags & _CRITICAL and record.tag not in _KNOWN_TAGS for record in records):
        return False
    tags = {record.tag for record in records}
    tag = "issuewild" if is_wildcard and "issuewild" in tags else "issue"
    relevant = [record for record in records if record.tag == tag]
    return not relevant or any(_names(record.value, issuer) for record in relevant)


def _names(value: str, issuer: Issuer) -> bool:
    domain, *pairs = (part.strip(" \t") for part in value.split(";"))
    parameters = _parameters(pairs)
    if domain.lower().rstrip(".") not in issuer.identities or parameters is None:
        return False
    methods = parameters.get("validationmethods", issuer.method).split(",")
    is_allowed = issuer.method in methods and all(_METHOD.fullmatch(method) for method in methods)
    return is_allowed and parameters.get("accounturi", issuer.account_uri) == issuer.account_uri


def _parameters(pairs: Sequence[str]) -> dict[str, str] | None:
    """None where one is malformed or there twice: CAs take such a record for one that names nobody."""
    if pairs == [""]:  # A semicolon with nothing behind it is none.
        return {}
    found: dict[str, str] = {}
    for pair in pairs:
        tag, separator, text = pair.partition("=")
        tag, text = tag.strip(" \t").lower(), text.strip(" \t")
        if not separator or not _TAG.fullmatch(tag) or not _TEXT.fullmatch(text) or tag in found:
            return None
        found[tag] = text
    return found


def _refusal(name: str, at: str, records: Sequence[CaaRecord], issuer: Issuer) -> NeedsUser:
    tags = {record.tag for record in records}
    tag = "issuewild" if name.startswith("*.") and "issuewild" in tags else "issue"
    return NeedsUser(
        "caa_forbids",
        name=name,
        at=at,
        found=", ".join(f'{record.tag} "{record.value}"' for record in records),
        paste=f'{at}. IN CAA 0 {tag} "{issuer.identities[0]}"',
    )
