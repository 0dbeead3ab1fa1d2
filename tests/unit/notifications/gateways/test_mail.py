"""Mail through a customer's own server: a real one at the other end."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytest_django import Settings

from config.lib import clock
from config.lib.egress import Deadline, Unreachable
from config.lib.errors import InvalidValue, Permanent, Transient
from notifications.gateways import kinds
from notifications.gateways.kind import GatewayRefused, RecipientRefused, Sending
from notifications.message import Message
from tests.servers.listener import listening
from tests.servers.smtp_sink import PASSWORD, USER, Security, SmtpSink, smtp_sink
from tests.unit.notifications.gateways.conftest import ID, MESSAGE, WORKSPACE, email_values
from tests.unit.notifications.gateways.test_contract import HOSTILE

KIND = kinds.get("email")


def send(values: dict[str, str], message: Message = MESSAGE, to: str = "ann@acme.org", seconds: float = 5) -> str:
    return KIND.send(Sending(ID, message, to, values, clock.now(), Deadline(seconds), WORKSPACE))


@pytest.fixture(params=["starttls", "implicit"])
def secure(request: pytest.FixtureRequest, inside: None, settings: Settings) -> Iterator[SmtpSink]:
    security: Security = request.param
    with smtp_sink(security) as server:
        settings.TLS_EXTRA_CA_BUNDLE = str(server.ca_bundle)
        yield server


def test_a_mail_arrives_encrypted_and_signed_in(secure: SmtpSink) -> None:
    assert send(email_values(secure, user=USER, password=PASSWORD)).startswith("250")
    (mail,) = secure.mails
    assert (mail.encrypted, mail.login, mail.sender, mail.recipients) == (
        True,
        USER,
        "alerts@acme.org",
        ("ann@acme.org",),
    )
    assert mail.message["Message-ID"] == f"<{ID}@localhost>"
    assert mail.message["Auto-Submitted"] == "auto-generated"


def test_a_wrong_password_switches_off_and_is_not_told(secure: SmtpSink) -> None:
    with pytest.raises(GatewayRefused) as refusal:
        send(email_values(secure, user=USER, password="wr0ng-horse"))
    assert "user name or password (535)" in refusal.value.params["answer"]
    assert "wr0ng" not in str(refusal.value.params)


def test_a_server_without_starttls_gets_no_password(sink: SmtpSink) -> None:
    with pytest.raises(GatewayRefused):
        send({**email_values(sink, user=USER, password=PASSWORD), "tls": "starttls"})
    assert sink.mails == []


def test_an_untrusted_certificate_is_refused(inside: None) -> None:
    with smtp_sink("implicit") as server, pytest.raises(Unreachable) as refusal:
        send(email_values(server, user=USER, password=PASSWORD))
    assert refusal.value.code == "tls_failed"


def test_an_unknown_recipient_is_no_fault_of_the_gateway(sink: SmtpSink) -> None:
    with pytest.raises(RecipientRefused) as refusal:
        send(email_values(sink), to="nobody@acme.org")
    assert refusal.value.params["answer"].startswith("550 5.1.1")


def test_greylisting_is_waited_for(sink: SmtpSink) -> None:
    sink.mood = "greylist"
    with pytest.raises(Transient) as later:
        send(email_values(sink))
    assert later.value.params["answer"].startswith("451")


def test_silence_after_the_mail_went_out_is_repeated_under_the_same_id(sink: SmtpSink) -> None:
    sink.mood = "hang"
    with pytest.raises(Transient):
        send(email_values(sink), seconds=1)
    sink.mood = "ok"
    send(email_values(sink))
    assert {mail.message["Message-ID"] for mail in sink.mails} == {f"<{ID}@localhost>"}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"550 5.7.60 not allowed to send as this sender", GatewayRefused),
        (b"451 4.3.0 later", Transient),
    ],
)
def test_a_sender_that_the_login_may_not_use(inside: None, reply: bytes, kind: type[Exception]) -> None:
    with listening(_refusing_at(b"MAIL", reply)) as server, pytest.raises(kind):
        send({"host": "127.0.0.1", "port": str(server.port), "tls": "none", "from_address": "a@acme.org"})


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"554 5.7.1 relay denied by policy", Permanent),
        (b"530 5.7.0 authentication required", GatewayRefused),
        (b"553 5.1.2 no such domain", RecipientRefused),
    ],
)
def test_what_is_refused_at_the_recipient(inside: None, reply: bytes, kind: type[Exception]) -> None:
    with listening(_refusing_at(b"RCPT", reply)) as server, pytest.raises(kind) as refusal:
        send({"host": "127.0.0.1", "port": str(server.port), "tls": "none", "from_address": "a@acme.org"})
    assert type(refusal.value) is kind


def _refusing_at(verb: bytes, reply: bytes):  # type: ignore[no-untyped-def]
    def script(connection) -> None:  # type: ignore[no-untyped-def]
        lines = connection.makefile("rb")
        connection.sendall(b"220 ready\r\n")
        for line in lines:
            connection.sendall((reply if line.upper().startswith(verb) else b"250 OK") + b"\r\n")

    return script


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(sink: SmtpSink, text: str) -> None:
    send(email_values(sink), replace(MESSAGE, subject=text, body=text, facts=(("Issuer", text),)))
    (mail,) = sink.mails
    assert mail.recipients == ("ann@acme.org",)
    assert mail.message["Bcc"] is None
    assert mail.message.get_content_type() == "multipart/alternative"
    assert " ".join(text.split()) in " ".join(mail.text().split())


@pytest.mark.parametrize("to", ["a@acme.org\r\nBcc: b@acme.org", "a@acme.org, b@acme.org", "", "x", "a b@acme.org"])
def test_what_is_no_single_address_is_refused_before_anything_is_sent(sink: SmtpSink, to: str) -> None:
    with pytest.raises(RecipientRefused):
        send(email_values(sink), to=to)
    assert sink.mails == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"host": "a b"}, "host"),
        ({"port": "70000"}, "port"),
        ({"port": "x"}, "port"),
        ({"from_address": "a@acme.org\r\nBcc: b@acme.org"}, "from_address"),
        ({"user": "u"}, "tls"),
    ],
)
def test_values_that_cannot_work_are_told_beside_their_field(changed: dict[str, str], field: str) -> None:
    values = {"host": "mail.acme.org", "tls": "none", "from_address": "a@acme.org", **changed}
    with pytest.raises(InvalidValue) as refusal:
        KIND.check(values)
    assert refusal.value.field_name == field
