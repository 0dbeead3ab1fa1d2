"""The one place that opens a provider's secrets: in the worker, for the length of one visit."""

import json

from certificates.dns.providers.kinds import kinds
from certificates.dns.providers.visiting import Access
from certificates.models import DnsProvider


def access_of(provider: DnsProvider) -> Access:
    secrets = dict(json.loads(provider.sealed_secrets.reveal_text())) if provider.sealed_secrets else {}
    return Access(kinds.get(provider.kind), provider.zone, {**provider.config, **secrets})
