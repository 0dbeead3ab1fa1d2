"""Whether resolvers that check signatures still believe a name's zone. CAs' resolvers all do."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from config.lib import egress
from config.lib.errors import Transient

LOOK_SECONDS = 10.0
LOOKS_AT_ONCE = 8


def broken_dnssec(names: Sequence[str]) -> Transient | None:
    """`dnssec_broken` for the first of `names` whose zone does not validate, None where all do. Blocks.

    Resolvers that check nothing themselves find nothing, and then the CA's look decides.
    """
    hosts = list(dict.fromkeys(name.removeprefix("*.") for name in names))
    deadline = egress.Deadline(LOOK_SECONDS)
    with ThreadPoolExecutor(min(len(hosts), LOOKS_AT_ONCE)) as pool:
        found = list(pool.map(lambda host: egress.signature_trouble(host, deadline), hosts))
    for host, trouble in zip(hosts, found, strict=True):
        if trouble:
            return Transient("dnssec_broken", name=host, detail=trouble)
    return None
