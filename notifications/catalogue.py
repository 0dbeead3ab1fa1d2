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
        "gateway_url_insecure": Entry(
            "The URL has to begin with https://",
            "Whoever is on the way could read what is sent. Only addresses that the operator opened may go without.",
            "Use https://, or ask the operator for EGRESS_ALLOW_CIDRS.",
        ),
        "gateway_url_foreign": Entry(
            "{host} is not where this service takes messages",
            "The URL of this kind of gateway has the service's own host.",
            "Copy the URL again; for a service of your own choose Webhook.",
        ),
        "slack_workflow_url": Entry(
            "This URL starts a workflow",
            "Workflows take other data than incoming webhooks do.",
            "Make an incoming webhook in Slack; its URL has /services/ in it.",
        ),
        "ticket_opening": Entry(
            "The ticket is being opened by another message",
            "Two messages about one thing make one ticket, so the second waits for the first.",
            "Nothing to do: the portal goes on by itself.",
        ),
        "jira_project_malformed": Entry(
            "This is no key of a project",
            "It is what stands before the number of an issue: capital letters, digits and _.",
            "Copy it from the project's settings, such as OPS.",
        ),
        "pagerduty_key_malformed": Entry(
            "This is no integration key",
            "It has 32 letters and digits.",
            "Copy it from the service's Events API V2 integration; a REST API key is something else.",
        ),
        "gateway_word_malformed": Entry(
            "This is no name of that kind",
            "It consists of at most 64 letters, digits, - and _.",
            "Copy it from the place that the field names.",
        ),
        "gateway_user_malformed": Entry(
            "This user name cannot work",
            "It may hold neither colons nor spaces.",
            "Copy it from the user's record.",
        ),
        "zoho_number_malformed": Entry(
            "This is no id of Zoho's",
            "Ids are digits alone.",
            "Copy it from the place that the field names.",
        ),
        "zoho_secret_malformed": Entry(
            "Both parts are needed",
            "The client secret, a colon, and the refresh token, without spaces.",
            "Copy both from the self client, one behind the other.",
        ),
        "telegram_token_malformed": Entry(
            "This is no bot token",
            "It is a number, a colon, and some 35 letters, digits, - and _.",
            "Copy it whole from @BotFather.",
        ),
        "telegram_chat_malformed": Entry(
            "This is no chat",
            "It is a number, with - before it for groups, or @ and a name.",
            "Send your bot a message, then look up chat.id in what its getUpdates shows.",
        ),
        "telegram_topic_malformed": Entry(
            "This is no topic",
            "Topics are numbers.",
            "It is the number behind the last / in the address of a message of that topic.",
        ),
        "teams_connector_gone": Entry(
            "Office 365 connectors no longer exist",
            "Microsoft switched them off in May 2026; nothing that is sent to this URL appears.",
            "In Teams open Workflows, choose 'Send webhook alerts to a channel', and copy the URL that it shows.",
        ),
        "twilio_sid_malformed": Entry(
            "This is not such a SID",
            "It is {beginning} followed by 32 digits and letters from a to f.",
            "Copy it from the Twilio Console.",
        ),
        "twilio_one_sender": Entry(
            "Twilio wants one sender",
            "A message goes out from a number or through a messaging service, not both.",
            "Fill in exactly one of From and Messaging service SID.",
        ),
        "twilio_sender_malformed": Entry(
            "This cannot be a sender",
            "It is a number such as +15017122661, a short code, or a name of at most 11 letters and digits.",
            "Copy it from the Twilio Console.",
        ),
        "secret_unusable": Entry(
            "This secret has characters that cannot be sent",
            "Secrets of this kind consist of plain letters, digits and signs.",
            "Copy it again.",
        ),
        "sms_header_malformed": Entry(
            "“{line}” is no header",
            "A header is a name, a colon and a value; where the request goes and how long it is says the portal.",
            "Correct or remove the line.",
        ),
        "sms_success_missing": Entry(
            "A success pattern is needed",
            "Many providers answer 200 also when they send nothing; only the text tells.",
            "Send one message by hand and copy from the answer what says that it was taken.",
        ),
        "sms_body_no_json": Entry(
            "With its variables filled in, the body is no JSON",
            "Variables stand inside of quotation marks.",
            'Correct it, such as {{"to": "…", "text": "…"}}.',
        ),
        "sms_variable_unknown": Entry(
            "“{name}” cannot stand here",
            "There are to, message and secret, each between two braces; a header takes no message.",
            "Correct the name.",
        ),
        "sms_variable_missing": Entry(
            "“{name}” is missing",
            "Without the number and the text the provider has nothing to send.",
            "Put both to and message, each between two braces, into the URL or the body.",
        ),
        "smtp_port_malformed": Entry(
            "This is no port", "Ports are numbers from 1 to 65535.", "Correct it, or leave it empty."
        ),
        "smtp_login_in_clear": Entry(
            "A password needs encryption",
            "Without it everybody on the way could read the password.",
            "Choose STARTTLS or TLS from the start, or leave the user name empty.",
        ),
        "address_malformed": Entry(
            "This is no e-mail address", "Mail goes to addresses such as ann@example.com.", "Correct it."
        ),
        "gateway_paused": Entry(
            "The gateway {name} is paused",
            "The message was not sent, because somebody paused the gateway it was to go through.",
            "Resume the gateway under Settings, Notification gateways.",
        ),
        "gateway_off": Entry(
            "The gateway {name} is switched off",
            "The message was not sent: the other side refused everything that came this way.",
            "Correct the gateway's settings, then send a test.",
        ),
        "gateway_gone": Entry(
            "The gateway was deleted",
            "The message was not sent, because the gateway it was to go through is no longer there.",
            "Choose another gateway in the rule.",
        ),
        "gateway_in_use": Entry(
            "{count} alert rules use this gateway",
            "They would have nowhere to send to: {names}.",
            "Choose another gateway in these rules, or delete them; to be silent for a while pause the gateway.",
        ),
        "gateway_name_taken": Entry(
            "There is such a gateway called {name} already",
            "Two of one kind need different names, so that rules can tell them.",
            "Choose another name.",
        ),
        "gateways_full": Entry(
            "There are {most} gateways already", "A workspace has at most {most}.", "Delete one that is not needed."
        ),
        "gateway_field_missing": Entry("This field is needed", "Nothing can be sent without it.", "Fill it in."),
        "gateway_field_unknown": Entry(
            "“{name}” is no field of this kind", "It has these: {known}.", "Correct the name."
        ),
        "gateway_choice_unknown": Entry("This is none of the choices", "There are: {known}.", "Choose one of them."),
        "gateway_value_too_long": Entry("This is too long", "At most {most} characters are kept.", "Shorten it."),
        "gateway_secret_again": Entry(
            "Give the secret again",
            "Another server is to get it; a secret that was typed in for one is never sent to another by itself.",
            "Type or paste it here.",
        ),
        "gateway_value_unprintable": Entry(
            "This has characters that cannot be seen", "One line of plain text is needed here.", "Type it anew."
        ),
        "number_malformed": Entry(
            "This is no telephone number with its country",
            "It begins with + and the country's number, such as +4915112345678.",
            "Correct it.",
        ),
        "test_recipient_missing": Entry(
            "Say where the test goes", "This kind of gateway sends to an address or number.", "Fill it in."
        ),
        "test_interrupted": Entry(
            "The test was interrupted",
            "A test is sent at most once, so that nothing arrives twice.",
            "Send another test.",
        ),
        "mails_used_up": Entry(
            "Today's {most} mails are used up",
            "The portal's own mail server sends at most so many for a workspace in a day.",
            "Set up an email gateway with your own server, or gather messages in a digest.",
        ),
        "sms_used_up": Entry(
            "Today's {most} text messages are used up",
            "A gateway sends at most so many in a day, so that a mistake stays affordable.",
            "Make the rules more specific; the operator can raise SMS_A_DAY.",
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
        "rule_choice_gone": Entry(
            "{what} is not in this workspace",
            "It was deleted meanwhile, or never was.",
            "Choose another one.",
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
        "notify_unknown": Entry(
            "There is no way {way}",
            "A renewal is told by mail, or through one of this workspace's gateways.",
            "Use email, or the id of a gateway: {known}.",
        ),
        "rules_full": Entry(
            "There are {most} rules already",
            "More of them would say the same things again.",
            "Change or delete one of them.",
        ),
    }
)
