"""Registers this room's job kinds."""

from datetime import timedelta

from accounts import closing, taking_apart
from accounts.chores import Routine, chores, do_chores, give_up_chore
from accounts.lapse import forget_unproven_accounts
from accounts.mail import RESET_ASKED, give_up_mail, late, send_queued
from accounts.models import Chore, PlatformMail, WorkspaceClosing
from accounts.resetting import work_out_reset
from accounts.sessions import forget_old_sessions
from config.lib.jobs import Kind, register

chores.add("lapsed accounts", Routine(forget_unproven_accounts, timedelta(hours=1)))
chores.add("old sessions", Routine(forget_old_sessions, timedelta(hours=1)))

late.add(RESET_ASKED, work_out_reset)
register(Kind(name="chore", model=Chore, work=do_chores, give_up=give_up_chore, lease=timedelta(minutes=5)))
register(Kind(name="platform_mail", model=PlatformMail, work=send_queued, give_up=give_up_mail))
register(
    Kind(
        name=closing.KIND,
        model=WorkspaceClosing,
        work=taking_apart.take_apart,
        give_up=taking_apart.give_up_closing,
        lease=timedelta(seconds=taking_apart.LEASE_SECONDS),
    )
)
