"""Whom the portal needs outside: resolvers, the mail server, the CA; and whom it must not reach."""

import ipaddress
import json
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from django.conf import settings

from config.doctor.findings import Finding, broken, ok, warning, worded
from config.lib import clock, egress
from config.lib.errors import ExpectedError

SECONDS = 8.0
# A name that every resolver of the public internet can say something about.
ANY_NAME = "example.com"
SKEW_SECONDS, BAD_SKEW_SECONDS = 5.0, 60.0
INNERMOST = ("127.0.0.1", "::1", "169.254.169.254")


def check_dns() -> Iterator[Finding]:
    host = urlsplit(settings.ACME_DIRECTORY_URL).hostname or ""
    name = host if "." in host and not _is_address(host) else ANY_NAME
    answers = egress.ask_resolvers(name, "A", egress.Deadline(SECONDS))
    if not answers:
        yield broken("no resolver is configured", "Set DNS_RESOLVERS, or the system's in /etc/resolv.conf.")
    silent = [f"{answer.server} ({answer.error})" for answer in answers if answer.values is None]
    if silent:
        told = broken if len(silent) == len(answers) else warning
        yield told(f"no usable answer about {name} from {', '.join(silent)}", "Correct DNS_RESOLVERS, or mend them.")
    if len(silent) < len(answers):
        yield ok(f"{len(answers) - len(silent)} of {len(answers)} resolvers answer")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_mail() -> Iterator[Finding]:
    """Connect, encrypt and sign in as for a mail, and send none."""
    if not settings.EMAIL_URL:
        yield warning(f"mail is only written to {settings.VAR_DIR / 'mail'}", "Set EMAIL_URL to a mail server.")
        return
    try:
        name = egress.smtp_greet(settings.EMAIL_URL, egress.Deadline(SECONDS), operator=True)
    except ExpectedError as error:
        yield worded(error, "EMAIL_URL")
    else:
        yield ok(
            f"the mail server answers ({name or 'without a name'}); whether it takes mails to all, only a mail tells"
        )


def check_authority() -> Iterator[Finding]:
    """The CA of ACME_DIRECTORY_URL, and its clock beside ours."""
    url = settings.ACME_DIRECTORY_URL
    try:
        deadline = egress.Deadline(SECONDS)
        answer = egress.http("GET", url, deadline=deadline, ca_bundle=settings.ACME_CA_BUNDLE or None)
    except ExpectedError as error:
        yield worded(error, "ACME_DIRECTORY_URL", "DNS_RESOLVERS")
        return
    if not _is_directory(answer.body):
        yield broken(f"{url} answers {answer.status} and no ACME directory", "Correct ACME_DIRECTORY_URL.")
        return
    yield ok(f"the CA answers at {url}")
    yield from _clock_beside(answer.headers.get("date", ""))


def _is_directory(body: bytes) -> bool:
    try:
        return "newOrder" in json.loads(body)
    except (ValueError, TypeError):
        return False


def _clock_beside(date: str) -> Iterator[Finding]:
    try:
        skew = abs((parsedate_to_datetime(date) - clock.now()).total_seconds())
    except (ValueError, TypeError):
        return
    if skew > SKEW_SECONDS:
        told = broken if skew > BAD_SKEW_SECONDS else warning
        yield told(f"this clock and the CA's are {skew:.0f} seconds apart", "Let chrony or systemd-timesyncd keep it.")


def check_egress() -> Iterator[Finding]:
    """Which inner addresses may be connected to, and whether the further roots can be read."""
    for bundle in filter(None, (settings.TLS_EXTRA_CA_BUNDLE, settings.ACME_CA_BUNDLE)):
        try:
            egress.client_context(bundle)
        except (OSError, ValueError) as error:
            yield broken(f"{bundle} holds no roots that can be read ({error})", "Write PEM certificates into it.")
    opened = ", ".join(map(str, settings.EGRESS_ALLOW_CIDRS))
    inner = [address for address in INNERMOST if egress.judge(address)]
    if inner:
        yield warning(
            f"EGRESS_ALLOW_CIDRS ({opened}) opens {', '.join(inner)}: whoever may add a domain can have this "
            "machine, or its cloud's keys, asked",
            "Name only the ranges of the hosts that you look after.",
        )
    elif opened:
        yield ok(f"public addresses, and those of EGRESS_ALLOW_CIDRS ({opened})")
    else:
        yield ok("public addresses only")
