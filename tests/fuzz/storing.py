"""What a mutated certificate must survive: the verdict, the database, the page, the API, and being compared."""

import json
import random
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import batched

from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Workspace
from auditlog.events import SYSTEM
from config.lib import clock, jobs, x509
from config.lib.errors import ExpectedError
from config.lib.x509.judging import judge
from config.templatetags.portal import lifeline
from domains.add import add_domain
from domains.conclusion import conclude
from domains.history import difference
from domains.models import Domain, Inspection, Visit
from domains.review import review_of
from domains.revocation.shown import RevocationShown
from domains.shapes import ChangeOut, show_change
from domains.tls import Observation, Target
from domains.visit import file_conclusions
from tests.fuzz.certificates import HOST, judged_at, mutants, seeds
from tests.unit.domains.forge import World

BATCH = 50


def failures(workspace: Workspace, *, seed: int, count: int) -> list[str]:
    """Everything that went wrong with `count` mutants, as text; nothing: all were judged, stored and shown."""
    chance = random.Random(seed + 1)
    world = World()
    roots = x509.roots_of([world.root.der])
    domains = [_domain(workspace, number) for number in range(min(BATCH, count))]
    found: list[str] = []
    for group in batched(mutants(seed, count), BATCH):
        lists = [_served(der, world, chance) for der in group]
        for ders in lists:
            found += _guarded(ders, partial(_judge, ders, chance, roots))
        found += _guarded(group, partial(_store_and_show, domains, lists, roots))
    return found


def _domain(workspace: Workspace, number: int) -> Domain:
    """Every fourth is verified: what is wrong becomes findings and events there."""
    domain = add_domain(workspace=workspace, actor=SYSTEM, hostname=f"h{number}.forge.org")
    if number % 4 == 0:
        Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now())
    return domain


def _guarded(ders: Iterable[bytes], work: Callable[[], None]) -> Iterator[str]:
    try:
        work()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (a panic of the parser is no Exception)
        yield f"{''.join(traceback.format_exception(error))[-1500:]} {[der.hex() for der in ders]}"


def _served(der: bytes, world: World, chance: random.Random) -> list[bytes]:
    """The mutant as a leaf, above one, or in the middle of a list."""
    return chance.choice(
        (
            [der],
            [der, world.intermediate.der],
            [seeds()[0], der],
            [seeds()[0], der, world.root.der],
            [der, der],
        )
    )


def _judge(ders: Sequence[bytes], chance: random.Random, roots: x509.Roots) -> None:
    found = judge(ders, HOST, judged_at(chance), roots, x509.chain_sha256(ders))
    assert all(problem.code in x509.ENTRIES for problem in found.problems)
    x509.revocation_source(ders, roots, clock.now())
    for der in ders:
        try:
            x509.pasted_certificates(der, at_most=5)
        except ExpectedError:
            continue
        x509.is_storable(der)


def _store_and_show(domains: Sequence[Domain], lists: Sequence[Sequence[bytes]], roots: x509.Roots) -> None:
    """By the real writer, as a worker would; read back from the database and shown."""
    seen = {domain.pk: ders for domain, ders in zip(domains, lists, strict=False)}
    before = {
        row.domain_id: row.inspection for row in Visit.unscoped.filter(domain__in=seen).select_related("inspection")
    }
    Visit.unscoped.filter(domain__in=seen).update(run_after=clock.now())
    jobs.claim(jobs.kinds.get("visit"))
    rows = Visit.unscoped.filter(domain__in=seen).select_related("domain__workspace", "inspection")
    file_conclusions([conclude(row, _observation(seen[row.domain_id]), clock.now(), roots) for row in rows])
    for stored in Domain.unscoped.filter(pk__in=seen).select_related("visit__inspection"):
        _show(stored, seen[stored.pk], before[stored.pk])


def _observation(ders: Sequence[bytes]) -> Observation:
    return Observation(Target(HOST), address="203.0.113.10", ders=tuple(ders), tls_version="TLS 1.3", cipher="TLS_X")


def _show(stored: Domain, ders: Sequence[bytes], before: Inspection | None) -> None:
    visit: Visit = stored.visit
    inspection = visit.inspection
    assert inspection is not None
    assert visit.chain_sha256 == inspection.chain_sha256 == x509.chain_sha256(ders)
    json.dumps([inspection.leaf, inspection.chain, inspection.problems], ensure_ascii=False, allow_nan=False).encode()
    ChangeOut.model_validate(show_change(inspection))
    context = {"review": review_of(stored), "domain": stored, "revocation": RevocationShown()}
    change = {"change": difference(before or inspection, inspection)}
    page = ""
    with timezone.override("Pacific/Kiritimati"):
        page += render_to_string("domains/_served.html", context) + render_to_string("domains/_difference.html", change)
        page += str(lifeline(visit.not_before, visit.not_after))
    assert "\0" not in page
    page.encode()
