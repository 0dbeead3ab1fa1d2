"""Whether resolvers that check signatures still believe a name's zone. CAs' resolvers all do."""

from collections.abc import Sequence

from config.lib import egress
from config.lib.errors import Transient
from config.lib.side_by_side import side_by_side

LOOK_SECONDS = 10.0
LOOKS_AT_ONCE = 8


def broken_dnssec(names: Sequence[str]) -> Transient | None:
    """`dnssec_broken` for the first of `names` whose zone does not validate, None where all do. Blocks.

    Resolvers that check nothing themselves find nothing, and then the CA's look decides.
    """
    hosts = list(dict.fromkeys(name.removeprefix("*.") for name in names))
    deadline = egress.Deadline(LOOK_SECONDS)
    found = side_by_side(lambda host: egress.signature_trouble(host, deadline), hosts, at_once=LOOKS_AT_ONCE)
    for host, trouble in zip(hosts, found, strict=True):
        if trouble:
            return Transient("dnssec_broken", name=host, detail=trouble)
    return None
