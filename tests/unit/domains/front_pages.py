"""Front pages as judged, without a network: what came back, in a few words."""

from collections.abc import Iterable, Sequence

from config.lib.egress import Hop
from domains.hosting.evidence import facts_of_dns, facts_of_names, facts_of_page
from domains.hosting.judging import Verdict, judge, outcome_of

HOST = "www.forge.org"


def hop(*headers: str, page: str = "", status: int = 200, url: str = f"https://{HOST}/") -> Hop:
    """An answer with headers as people write them, `Name: value`."""
    pairs = (one.partition(":") for one in headers)
    heads = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
    return Hop(url, status, heads, page.encode())


def verdict(
    *headers: str,
    page: str = "",
    status: int | None = 200,
    before: Sequence[Hop] = (),
    elsewhere: bool = False,
    cnames: Iterable[str] = (),
    nameservers: Iterable[str] = (),
    addresses: Iterable[str] = (),
    names: Iterable[str] = (),
    url: str = f"https://{HOST}/",
) -> Verdict:
    """The judgement of a site that answers like this; status None: it does not answer."""
    hops = [*before] if status is None else [*before, hop(*headers, page=page, status=status, url=url)]
    facts = [*facts_of_page(hops, HOST), *facts_of_dns(cnames, nameservers, addresses), *facts_of_names(names)]
    return judge(facts, outcome_of(facts, status, is_elsewhere=elsewhere))


def shown(found: Verdict) -> set[str]:
    return {one.platform for one in found.badges}
