"""Words of this room's codes."""

from config.lib.errors import Entry, register

register(
    {
        "recipient_gone": Entry(
            "{to} is no longer an admin of the workspace",
            "The mail was not sent, because its recipient may not see what it tells any more.",
            "Nothing is to be done: the other admins got theirs.",
        ),
        "gateway_refused": Entry(
            "The other side refuses what comes this way",
            "It answered: {answer}",
            "Correct the gateway's settings, then send a test.",
        ),
        "recipient_refused": Entry(
            "{to} cannot be reached this way",
            "The other side answered: {answer}",
            "Correct the address or number in the rule.",
        ),
        "gateway_later": Entry(
            "The other side has no time now",
            "It answered: {answer}",
            "Nothing is to be done: it is tried again by itself.",
        ),
        "gateway_answer": Entry(
            "The other side did not take the message",
            "It answered: {answer}",
            "Compare the answer with the gateway's settings, then send a test.",
        ),
        "delivery_unsure": Entry(
            "No answer came after the message had gone out",
            "It may have arrived. Where a repetition could be told from a second message it is sent again.",
            "Look whether it arrived.",
        ),
        "webhook_secret_malformed": Entry(
            "This is no signing secret",
            "It is whsec_ followed by 24 to 64 bytes in base64.",
            "Copy it as the receiver shows it, or leave it empty to send unsigned.",
        ),
        "variable_unknown": Entry(
            "{{{{{name}}}}} in line {line}, column {column} is no variable",
            "These are: {known}.",
            "Correct the name, or write it without braces.",
        ),
    }
)
