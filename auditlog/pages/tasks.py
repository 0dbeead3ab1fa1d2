"""Registers the chores of this room."""

from datetime import timedelta

from accounts.chores import Routine, chores
from config.lib.later import later

chores.add("sealing of the audit log", Routine(later("auditlog.chain.seal_settled"), timedelta(minutes=1)))
chores.add("archiving of old events", Routine(later("auditlog.keeping.archive_old"), timedelta(hours=1)))
chores.add("emptying of old archives", Routine(later("auditlog.keeping.forget_archives"), timedelta(hours=1)))
