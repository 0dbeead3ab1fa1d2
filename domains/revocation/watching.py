"""Which certificates are looked up in which list: kept by the visit, which itself fetches nothing."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from config.lib import clock, jobs, x509
from domains.findings import replace_findings
from domains.models import Domain, RevocationList, RevocationWatch

SOURCE = "revocation"
# A list that was fetched this recently is not fetched again for one more certificate.
FETCHED_RECENTLY = timedelta(hours=1)


@dataclass(frozen=True)
class Served:
    """What a verified domain serves; `kept` are the fingerprints of what it serves in turn with it."""

    domain: Domain
    ders: Sequence[bytes]
    roots: x509.Roots
    kept: Collection[str] = ()


def watch_certificates(served: Iterable[Served]) -> None:
    """From now on look up what these domains serve, where a trusted chain and a list are there. Repeatable.

    Certificates that are served no more are forgotten, with their findings. CPU and database only; inside
    the transaction of the visits, which holds the domains.
    """
    found = [(one, x509.revocation_source(one.ders, one.roots, clock.now())) for one in served]
    lists = _lists({_key(source): source for _, source in found if source})
    for one, source in found:
        _watch(one, source, lists[_key(source)] if source else None)
        show_findings(one.domain)


def _key(source: x509.Source) -> tuple[str, str]:
    return source.url, hashlib.sha256(source.issuer_der).hexdigest()


def _lists(sources: Mapping[tuple[str, str], x509.Source]) -> dict[tuple[str, str], RevocationList]:
    """The row of each list, made where there is none; in one order, since all workers share these rows."""
    rows = {}
    for key in sorted(sources):
        issuer = sources[key].issuer_der
        name = x509.certificate_facts(issuer).common_name
        rows[key], _ = RevocationList.objects.get_or_create(
            url=key[0], issuer_sha256=key[1], defaults={"issuer_der": issuer, "issuer_name": name}
        )
    return rows


def _watch(one: Served, source: x509.Source | None, row: RevocationList | None) -> None:
    current = x509.fingerprint(one.ders[0])
    watches = RevocationWatch.unscoped.filter(domain=one.domain)
    watches.exclude(fingerprint_sha256__in=[*one.kept, current] if source else one.kept).delete()
    if source is None or row is None or watches.filter(fingerprint_sha256=current, source=row).exists():
        return
    watches.update_or_create(
        domain=one.domain,
        fingerprint_sha256=current,
        defaults={"workspace_id": one.domain.workspace_id, "source": row, "serial": source.serial},
    )
    # After the commit: no transaction of a visit may hold a row that all workers share.
    transaction.on_commit(lambda: _fetch_soon(row))


def _fetch_soon(row: RevocationList) -> None:
    """Thousands of new certificates of one authority make its list be fetched once an hour at most."""
    now = clock.now()
    soon = max(now, row.fetched_at + FETCHED_RECENTLY) if row.fetched_at else now
    later = Q(run_after__isnull=True) | Q(run_after__gt=soon)
    RevocationList.objects.filter(later, pk=row.pk).update(run_after=soon)
    if soon <= now:
        jobs.ring("revocation")


def show_findings(domain: Domain) -> None:
    """Open or close the finding by what the watches say."""
    rows = RevocationWatch.unscoped.filter(domain=domain, revoked_at__isnull=False).select_related("source")
    revoked = rows.order_by("revoked_at").first()
    found = {"revoked": ("critical", _told(revoked))} if revoked else {}
    replace_findings(domain=domain, source=SOURCE, found=found)


def _told(watch: RevocationWatch) -> dict[str, str]:
    reason = f", because of: {_words(watch.reason)}" if watch.reason else ""
    return {
        "issuer": watch.source.issuer_name or "its issuer",
        "at": f"{watch.revoked_at:%Y-%m-%d %H:%M} UTC",
        "because": reason,
        "serial": watch.serial,
        "fingerprint_sha256": watch.fingerprint_sha256,
    }


def _words(reason: str) -> str:
    """`keyCompromise` as `key compromise`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in reason).strip()
