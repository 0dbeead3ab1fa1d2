"""The tabs of a domain's page, registered by the rooms that own them."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from config.lib.registry import Registry
from domains.models import Domain


@dataclass(frozen=True)
class Tab:
    """`url_name` takes (workspace id, domain id); tabs stand in the order of `position`."""

    key: str
    label: str
    url_name: str
    position: int


tabs: Registry[Tab] = Registry("domain tabs")


def register(tab: Tab) -> None:
    tabs.add(tab.key, tab)


def tabs_for(domain: Domain, current: str) -> list[dict[str, Any]]:
    """The tab bar as `components/tabs.html` takes it."""
    return [
        {
            "label": tab.label,
            "url": reverse(tab.url_name, args=[domain.workspace_id, domain.pk]),
            "is_current": tab.key == current,
        }
        for tab in sorted(tabs, key=lambda tab: tab.position)
    ]


def domain_context(domain: Domain, current: str) -> dict[str, Any]:
    """What `domains/base_domain.html` needs; each tab's view adds its own."""
    return {
        "domain": domain,
        "workspace": domain.workspace,
        "section": "domains",
        "tabs": tabs_for(domain, current),
        "tags": list(domain.tag_rows.order_by("name").values_list("name", flat=True)),
    }
