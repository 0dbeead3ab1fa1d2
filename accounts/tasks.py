"""Registers this room's job kinds."""

from accounts.mail import give_up_mail, send_queued
from accounts.models import PlatformMail
from config.lib.jobs import Kind, register

register(Kind(name="platform_mail", model=PlatformMail, work=send_queued, give_up=give_up_mail))
