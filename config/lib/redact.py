"""Log lines: a constant event name, fields behind it, and nothing that looks like a secret."""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from config.lib.log_context import log_fields

HIDDEN = "***"
# The attribute of a request that holds its id.
LOG_ID = "log_id"
PATTERNS = (
    re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    # API tokens (mmc_) pull tokens (mmcp_), and the links of feeds (mmcf_), whose secret is in their path.
    re.compile(r"mmc[fp]?_[A-Za-z0-9_-]{20,}"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,}"),
    # Basic holds a name and a password in base64, which none of the secret's own spellings finds.
    re.compile(r"(?i)(?<=basic )[A-Za-z0-9+/]{8,}={0,2}"),
    # The path of a mailed link; Django logs the paths of refused requests, and one cut short is still half a secret.
    re.compile(r"(?<=/invitation/)[A-Za-z0-9_-]{8,}"),
    re.compile(r"(?i)(?<=password=)[^\s&'\"]+"),
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),
)
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request", "server_time"}


def redact(text: str) -> str:
    """The text without private keys, API tokens and passwords."""
    for pattern in PATTERNS:
        text = pattern.sub(HIDDEN, text)
    return text


class Redactor(logging.Filter):
    """On by default for every handler, so that a careless call leaks nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True


class LineFormatter(logging.Formatter):
    """`time level logger event key=value …`; one line, tracebacks below. For people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={_plain(value)}" for name, value in fields_of(record).items())
        line = f"{_moment(record)} {record.levelname:<7} {record.name} {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + redact(self.formatException(record.exc_info))
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `event`, the line's own fields, `traceback` after a bug."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {name: _plain(value) for name, value in fields_of(record).items() if name not in line}
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What the work at hand is, and what the line itself says, which wins."""
    values = vars(record)
    own = {name: value for name, value in values.items() if name not in STANDARD}
    # Django writes its line about a refused request when the middleware, and with it the context, is through.
    if name := getattr(values.get("request"), LOG_ID, None):
        own["request"] = name
    return {**log_fields(), **own}


def _plain(value: Any) -> Any:
    """Numbers as they are, lists item by item, everything else as text without secrets."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return redact(str(value))


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
