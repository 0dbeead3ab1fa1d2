"""What looks like a secret never reaches a log line."""

import logging

import pytest

from config.lib.redact import LineFormatter, Redactor, redact

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----"
SECRETS = (
    (KEY, "b3BlbnNzaC"),
    (KEY.removesuffix("-----END OPENSSH PRIVATE KEY-----"), "b3BlbnNzaC"),
    ("token mmc_abcdefghijklmnopqrstuvwxyz012345 used", "abcdefghijkl"),
    ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
    ("POST /x?password=hunter22&a=b", "hunter22"),
    ("Not Found: /account/invitation/abcdefghijklmnopqrstuvwxyz/", "abcdefghijkl"),
    ("postgresql://portal:hunter22@db/portal", "hunter22"),
)


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_hidden(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert "***" in redact(text)


def test_ordinary_text_is_left_alone() -> None:
    assert redact("deploy to web-01:22 finished in 3 s") == "deploy to web-01:22 finished in 3 s"


def test_a_log_line_hides_secrets_in_message_fields_and_traceback() -> None:
    try:
        raise ValueError(KEY)
    except ValueError as error:
        record = logging.makeLogRecord(
            {"name": "x", "levelno": 40, "levelname": "ERROR", "msg": "failed %s", "args": (KEY,)}
        )
        record.answer = KEY
        record.exc_info = (type(error), error, error.__traceback__)
    Redactor().filter(record)
    line = LineFormatter().format(record)
    assert "b3BlbnNzaC" not in line
    assert "answer=***" in line
