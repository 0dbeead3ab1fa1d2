"""Makes a long past in the database of the settings and measures how it is read; the last line is JSON."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.core.management import call_command

from accounts.models import Workspace
from auditlog.chain import seal_settled
from auditlog.pages.csv import write_csv
from auditlog.pages.feed import load_lines
from auditlog.pages.pdf import write_pdf
from auditlog.pages.wanted import Wanted
from auditlog.verifying import verify_chain
from config.lib import clock
from domains.models import Domain
from tests.bench import events

ROUNDS = 5
PAGE = 41


def _wanted(domain: Domain) -> list[Wanted]:
    """The page as it opens first; then every filter, with much, little and nothing to find."""
    ago = clock.now() - timedelta(days=200)
    return [
        Wanted(),
        Wanted(show="security"),
        Wanted(show="runs"),
        Wanted(person="person4@example.net"),
        Wanted(person="nobody@example.net"),
        Wanted(domains=frozenset({domain.pk})),
        Wanted(kind="member.role_changed"),
        Wanted(kind="token.created"),
        Wanted(kind="certificate."),
        Wanted(severity="critical"),
        Wanted(severity="warning"),
        Wanted(start=ago, end=ago + timedelta(days=30)),
        Wanted(person="person4@example.net", severity="critical"),
        Wanted(domains=frozenset({domain.pk}), person="person4@example.net"),
    ]


def _milliseconds(workspace: Workspace, wanted: Wanted) -> float:
    """The fastest of some: what else the machine does is not the question."""
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        load_lines(workspace, wanted, None, PAGE)
        taken.append(time.perf_counter() - started)
    return round(min(taken) * 1000, 1)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def _cost(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return round(time.process_time() - started, 1)


def _csv_growth(workspace: Workspace) -> float:
    """MB between the first pieces and the most that it ever was."""
    sizes = [_resident_mb() for _ in write_csv(workspace, Wanted())]
    return round(max(sizes) - sizes[len(sizes) // 50], 1)


def _pdf_growth(workspace: Workspace) -> float:
    before = _resident_mb()
    with write_pdf(workspace, Wanted(), "everything", "bench"):
        return round(_resident_mb() - before, 1)


def _seal() -> None:
    while seal_settled():
        pass


def main(count: int, steps: int) -> None:
    call_command("migrate", verbosity=0)
    events.main(count, steps)
    workspace = Workspace.objects.get(name="Acme")
    domain = Domain.objects.for_workspace(workspace).order_by("host")[0]
    told: dict[str, float] = {"seal_cpu_s": _cost(_seal)}
    pages = [_milliseconds(workspace, wanted) for wanted in _wanted(domain)]
    told |= {"newest_ms": pages[0], "page_ms": max(pages)}
    told["verify_cpu_s"] = _cost(lambda: verify_chain(workspace.pk))
    told["csv_cpu_s"] = _cost(lambda: told.update(csv_mb=_csv_growth(workspace)))
    told["pdf_cpu_s"] = _cost(lambda: told.update(pdf_mb=_pdf_growth(workspace)))
    print(json.dumps(told))
