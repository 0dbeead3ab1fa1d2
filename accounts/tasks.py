"""Registers this room's job kinds."""

from datetime import timedelta

from accounts import closing, taking_apart
from accounts.mail import give_up_mail, send_queued
from accounts.models import PlatformMail, WorkspaceClosing
from config.lib.jobs import Kind, register

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
