"""One mail to one SMTP server, within one deadline."""

import smtplib
import ssl
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import getaddresses
from typing import Any, NoReturn, cast
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings

from config.lib.errors import NeedsUser, Permanent, Transient

from .bounded import BoundedSocket, bound, start_tls
from .connect import open_socket
from .deadline import Deadline
from .hostname import literal_address, parse_host
from .refusals import Unreachable
from .trust import client_context

_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
# A server's replies to one mail are a few hundred bytes; smtplib itself reads without end.
_MAX_REPLIES = 65_536


@dataclass(frozen=True)
class _Server:
    host: str
    port: int
    tls: str
    user: str
    password: str = field(repr=False)


def smtp_send(url: str, message: EmailMessage, deadline: Deadline, *, operator: bool = False) -> str:
    """Hands `message` over and answers the server's last reply. Blocks; not to be repeated after success.

    `url` is smtp://user:password@host:port/?tls=starttls|implicit|none (starttls when absent). Every
    recipient must be accepted. `operator` leaves out the judgement of the server's address; TLS
    is verified all the same. Raises NeedsUser("email_url_malformed" | "smtp_login_refused" |
    "smtp_no_starttls"), Permanent("smtp_refused") for 5xx, whose `stage` param is what was refused (mail, rcpt, data
    or nothing), Transient("smtp_deferred") for 4xx, Refused and Unreachable.
    """
    server = _parsed(url)
    client = _Client(server, deadline, operator=operator)
    try:
        client.open()
        answer = _handed_over(client, server, message)
        with suppress(OSError, smtplib.SMTPException, Unreachable):
            # The mail is the server's now: a bad farewell must not send it a second time.
            client.quit()
        return answer
    except smtplib.SMTPException as problem:
        _refuse(server, problem)
    except (OSError, ValueError) as problem:
        raise Unreachable("smtp_failed", host=server.host) from problem
    finally:
        client.close()


def smtp_greet(url: str, deadline: Deadline, *, operator: bool = False) -> str:
    """As `smtp_send` up to the sign-in, and no mail: answers what the server calls itself. Blocks; raises as that."""
    server = _parsed(url)
    client = _Client(server, deadline, operator=operator)
    try:
        client.open()
        client.ehlo_or_helo_if_needed()
        if server.user:
            client.login(server.user, server.password)
        with suppress(OSError, smtplib.SMTPException, Unreachable):
            client.quit()
        return _text(client.ehlo_resp or client.helo_resp or b"").partition(" ")[0]
    except smtplib.SMTPException as problem:
        _refuse(server, problem)
    except (OSError, ValueError) as problem:
        raise Unreachable("smtp_failed", host=server.host) from problem
    finally:
        client.close()


class _Client(smtplib.SMTP):
    """smtplib on an egress socket; its own STARTTLS would leave the socket unbounded."""

    def __init__(self, server: _Server, deadline: Deadline, *, operator: bool) -> None:
        super().__init__(local_hostname=_own_name())
        self._server = server
        self._deadline = deadline
        self._operator = operator

    def open(self) -> None:
        _accepted(*self.connect(self._server.host, self._server.port))
        if self._server.tls == "starttls":
            self._upgrade()

    def _get_socket(self, host: str, port: int, timeout: Any) -> Any:
        sock = bound(open_socket(host, port, self._deadline, operator=self._operator), self._deadline, _MAX_REPLIES)
        return self._secured(sock) if self._server.tls == "implicit" else sock

    def _secured(self, sock: BoundedSocket) -> ssl.SSLSocket:
        try:
            return start_tls(sock, client_context(), self._server.host, self._deadline)
        except BaseException:
            sock.close()
            raise

    def _upgrade(self) -> None:
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("starttls"):
            raise NeedsUser("smtp_no_starttls", host=self._server.host)
        code, reply = self.docmd("STARTTLS")
        if code != 220:
            raise smtplib.SMTPResponseException(code, reply)
        # What came before the handshake was not protected and may be somebody else's (RFC 3207 4.2).
        self.sock = self._secured(cast(BoundedSocket, self.sock))
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False


def _handed_over(client: _Client, server: _Server, message: EmailMessage) -> str:
    client.ehlo_or_helo_if_needed()
    if server.user:
        client.login(server.user, server.password)
    _accepted(*client.mail(_addresses(message, "From")[0]), stage="mail")
    for recipient in _addresses(message, "To", "Cc", "Bcc"):
        _accepted(*client.rcpt(recipient), stage="rcpt")
    return _accepted(*client.data(_flat(message)), stage="data")


class _NotAccepted(smtplib.SMTPResponseException):
    """A reply that says no, and to what."""

    def __init__(self, code: int, reply: bytes, stage: str) -> None:
        super().__init__(code, reply)
        self.stage = stage


def _accepted(code: int, reply: bytes, stage: str = "") -> str:
    if not 200 <= code < 300:
        raise _NotAccepted(code, reply, stage)
    return f"{code} {_text(reply)}"


def _addresses(message: EmailMessage, *names: str) -> list[str]:
    values = [str(value) for name in names for value in message.get_all(name, [])]
    return [address for _, address in getaddresses(values) if address]


def _flat(message: EmailMessage) -> bytes:
    visible = copy(message)
    del visible["Bcc"]
    return visible.as_bytes(policy=SMTP_POLICY)


def _own_name() -> str:
    name = parse_host(urlsplit(settings.SITE_URL).hostname or "localhost")
    address = literal_address(name)
    return f"[{'IPv6:' if ':' in address else ''}{address}]" if address else name


def _parsed(url: str) -> _Server:
    try:
        parts = urlsplit(url)
        tls = parse_qs(parts.query).get("tls", ["starttls"])[0]
        if parts.scheme != "smtp" or not parts.hostname or tls not in _PORTS:
            raise ValueError
        port = parts.port or _PORTS[tls]
    except ValueError:
        raise NeedsUser("email_url_malformed") from None
    return _Server(parse_host(parts.hostname), port, tls, unquote(parts.username or ""), unquote(parts.password or ""))


def _refuse(server: _Server, problem: smtplib.SMTPException) -> NoReturn:
    """smtplib's errors as ours; of a login only the code is told, servers echo what they were sent."""
    if isinstance(problem, smtplib.SMTPAuthenticationError):
        if 400 <= problem.smtp_code < 500:
            raise Transient("smtp_deferred", host=server.host, answer=str(problem.smtp_code)) from None
        raise NeedsUser("smtp_login_refused", host=server.host, answer=str(problem.smtp_code)) from None
    if isinstance(problem, smtplib.SMTPNotSupportedError):
        raise NeedsUser("smtp_login_refused", host=server.host, answer="no AUTH offered") from None
    if isinstance(problem, smtplib.SMTPResponseException):
        answer = f"{problem.smtp_code} {_text(problem.smtp_error)}"
        if problem.smtp_code >= 500:
            stage = problem.stage if isinstance(problem, _NotAccepted) else ""
            raise Permanent("smtp_refused", host=server.host, answer=answer, stage=stage) from None
        raise Transient("smtp_deferred", host=server.host, answer=answer) from None
    raise Unreachable("smtp_failed", host=server.host) from None


def _text(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return " ".join(text.split())[:300]
