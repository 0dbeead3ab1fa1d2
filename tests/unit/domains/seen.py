"""A visit that has ended, without any network: what it would have written, by the real writer."""

from collections.abc import Sequence

from config.lib import clock, jobs, x509
from domains.models import Domain, Hosting, Visit
from domains.tls import FrontPage, Observation, Target
from domains.visit import conclude, file_conclusions


def see(domain: Domain, ders: Sequence[bytes]) -> Domain:
    """File an observation of these certificates, or of a refused connection when there are none.

    The detection of the hosting is over as well, and found nothing.
    """
    target = Target(domain.host, domain.port)
    seen = Observation(target, "connect_refused", {"host": domain.host, "port": domain.port})
    if ders:
        page = FrontPage("https", 200, 34)
        seen = Observation(
            target,
            address="203.0.113.10",
            ders=tuple(ders),
            tls_version="TLS 1.3",
            cipher="TLS_AES_256_GCM_SHA384",
            milliseconds=41,
            page=page,
        )
    jobs.start_now(Visit.unscoped.get(domain=domain))
    jobs.claim(jobs.kinds.get("visit"))
    row = Visit.unscoped.select_related("domain__workspace", "inspection").get(domain=domain)
    file_conclusions([conclude(row, seen, clock.now(), x509.load_roots())])
    Hosting.unscoped.filter(domain=domain).update(detected_at=clock.now(), run_after=None)
    return Domain.unscoped.get(pk=domain.pk)
