"""Whether the names of a renewal lead where its domain does, by what visits have seen: no DNS is asked here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from domains.models import Domain, Visit


@dataclass(frozen=True)
class Stray:
    """A name that was last seen at `address`, while the domain itself was seen at `expected`."""

    name: str
    host: str
    address: str
    expected: str

    @property
    def title(self) -> str:
        return f"{self.name} may lead elsewhere"

    @property
    def why(self) -> str:
        return (
            f"It was last seen at {self.address}, and {self.host} at {self.expected}. Unless what answers there passes "
            "requests on to the first server, the CA finds no token for it."
        )

    @property
    def fix(self) -> str:
        return "Correct its A and AAAA records, or leave it out. Rehearse now asks there as the CA will."


def strays_of(domain: Domain, names: Sequence[str]) -> list[Stray]:
    """In the order of `names`; of those that the workspace does not watch nothing is known. One query."""
    seen: dict[str, list[str]] = {}
    rows = Visit.objects.for_workspace(domain.workspace_id).filter(domain__host__in={domain.host, *names})
    for host, address in rows.exclude(address="").order_by("-visited_at").values_list("domain__host", "address"):
        seen.setdefault(host, []).append(address)
    home = seen.get(domain.host, [])
    others = [name for name in names if name != domain.host]
    return [stray for name in others for stray in _stray(domain, name, seen.get(name, []), home)]


def _stray(domain: Domain, name: str, found: Sequence[str], home: Sequence[str]) -> Iterator[Stray]:
    """At most one. IPv4 says nothing about IPv6: a name is seen at one address of several."""
    for address in found:
        alike = [one for one in home if ip_address(one).version == ip_address(address).version]
        if alike and address not in alike:
            yield Stray(name, domain.host, address, alike[0])
            return
