"""Tables whose rows are no part of a backup: worth nothing later, and some of them harm."""

from accounts.models import Session

# Sessions would sign people in again who have signed out since; the cache only counts tries.
LEFT_OUT = (Session._meta.db_table, "cache")
