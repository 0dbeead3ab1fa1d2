"""Which certificates somebody means, of those that have not ended."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db.models import Q, QuerySet

from accounts.models import Workspace
from certificates.cas.known import ca_label
from certificates.models import Certificate, Replacement
from config.lib import clock
from config.lib.errors import NeedsUser
from config.lib.registry import Registry
from domains.models import RevocationWatch

By = Replacement.By
MOST = 5000
READ_AT_ONCE = 500
# Before all certificates; an hour before the first day that there is cannot be told.
FIRST_DAY = date(1900, 1, 1)


@dataclass(frozen=True)
class Holder:
    """What keeps keys outside of the portal: `servers` of a workspace as (id, label), `held` ids of certificates."""

    servers: Callable[[Workspace], Sequence[tuple[str, str]]]
    held: Callable[[Workspace, uuid.UUID], set[uuid.UUID]]


# Whoever installs certificates registers one.
holders: Registry[Holder] = Registry("holders of certificates")


@dataclass(frozen=True)
class Choice:
    """`by` says which of the others counts; `first` and `last` are days, both included."""

    by: str
    certificate: uuid.UUID | None = None
    ca: str = ""
    server: uuid.UUID | None = None
    first: date | None = None
    last: date | None = None


def choose(workspace: Workspace, choice: Choice) -> tuple[str, list[Certificate]]:
    """(in words, the certificates), the newest first. Raises NeedsUser replace_nothing, replace_too_many."""
    what, found = CHOOSERS[By(choice.by)](workspace, choice)
    if not found:
        raise NeedsUser("replace_nothing", what=what)
    if len(found) > MOST:
        raise NeedsUser("replace_too_many", count=len(found), most=MOST)
    return what, found


def _usable(workspace: Workspace, which: Q) -> list[Certificate]:
    return list(_newest_of(workspace, which & Q(revoked_at=None))[: MOST + 1])


def _newest_of(workspace: Workspace, which: Q) -> QuerySet[Certificate]:
    """What is chosen is filtered before it is cut: how many others there are must not matter."""
    rows = Certificate.objects.for_workspace(workspace).filter(which, not_after__gte=clock.now())
    return rows.select_related("domain__workspace").order_by("-created_at", "-pk")


def _by_key(workspace: Workspace, choice: Choice) -> tuple[str, list[Certificate]]:
    rows = Certificate.objects.for_workspace(workspace)
    wanted = rows.filter(pk=choice.certificate).first() if choice.certificate else None
    if wanted is None:
        return "with the key of a certificate that is not there", []
    key = public_key(wanted)
    usable = _newest_of(workspace, Q(revoked_at=None)).iterator(chunk_size=READ_AT_ONCE)
    same = (one for one in usable if one.pk == wanted.pk or (key and public_key(one) == key))
    return f"with the private key of the certificate for {wanted.names[0]}", list(islice(same, MOST + 1))


def _by_ca(workspace: Workspace, choice: Choice) -> tuple[str, list[Certificate]]:
    which = Q(directory_url=choice.ca, source=Certificate.Source.ACME)
    return f"issued by {ca_label(choice.ca)}", _usable(workspace, which)


def _by_server(workspace: Workspace, choice: Choice) -> tuple[str, list[Certificate]]:
    label, held = str(choice.server), set[uuid.UUID]()
    for holder in holders:
        label = dict(holder.servers(workspace)).get(str(choice.server), label)
        held |= holder.held(workspace, choice.server) if choice.server else set()
    return f"whose keys {label} held", _usable(workspace, Q(pk__in=held))


def _by_days(workspace: Workspace, choice: Choice) -> tuple[str, list[Certificate]]:
    within = Q()
    if choice.first:
        within &= Q(not_before__gte=_begins(choice.first, time.min))
    if choice.last:
        within &= Q(not_before__lte=_begins(choice.last, time.max))
    words = [f"from {choice.first}" if choice.first else "", f"to {choice.last}" if choice.last else ""]
    told = " ".join(filter(None, ["issued", *words])) if any(words) else "that there are"
    return told, _usable(workspace, within)


def _begins(day: date, at: time) -> datetime:
    """When what is made then begins to be valid: an hour before, else it would fall on the day before."""
    return datetime.combine(max(day, FIRST_DAY), at, UTC) - timedelta(hours=1)


def _by_revocation(workspace: Workspace, choice: Choice) -> tuple[str, list[Certificate]]:
    listed = RevocationWatch.objects.for_workspace(workspace).filter(revoked_at__isnull=False)
    in_lists = Q(fingerprint_sha256__in=listed.values("fingerprint_sha256"))
    found = _newest_of(workspace, in_lists | Q(revoked_at__isnull=False))
    return "that is revoked", list(found[: MOST + 1])


CHOOSERS: dict[By, Callable[[Workspace, Choice], tuple[str, list[Certificate]]]] = {
    By.KEY: _by_key,
    By.CA: _by_ca,
    By.SERVER: _by_server,
    By.ISSUED: _by_days,
    By.REVOKED: _by_revocation,
}


def public_key(certificate: Certificate) -> bytes:
    """The key that it certifies, as DER; empty where it cannot be read."""
    try:
        leaf = x509.load_pem_x509_certificate(certificate.leaf_pem.encode())
        return leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except ValueError:
        return b""
