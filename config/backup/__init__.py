"""Backup and restore of the database, the portal's only truth; keys and settings are no part of either."""
