"""Log lines: a constant event name, fields behind it, and nothing that looks like a secret."""

import logging
import re
from datetime import UTC, datetime

HIDDEN = "***"
PATTERNS = (
    re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    # API tokens (mmc_) and the links of feeds (mmcf_), whose secret is in their path.
    re.compile(r"mmcf?_[A-Za-z0-9_-]{20,}"),
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
    """`time level logger event key=value …`; one line, tracebacks below."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        fields = "".join(
            f" {name}={redact(str(value))}" for name, value in vars(record).items() if name not in STANDARD
        )
        line = f"{at}Z {record.levelname:<7} {record.name} {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + redact(self.formatException(record.exc_info))
        return line
