"""Words of this room's codes."""

from config.lib.errors import Entry, register

register(
    {
        "recipient_gone": Entry(
            "{to} is no longer an admin of the workspace",
            "The mail was not sent, because its recipient may not see what it tells any more.",
            "Nothing is to be done: the other admins got theirs.",
        ),
    }
)
