"""Snippets of the documentation: each with its button, and the reader's own names in the place of the examples."""

import html
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from accounts.models import Membership
from deploy.models import Server
from domains.models import Domain

# What the pages are written with.
PORTAL, PORTAL_HOST = "https://portal.example.com", "portal.example.com"
DOMAIN, HOST, USER = "shop.example.com", "web-01.example.com", "mmc-deploy"
_BLOCK = re.compile(r"<pre><code[^>]*>(.*?)</code></pre>", re.DOTALL)
# What a shell takes as it stands; other names are left to the reader.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def names_of(user: Any) -> dict[str, str]:
    """The example names that stand for something of this reader's, with what they stand for.

    Of the workspace that the reader lands in: its first domain and its first server.
    """
    # The address before the host in it.
    names = {PORTAL: settings.SITE_URL, PORTAL_HOST: settings.SITE_HOST}
    membership = Membership.objects.open().filter(user=user).order_by("created_at", "id").first() if user.pk else None
    if membership is None:
        return names
    domain = Domain.objects.for_workspace(membership.workspace_id).order_by("created_at", "id").first()
    server = Server.objects.for_workspace(membership.workspace_id).order_by("created_at", "id").first()
    own = {DOMAIN: domain.host} if domain else {}
    if server:
        own |= {HOST: server.host, USER: server.username}
    return names | {example: name for example, name in own.items() if _PLAIN.fullmatch(name)}


def dress(page: str, names: Mapping[str, str]) -> SafeString:
    """A rendered page with each of its snippets to copy, filled with `names`."""
    # The page is our own; what is filled in is escaped by the component.
    return mark_safe(_BLOCK.sub(lambda found: _snippet(html.unescape(found[1]), names), page))  # noqa: S308


def _snippet(text: str, names: Mapping[str, str]) -> str:
    value = fill(text.rstrip("\n"), names)
    return render_to_string("components/copy.html", {"value": value, "multiline": True, "label": "these lines"})


def fill(text: str, names: Mapping[str, str]) -> str:
    """Whole words only: `mmc-deploy-ed25519` is a file of its own name. No name holds a backslash."""
    for example, name in names.items():
        text = re.sub(rf"(?<![\w-]){re.escape(example)}(?![\w-])", name, text)
    return text
