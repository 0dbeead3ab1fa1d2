"""What looks like a secret never reaches a log line."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.http import HttpRequest

from config.lib.log_context import logged_with
from config.lib.redact import LOG_ID, JsonFormatter, LineFormatter, Redactor, redact
from config.lib.side_by_side import side_by_side

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


def failed_with(secret: str) -> logging.LogRecord:
    """A record that has the secret everywhere where one may slip in."""
    try:
        raise ValueError(secret)
    except ValueError as error:
        record = record_of("failed %s", secret)
        record.answer, record.steps, record.more = secret, [secret, 3], {"inner": secret}
        record.exc_info = (type(error), error, error.__traceback__)
    Redactor().filter(record)
    return record


def record_of(msg: str, *args: Any, **fields: Any) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "x", "levelname": "ERROR", "msg": msg, "args": args, **fields})


def as_json(record: logging.LogRecord) -> dict[str, Any]:
    text = JsonFormatter().format(record)
    assert "\n" not in text
    return dict(json.loads(text))


def test_a_log_line_hides_secrets_in_message_fields_and_traceback() -> None:
    line = LineFormatter().format(failed_with(KEY))
    assert "b3BlbnNzaC" not in line
    assert "answer=***" in line


def test_so_does_one_in_json() -> None:
    line = as_json(failed_with(KEY))
    assert "b3BlbnNzaC" not in str(line)
    assert (line["event"], line["answer"], line["steps"], line["more"]) == (
        *("failed ***", "***"),
        *(["***", 3], {"inner": "***"}),
    )
    assert line["traceback"].startswith("Traceback")


def test_a_json_line_has_its_time_level_and_fields_with_their_types() -> None:
    line = as_json(record_of("done", created=1_800_000_000.25, host="ü.test", ms=12, ok=True, event="other"))
    assert line == {
        "at": "2027-01-15T08:00:00.250Z",
        "level": "error",
        "logger": "x",
        "event": "done",
        "host": "ü.test",
        "ms": 12,
        "ok": True,
    }


def test_lines_of_one_piece_of_work_have_its_fields_in_its_threads_too() -> None:
    with logged_with(request="r1"):
        with logged_with(job="j1"):
            assert as_json(record_of("inside"))["job"] == "j1"
            told = side_by_side(lambda _item: as_json(record_of("beside")), [1, 2], at_once=2)
        after = as_json(record_of("after"))
        with ThreadPoolExecutor(1) as pool:
            elsewhere = pool.submit(as_json, record_of("of somebody else")).result()
    assert [(line["request"], line["job"]) for line in told] == [("r1", "j1"), ("r1", "j1")]
    assert (after["request"], "job" in after) == ("r1", False)
    assert "request" not in elsewhere
    assert "request" not in as_json(record_of("outside"))


def test_what_a_line_says_itself_wins() -> None:
    with logged_with(job="ours"):
        assert as_json(record_of("x", job="its own"))["job"] == "its own"


def test_djangos_own_line_about_a_request_has_its_id() -> None:
    request = HttpRequest()
    setattr(request, LOG_ID, "r2")
    assert as_json(record_of("Not Found", request=request))["request"] == "r2"
