"""Mail through a server of one's own."""

from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from config.lib import egress
from config.lib.errors import InvalidValue, NeedsUser, Permanent
from notifications.alert_mail import mail_of
from notifications.gateways.kind import Field, GatewayKind, GatewayRefused, RecipientRefused, Sending
from notifications.models import Channel

_PORTS = {"starttls": "587", "implicit": "465", "none": "25"}
_LOGIN_CODES = frozenset({"smtp_login_refused", "smtp_no_starttls"})


def compose(sending: Sending) -> EmailMessage:
    """Every header is one line, whatever the message holds."""
    values = sending.values
    told = mail_of(sending.message, sending.workspace)
    mail = EmailMessage()
    mail["From"] = Address(_line(values.get("from_name") or settings.SITE_NAME), addr_spec=values["from_address"])
    mail["To"] = Address(addr_spec=sending.to)
    mail["Subject"] = _line(told.subject)
    mail["Date"] = format_datetime(sending.at)
    mail["Message-ID"] = f"<{sending.id}@{urlsplit(settings.SITE_URL).hostname}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(told.text.strip() + "\n")
    mail.add_alternative(told.html, subtype="html")
    return mail


def _line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def server_url(values: Mapping[str, str]) -> str:
    login = ""
    if values.get("user"):
        login = f"{quote(values['user'], safe='')}:{quote(values.get('password', ''), safe='')}@"
    host = f"[{values['host']}]" if ":" in values["host"] else values["host"]
    tls = values["tls"]
    return f"smtp://{login}{host}:{values.get('port') or _PORTS[tls]}/?tls={tls}"


def send(sending: Sending) -> str:
    try:
        validate_email(sending.to)
        mail = compose(sending)
    except (ValidationError, ValueError):
        raise RecipientRefused(to=sending.to, answer="This is no address that mail can be sent to.") from None
    try:
        return egress.smtp_send(server_url(sending.values), mail, sending.deadline)
    except NeedsUser as error:
        if error.code in _LOGIN_CODES:
            raise GatewayRefused(answer=_login_words(error)) from None
        raise
    except Permanent as error:
        raise _refusal(error, sending.to) from None


def _login_words(error: NeedsUser) -> str:
    if error.code == "smtp_no_starttls":
        return "The server offers no STARTTLS."
    return f"The server refused the user name or password ({error.params.get('answer', '')})."


def _refusal(error: Permanent, to: str) -> Permanent:
    """By what the server said no to: the sender is the gateway's, a recipient only this delivery's."""
    answer, stage = str(error.params.get("answer", "")), error.params.get("stage")
    is_policy = answer.startswith(("530", "535")) or " 5.7." in answer[:10]
    if stage == "mail" or (stage == "rcpt" and answer.startswith(("530", "535"))):
        return GatewayRefused(answer=answer)
    if stage == "rcpt" and not is_policy:
        return RecipientRefused(to=to, answer=answer)
    return Permanent("gateway_answer", answer=answer)


def check(values: Mapping[str, str]) -> None:
    try:
        egress.parse_host(values["host"])
    except NeedsUser as error:
        raise InvalidValue("host", error.code, **error.params) from None
    port = values.get("port") or "1"
    if not (port.isascii() and port.isdigit() and len(port) < 6 and 1 <= int(port) <= 65535):
        raise InvalidValue("port", "smtp_port_malformed")
    try:
        validate_email(values["from_address"])
        Address(addr_spec=values["from_address"])
    except (ValidationError, ValueError):
        raise InvalidValue("from_address", "address_malformed") from None
    if values["tls"] == "none" and values.get("user"):
        raise InvalidValue("tls", "smtp_login_in_clear")


KIND = GatewayKind(
    channel=Channel.EMAIL,
    label="Email (your own SMTP server)",
    about="Mail from your own address, through your own server. Without one, alerts go out as the portal's.",
    fields=(
        Field(
            "host",
            "Server",
            "Your mail provider calls it SMTP server or outgoing server.",
            is_host=True,
            placeholder="smtp.example.com",
        ),
        Field(
            "tls",
            "Encryption",
            "STARTTLS on port 587 is usual; implicit TLS is port 465.",
            kind="choice",
            is_host=True,
            default="starttls",
            choices=(
                ("starttls", "STARTTLS"),
                ("implicit", "TLS from the start"),
                ("none", "None (a relay without login)"),
            ),
        ),
        Field(
            "port", "Port", "Empty: 587, 465 or 25, by the encryption.", kind="number", is_required=False, is_host=True
        ),
        Field("user", "User name", "Often the whole address. Empty: no login.", is_required=False),
        Field("password", "Password", "Gmail and others want an app password here.", is_secret=True, is_required=False),
        Field("from_address", "From address", "An address that this login may send from.", kind="email"),
        Field("from_name", "From name", "Empty: the portal's name.", is_required=False),
    ),
    send=send,
    check=check,
    is_addressed=True,
    repeats_safely=True,
)
