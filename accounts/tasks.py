"""Registers this room's job kinds."""

from datetime import timedelta

from accounts.chores import Routine, chores
from accounts.closing import KIND, LEASE_SECONDS
from accounts.models import Chore, PlatformMail, WorkspaceClosing
from accounts.outbox import RESET_ASKED, late
from config.lib.jobs import Kind, register
from config.lib.later import later

chores.add("lapsed accounts", Routine(later("accounts.lapse.forget_unproven_accounts"), timedelta(hours=1)))
chores.add("old sessions", Routine(later("accounts.sessions.forget_old_sessions"), timedelta(hours=1)))
chores.add("old mails", Routine(later("accounts.mail.forget_old_mails"), timedelta(days=1)))

late.add(RESET_ASKED, later("accounts.resetting.work_out_reset"))
register(
    Kind(
        name="chore",
        model=Chore,
        work=later("accounts.chores.do_chores"),
        give_up=later("accounts.chores.give_up_chore"),
        lease=timedelta(minutes=5),
    )
)
register(
    Kind(
        name="platform_mail",
        model=PlatformMail,
        work=later("accounts.mail.send_queued"),
        give_up=later("accounts.mail.give_up_mail"),
    )
)
register(
    Kind(
        name=KIND,
        model=WorkspaceClosing,
        work=later("accounts.taking_apart.take_apart"),
        give_up=later("accounts.taking_apart.give_up_closing"),
        lease=timedelta(seconds=LEASE_SECONDS),
    )
)
