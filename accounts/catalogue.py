"""Words of this room's codes."""

from config.lib.errors import Entry, register

register(
    {
        "secret_unreadable": Entry(
            "A stored secret does not open",
            "None of the configured encryption keys fits it, or the row was changed outside of the portal.",
            "Put the key it was sealed with into SECRETS_ENCRYPTION_KEYS_OLD, or enter the secret again.",
        ),
        "encryption_key_missing": Entry(
            "This process holds no encryption key",
            "The {role} role runs without one, on purpose.",
            "Run this work in a worker of the work role.",
        ),
        "job_quarantined": Entry(
            "Stopped after {claims} attempts that ended without a result",
            "The worker died or lost its lease each time it tried.",
            "Read the worker's log for this row, then start it again by hand.",
        ),
    }
)
