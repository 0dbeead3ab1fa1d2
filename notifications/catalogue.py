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
            "{{{{{name}}}}} is no variable",
            "It stands in line {line}, column {column}. These are variables: {known}.",
            "Correct the name, or write it without the double braces.",
        ),
        "template_name_missing": Entry(
            "The template has no name",
            "Rules and lists tell templates apart by it.",
            "Give it a name that can be seen.",
        ),
        "template_name_taken": Entry(
            "There is a template {name} already",
            "Rules tell the templates of one channel apart by their names.",
            "Choose another name.",
        ),
        "template_body_missing": Entry(
            "The template says nothing",
            "A message without words would look like a mistake.",
            "Write what it is to say; variables stand between double braces.",
        ),
        "template_too_long": Entry(
            "This is {length} characters, and {most} fit",
            "Variables make it longer still when it is sent.",
            "Shorten it by {over}.",
        ),
        "templates_full": Entry(
            "There are {most} templates already",
            "A workspace has no more of them.",
            "Change or delete one of them.",
        ),
        "template_in_use": Entry(
            "The template is used by {count} of your alert rules",
            "They are: {names}. Without it they would say something else.",
            "Give them another template or none, then delete it.",
        ),
        "rule_name_missing": Entry(
            "The rule has no name",
            "Lists and messages tell rules apart by it.",
            "Give it a name that can be seen.",
        ),
        "rule_days_missing": Entry(
            "How many days before expiry?",
            "A rule about expiry speaks from that many days before it on, 0 to {most}.",
            "Type a number of days.",
        ),
        "rule_domain_and_tag": Entry(
            "One domain or one tag",
            "A rule speaks of one domain, of those with one tag, or of all.",
            "Choose one of them.",
        ),
        "rule_gateway_differs": Entry(
            "{gateway} is no gateway for {channel}",
            "A rule sends through a gateway of its own channel.",
            "Choose the channel of the gateway, or another gateway.",
        ),
        "rule_without_gateway": Entry(
            "No gateway for {channel} is connected",
            "A rule for {channel} would have nothing to send through.",
            "Connect it under Settings, Notification gateways, then make the rule.",
        ),
        "rule_template_differs": Entry(
            "The template {template} is not for {channel}",
            "Each template is written for one channel.",
            "Choose one for {channel}, or none.",
        ),
        "rule_recipients_not_taken": Entry(
            "{channel} takes no recipients",
            "Its gateway leads to one place.",
            "Leave the recipients empty.",
        ),
        "rule_recipients_missing": Entry(
            "To which numbers?",
            "{channel} needs at least one.",
            "Type them one a line, such as +14155550123.",
        ),
        "rule_recipients_full": Entry(
            "Too many recipients",
            "A rule has at most {most}.",
            "Use a mailing list, or make a second rule.",
        ),
        "rule_address_malformed": Entry(
            "{to} is no e-mail address",
            "Mail cannot be sent there.",
            "Write it as name@example.com, one a line.",
        ),
        "rule_number_malformed": Entry(
            "{to} is no telephone number",
            "Numbers are written with a plus, the country and up to 15 digits.",
            "Write it as +14155550123, one a line.",
        ),
        "rule_digest_of_events": Entry(
            "Only rules about days before expiry gather",
            "What has just happened should not wait until tomorrow.",
            "Choose 'At once'.",
        ),
        "rule_digest_too_long": Entry(
            "{channel} takes no gathered messages",
            "A list of certificates does not fit into one.",
            "Choose 'At once', or another channel.",
        ),
        "rules_full": Entry(
            "There are {most} rules already",
            "More of them would say the same things again.",
            "Change or delete one of them.",
        ),
    }
)
