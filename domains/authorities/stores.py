"""Each workspace's root store: the public roots, those of the installation, and its own.

A store is built once per set of certificates and kept; a batch of visits costs one query, and a second
one when a set is met for the first time in this process.
"""

import threading
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Mapping

from django.conf import settings

from config.lib import x509
from domains.models import WorkspaceRoot

# A store shares its certificates with the public one: a thousand of them take a few megabytes.
STORES_KEPT = 500

_stores: OrderedDict[tuple[str, frozenset[str]], x509.Roots] = OrderedDict()
_lock = threading.Lock()


def roots_of_workspaces(workspaces: Collection[uuid.UUID]) -> Mapping[uuid.UUID, x509.Roots]:
    """The store that decides about each of these workspaces' domains."""
    base = x509.load_roots(settings.TLS_EXTRA_CA_BUNDLE)
    own: dict[uuid.UUID, set[str]] = defaultdict(set)
    rows = WorkspaceRoot.unscoped.filter(workspace_id__in=workspaces)
    for workspace_id, digest in rows.values_list("workspace_id", "fingerprint_sha256"):
        own[workspace_id].add(digest)
    stores = {digests: _known(base, digests) for digests in {frozenset(each) for each in own.values()}}
    _build_missing(base, stores)
    return {key: stores[frozenset(own[key])] or base if key in own else base for key in workspaces}


def _known(base: x509.Roots, digests: frozenset[str]) -> x509.Roots | None:
    with _lock:
        found = _stores.get((base.version, digests))
        if found:
            _stores.move_to_end((base.version, digests))
        return found


def _build_missing(base: x509.Roots, stores: dict[frozenset[str], x509.Roots | None]) -> None:
    missing = [digests for digests, store in stores.items() if store is None]
    if not missing:
        return
    rows = WorkspaceRoot.unscoped.filter(fingerprint_sha256__in=frozenset().union(*missing))
    ders = {digest: bytes(der) for digest, der in rows.values_list("fingerprint_sha256", "der")}
    for digests in missing:
        # One that was removed since the first query is missing here: the next batch sees the smaller set.
        store = x509.roots_with(base, [ders[each] for each in sorted(digests) if each in ders])
        stores[digests] = store
        if ders.keys() >= digests:
            _keep(base, digests, store)


def _keep(base: x509.Roots, digests: frozenset[str], store: x509.Roots) -> None:
    with _lock:
        _stores[base.version, digests] = store
        while len(_stores) > STORES_KEPT:
            _stores.popitem(last=False)
