"""A mail server that keeps what it is sent, and refuses the ways real ones do."""

import asyncio
import email
import email.policy
import logging
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.servers.ca import Issued, TestCa
from tests.servers.places import private_directory
from tests.servers.ports import free_port, wait_until

type Security = Literal["none", "starttls", "implicit"]
type Mood = Literal["ok", "reject", "greylist", "hang"]

USER, PASSWORD = "sender", "correct-horse"


@dataclass(frozen=True)
class Mail:
    """One accepted message with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    encrypted: bool
    login: str

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    def text(self) -> str:
        """The plain-text part."""
        part = self.message.get_body(("plain",))
        return "" if part is None else str(part.get_content())


class SmtpSink:
    """A running sink: `.mails` in order of arrival; `.mood` decides how the next one fares."""

    def __init__(self, port: int, security: Security, ca_bundle: Path) -> None:
        self.host = "localhost"
        self.port = port
        self.security = security
        self.ca_bundle = ca_bundle
        self.mails: list[Mail] = []
        self.mood: Mood = "ok"

    @property
    def url(self) -> str:
        """As the setting EMAIL_URL takes it."""
        login = "" if self.security == "none" else f"{USER}:{PASSWORD}@"
        return f"smtp://{login}{self.host}:{self.port}/?tls={self.security}"

    def wait_for(self, subject_part: str, *, recipient: str = "", text_part: str = "", seconds: float = 30) -> Mail:
        """The first mail with that in its subject and text (letter case aside) that went to the recipient."""

        def found() -> list[Mail]:
            return [
                mail
                for mail in self.mails
                if subject_part.lower() in mail.subject.lower()
                and text_part.lower() in mail.text().lower()
                and (not recipient or recipient in mail.recipients)
            ]

        wait_until(found, seconds=seconds, what=f"a mail about {subject_part!r}")
        return found()[0]

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:
        if self.mood == "reject" or address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        if self.mood == "greylist":
            return "451 4.7.1 greylisted, try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        if self.mood == "hang":
            await asyncio.sleep(3600)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        login = session.auth_data.decode() if session.auth_data else ""
        recipients = tuple(envelope.rcpt_tos)
        encrypted = self.security == "implicit" or session.ssl is not None
        self.mails.append(Mail(envelope.mail_from, recipients, message, encrypted, login))
        return "250 queued"


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    given = (data.login, data.password) if isinstance(data, LoginPassword) else None
    success = given == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=success, handled=False, auth_data=USER.encode() if success else None)


def _tls_context(place: Path, certificate: Issued) -> ssl.SSLContext:
    certificate.write(place)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(place / "fullchain.pem", place / "key.pem")
    return context


def _options(security: Security, context: ssl.SSLContext) -> dict[str, Any]:
    """aiosmtpd: `ssl_context` means TLS from the first byte, `tls_context` STARTTLS."""
    if security == "none":
        return {}
    login: dict[str, Any] = {"authenticator": _authenticate, "auth_required": True}
    if security == "implicit":
        return {**login, "ssl_context": context, "auth_require_tls": False}
    return {**login, "tls_context": context, "require_starttls": True, "auth_require_tls": True}


@contextmanager
def smtp_sink(security: Security = "none", certificate: Issued | None = None) -> Iterator[SmtpSink]:
    """Start a sink in a thread of ours; without a `certificate` it makes one, whose root is in `.ca_bundle`."""
    # Refused handshakes are what some tests are about; their tracebacks are noise.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    # aiosmtpd does not count TLS from the first byte as TLS.
    warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
    with private_directory("smtp") as place:
        authority = TestCa("Mail")
        ca_bundle = place / "ca.pem"
        ca_bundle.write_bytes(authority.root_pem)
        sink = SmtpSink(free_port(), security, ca_bundle)
        options = _options(security, _tls_context(place, certificate or authority.issue(["localhost", "127.0.0.1"])))
        controller = Controller(sink, hostname="127.0.0.1", port=sink.port, **options)
        controller.start()
        try:
            yield sink
        finally:
            controller.stop()
