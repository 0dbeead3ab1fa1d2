"""What the pages of servers show: how each stands, what is deployed to it, and what failed there last."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet

from accounts.models import Workspace
from deploy import sudoers
from deploy.models import Server, Target, TargetRun
from deploy.shown import STEPS, ShownRun, show_run

PAGE = 50
LAST_RUNS = 10


@dataclass(frozen=True)
class Health:
    """One word for a server: `state` names its colour."""

    state: str
    words: str


@dataclass(frozen=True)
class ShownServer:
    """A server of the list."""

    row: Server
    health: Health
    targets: int


def page_of_servers(workspace: Workspace, number: str | None) -> Page[Server]:
    """By name."""
    return Paginator(find(workspace), PAGE).get_page(number)


def shown_server(row: Server) -> ShownServer:
    """`row` as `find` reads it."""
    bad, total = row.bad_count, row.target_count  # type: ignore[attr-defined]
    return ShownServer(row, health_of(row, bad, total), total)


def _counted(rows: QuerySet[Server]) -> QuerySet[Server]:
    bad = Q(targets__last_status__in=(Target.Status.FAILED, Target.Status.PARTIAL))
    rows = rows.annotate(target_count=Count("targets"), bad_count=Count("targets", filter=bad))
    return rows.order_by("name", "host", "port", "username")


def health_of(server: Server, bad: int, total: int) -> Health:
    """`bad` of its `total` targets are not in order."""
    if is_changed(server):
        return Health("failed", "Shows another host key")
    if not server.is_trusted:
        return Health("draft", "Host key not trusted yet")
    if not server.public_key:
        return Health("failed", "No key to sign in with")
    if bad:
        return Health("partial", f"{bad} of {total} not in order")
    return Health("ok", "In order") if total else Health("draft", "Not used yet")


def is_changed(server: Server) -> bool:
    """Whether it showed a key last that is not the trusted one."""
    return bool(server.host_key_fingerprint and server.seen_host_key not in ("", server.host_key_fingerprint))


def find(workspace: Workspace) -> QuerySet[Server]:
    return _counted(Server.objects.for_workspace(workspace))


def targets_on(server: Server) -> QuerySet[Target]:
    """By domain."""
    rows = Target.objects.for_workspace(server.workspace_id).filter(server=server)
    return rows.order_by("domain__host", "domain__port", "position", "pk")


def page_of_targets(server: Server, number: str | None) -> Page[Target]:
    rows = targets_on(server).select_related("domain", "server", "installed_certificate")
    return Paginator(rows, PAGE).get_page(number)


def last_runs(server: Server) -> list[ShownRun]:
    rows = (
        TargetRun.objects.for_workspace(server.workspace_id)
        .filter(server=server)
        .exclude(state=TargetRun.State.WAITING)
    )
    rows = rows.select_related("domain", "server", "target").prefetch_related(STEPS)
    return [show_run(run) for run in rows.order_by("-created_at")[:LAST_RUNS]]


def user_lines(server: Server, targets: Sequence[Target]) -> str:
    """What makes the deploy user there, with every directory that is written without sudo."""
    plain = [directory for target in targets if not target.use_sudo for directory in target.certificate_directories]
    return sudoers.user_lines(server.username, server.public_key, list(dict.fromkeys(plain)))


def sudo_lines(server: Server, targets: Sequence[Target]) -> str:
    """One file for /etc/sudoers.d that allows exactly what the targets need; empty when none needs sudo."""
    commands = list(dict.fromkeys(line for target in targets for line in target.reload_commands))
    rules = [sudoers.lines_for(server.username, commands)]
    rules += [sudoers.install_rule(server.username, target) for target in targets if target.use_sudo]
    return "\n".join(dict.fromkeys(rule for rule in rules if rule))
