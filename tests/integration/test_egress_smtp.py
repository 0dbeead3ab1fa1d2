"""Mail: TLS verified, one deadline, and every refusal told as what it is."""

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from config.lib import egress
from config.lib.egress import Deadline
from config.lib.errors import ExpectedError, NeedsUser, Permanent, Transient
from tests.servers.listener import Script, dripping, listening
from tests.servers.smtp_sink import Security, SmtpSink, smtp_sink

SECURITIES: list[Security] = ["none", "starttls", "implicit"]


def _mail(to: str = "ann@acme-widgets.com", bcc: str = "") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "ManageMyCert <portal@acme-widgets.com>"
    mail["To"], mail["Subject"] = to, "Ünïcode"
    if bcc:
        mail["Bcc"] = bcc
    mail.set_content("A line.\n.\nAfter a dot.\n")
    return mail


@pytest.fixture(params=SECURITIES)
def sink(request: pytest.FixtureRequest, settings: Settings) -> Iterator[SmtpSink]:
    with smtp_sink(request.param) as server:
        if request.param != "none":
            settings.TLS_EXTRA_CA_BUNDLE = str(server.ca_bundle)
        yield server


def _send(url: str, mail: EmailMessage | None = None, seconds: float = 5) -> str:
    return egress.smtp_send(url, mail or _mail(), Deadline(seconds), operator=True)


def _failure(call: Callable[[], object]) -> ExpectedError:
    with pytest.raises(ExpectedError) as failure:
        call()
    return failure.value


def test_a_mail_arrives_whole_and_the_server_s_answer_is_told(sink: SmtpSink) -> None:
    assert _send(sink.url).startswith("250")
    (mail,) = sink.mails
    assert mail.subject == "Ünïcode"
    assert mail.text().replace("\r\n", "\n") == "A line.\n.\nAfter a dot.\n"
    assert mail.encrypted == (sink.security != "none")


def test_blind_copies_reach_their_readers_and_nobody_else_s_eyes(sink: SmtpSink) -> None:
    mail = _mail(bcc="secret@acme-widgets.com")
    _send(sink.url, mail)
    assert sink.mails[0].recipients == ("ann@acme-widgets.com", "secret@acme-widgets.com")
    assert sink.mails[0].message["Bcc"] is None
    assert mail["Bcc"] == "secret@acme-widgets.com"


def test_a_refused_recipient_is_permanent(sink: SmtpSink) -> None:
    failure = _failure(lambda: _send(sink.url, _mail("nobody@acme-widgets.com")))
    assert isinstance(failure, Permanent)
    assert failure.code == "smtp_refused"
    assert failure.params["answer"].startswith("550")
    assert sink.mails == []


def test_a_greylisting_server_is_tried_again(sink: SmtpSink) -> None:
    sink.mood = "greylist"
    failure = _failure(lambda: _send(sink.url))
    assert isinstance(failure, Transient)
    assert failure.code == "smtp_deferred"


def test_a_hanging_server_ends_at_the_deadline(sink: SmtpSink) -> None:
    sink.mood = "hang"
    started = time.monotonic()
    assert _failure(lambda: _send(sink.url, seconds=0.6)).code == "deadline_exceeded"
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("security", ["starttls", "implicit"])
def test_an_unknown_authority_gets_neither_password_nor_mail(security: Security) -> None:
    with smtp_sink(security) as server:
        assert _failure(lambda: _send(server.url)).code == "tls_failed"
        assert server.mails == []


@pytest.mark.parametrize("security", ["starttls", "implicit"])
def test_a_wrong_password_needs_a_person_and_is_not_told(security: Security, settings: Settings) -> None:
    with smtp_sink(security) as server:
        settings.TLS_EXTRA_CA_BUNDLE = str(server.ca_bundle)
        failure = _failure(lambda: _send(f"smtp://sender:canary@localhost:{server.port}/?tls={security}"))
    assert isinstance(failure, NeedsUser)
    assert failure.code == "smtp_login_refused"
    assert "canary" not in repr(failure) + str(failure.params)


def test_starttls_is_not_given_up_when_the_server_offers_none() -> None:
    with smtp_sink("none") as server:
        failure = _failure(lambda: _send(f"smtp://user:canary@localhost:{server.port}/?tls=starttls"))
    assert failure.code == "smtp_no_starttls"


def test_a_customer_s_server_is_judged_and_an_operator_s_is_not(sink: SmtpSink, settings: Settings) -> None:
    assert _failure(lambda: egress.smtp_send(sink.url, _mail(), Deadline(5))).code == "egress_refused"
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    assert egress.smtp_send(sink.url, _mail(), Deadline(5)).startswith("250")


BANNER = b"220 mail.acme-widgets.com\r\n"


def _flood(piece: bytes) -> Script:
    def script(sock: socket.socket) -> None:
        while True:
            sock.sendall(piece)

    return script


def _saying(line: bytes) -> Script:
    return lambda sock: sock.sendall(line)


RUDE: dict[str, Script] = {
    "dripping banner": dripping(itertools.repeat(b"2")),
    "dripping greeting": dripping(itertools.chain([BANNER], itertools.repeat(b"250-x\r\n")), pause=0.05),
    "endless greeting": _flood(b"220-hello\r\n" * 1000),
    "endless line": _flood(b"2" * 65536),
    "garbage": _saying(b"\x00\xff" * 100 + b"\r\n"),
    "nothing": _saying(b""),
    "not now": _saying(b"421 busy\r\n"),
    "not ever": _saying(b"554 no\r\n"),
}
OUTCOMES = {
    "dripping banner": {"deadline_exceeded"},
    "dripping greeting": {"deadline_exceeded"},
    "endless greeting": {"too_large"},
    "endless line": {"smtp_refused", "smtp_failed", "too_large"},
    "garbage": {"smtp_failed", "smtp_deferred"},
    "nothing": {"smtp_failed"},
    "not now": {"smtp_deferred"},
    "not ever": {"smtp_refused"},
}


@pytest.mark.parametrize("manner", RUDE)
def test_a_rude_server_is_bounded(manner: str) -> None:
    started = time.monotonic()
    with listening(RUDE[manner]) as server:
        failure = _failure(lambda: _send(f"smtp://127.0.0.1:{server.port}/?tls=none", seconds=0.8))
    assert failure.code in OUTCOMES[manner]
    assert time.monotonic() - started < 2


def test_a_bad_farewell_does_not_make_an_accepted_mail_a_failure() -> None:
    def script(sock: socket.socket) -> None:
        with sock.makefile("rwb") as stream:
            stream.write(BANNER)
            stream.flush()
            for line in stream:
                if line.upper().startswith(b"QUIT"):
                    return
                stream.write(b"354 go on\r\n" if line.upper().startswith(b"DATA") else b"250 taken\r\n")
                stream.flush()
                if line.upper().startswith(b"DATA"):
                    while stream.readline() != b".\r\n":
                        pass
                    stream.write(b"250 queued as 1\r\n")
                    stream.flush()

    with listening(script) as server:
        assert _send(f"smtp://127.0.0.1:{server.port}/?tls=none") == "250 queued as 1"


@pytest.mark.parametrize("url", ["", "smtp://", "http://a.com", "smtp://a.com/?tls=maybe", "smtp://a.com:x/"])
def test_an_odd_url_is_refused(url: str) -> None:
    assert _failure(lambda: _send(url)).code == "email_url_malformed"
