"""`manage.py doctor`."""

from typing import Any

from django.core.management.base import BaseCommand

from config.doctor import machine, outside, work
from config.doctor.findings import Check, Finding, Level, run_check

SECONDS = 12.0
CHECKS: tuple[tuple[str, Check], ...] = (
    ("settings", machine.check_settings),
    ("files", machine.check_files),
    ("clock", machine.check_clock),
    ("dns", outside.check_dns),
    ("mail", outside.check_mail),
    ("authority", outside.check_authority),
    ("egress", outside.check_egress),
    ("redis", work.check_redis),
)
# Only asked of a database that is well: they would all say the same.
OF_ITS_ROWS: tuple[tuple[str, Check], ...] = (
    ("clock", work.check_clocks),
    ("pause", work.check_pause),
    ("key", work.check_key),
    ("queue", work.check_queue),
    ("lateness", work.check_lateness),
    ("renewals", work.check_renewals),
)


class Command(BaseCommand):
    help = "Look whether everything is well and say what to do; exit status 1 when something is broken."
    # What they find is one of the lines, and a database that does not answer must not keep us from the others.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        found = [finding for name, check in CHECKS for finding in self._run(name, check)]
        database = self._run("database", work.check_database)
        found += database
        if any(finding.level is Level.BROKEN for finding in database):
            self.stdout.write(
                f"{'':<20}pause, key, queue, lateness and renewals were not looked at: mend the database first"
            )
        else:
            found += [finding for name, check in OF_ITS_ROWS for finding in self._run(name, check)]
        counts = {level: sum(finding.level is level for finding in found) for level in Level}
        self.stdout.write(f"{counts[Level.BROKEN]} broken, {counts[Level.WARNING]} warnings")
        if counts[Level.BROKEN]:
            raise SystemExit(1)

    def _run(self, name: str, check: Check) -> list[Finding]:
        found = run_check(check, seconds=SECONDS)
        for finding in found:
            self._tell(name, finding)
        return found

    def _tell(self, name: str, finding: Finding) -> None:
        style = {Level.OK: self.style.SUCCESS, Level.WARNING: self.style.WARNING, Level.BROKEN: self.style.ERROR}
        self.stdout.write(f"{style[finding.level](f'{finding.level:<8}')} {name:<10} {finding.what}")
        if finding.todo:
            self.stdout.write(f"{'':<20}→ {finding.todo}")
        self.stdout.flush()
