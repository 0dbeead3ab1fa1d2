"""Registers the chore of this room."""

from datetime import timedelta

from accounts.chores import Routine, chores
from config.lib.later import later

chores.add("sealing of the audit log", Routine(later("auditlog.pages.sealing.seal"), timedelta(minutes=1)))
