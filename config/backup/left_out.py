"""Tables whose rows are no part of a backup: worth nothing later, and some of them harm."""

from accounts.models import Session
from config.models import Heartbeat

# Sessions would sign people in again who have signed out since, a heartbeat would tell of workers that are not there;
# the cache only counts tries.
LEFT_OUT = (Session._meta.db_table, Heartbeat._meta.db_table, "cache")
