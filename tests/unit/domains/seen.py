"""A visit that has ended, without any network: what it would have written, by the real writer."""

from collections.abc import Sequence

from config.lib import clock, jobs, x509
from domains.conclusion import Conclusion, conclude
from domains.models import Domain, Hosting, Visit
from domains.tls import FrontPage, Observation, Target
from domains.visit import file_conclusions

ANSWERED = FrontPage("https", 200, 34)


def see(domain: Domain, ders: Sequence[bytes]) -> Domain:
    """File an observation of these certificates, or of a refused connection when there are none.

    The detection of the hosting is over as well, and found nothing.
    """
    target = Target(domain.host, domain.port)
    seen = Observation(target, "connect_refused", {"host": domain.host, "port": domain.port})
    if ders:
        seen = Observation(
            target,
            address="203.0.113.10",
            ders=tuple(ders),
            tls_version="TLS 1.3",
            cipher="TLS_AES_256_GCM_SHA384",
            milliseconds=41,
            page=ANSWERED,
        )
    jobs.start_now(Visit.unscoped.get(domain=domain))
    jobs.claim(jobs.kinds.get("visit"))
    row = Visit.unscoped.select_related("domain__workspace", "inspection").get(domain=domain)
    file_conclusions([conclude(row, seen, clock.now(), x509.load_roots())])
    Hosting.unscoped.filter(domain=domain).update(detected_at=clock.now(), run_after=None)
    return Domain.unscoped.get(pk=domain.pk)


def claimed(domain: Domain, *, priority: int = jobs.BACKGROUND) -> Visit:
    """The domain's visit as a worker holds it, with what it needs of the domain."""
    Visit.unscoped.filter(domain=domain).update(run_after=clock.now(), priority=priority)
    (held,) = (row for row in jobs.claim(jobs.kinds.get("visit")) if row.domain_id == domain.pk)
    return Visit.unscoped.select_related("domain__workspace", "inspection").get(pk=held.pk)


def looked(
    row: Visit, page: FrontPage | None, outcome: str = "", *, http: bool = True, waited: float = 0.0
) -> Conclusion:
    """What a claimed visit means that saw this front page and no certificate."""
    seen = Observation(
        Target(row.domain.host, row.domain.port, http=http), outcome or "tls_none", page=page, waited=waited
    )
    return conclude(row, seen, clock.now(), x509.load_roots())


def probe(domain: Domain, page: FrontPage | None = ANSWERED) -> Visit:
    """One scheduled visit that found this front page, filed; the visit as it is afterwards."""
    file_conclusions([looked(claimed(domain), page)])
    return Visit.unscoped.get(domain=domain)
