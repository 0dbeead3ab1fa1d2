"""Our own look at a token before the CA's only one: the same request, and in words what stands in the way."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from config.lib import egress
from config.lib.egress import Fetched, Hop
from config.lib.errors import ExpectedError, NeedsUser
from deploy.http01.cdns import cdn_of
from deploy.http01.snippets import lines_for

LOOK_SECONDS = 25.0
PATH = "/.well-known/acme-challenge/"
# What a web server shows as long as nobody has set up a site of that name.
_DEFAULT_PAGES = (
    b"Welcome to nginx!",
    b"Apache2 Default Page",
    b"Apache2 Debian Default Page",
    b"Apache2 Ubuntu Default Page",
    b"It works!",
    b"HTTP Server Test Page",
    b"IIS Windows Server",
)
_SHOWN_BYTES = 60


@dataclass(frozen=True)
class Asked:
    """One token that should be served for `name`; `webroot` is for the advice, empty with a listener."""

    name: str
    token: str
    content: str
    webroot: str = ""

    @property
    def origin(self) -> str:
        port = settings.ACME_HTTP01_PORT
        return f"http://{self.name}" + ("" if port == 80 else f":{port}")

    @property
    def url(self) -> str:
        return f"{self.origin}{PATH}{self.token}"


def look_for(asked: Asked) -> ExpectedError | None:
    """Why a CA would not accept what is served; None when it would. Blocks."""
    deadline = egress.Deadline(LOOK_SECONDS)
    try:
        fetched = egress.fetch_challenge(asked.url, deadline)
    except ExpectedError as error:
        return NeedsUser(error.code, **error.params)
    if not fetched.hops:
        return _unreached(asked, fetched)
    last = fetched.hops[-1]
    is_right = last.status == 200 and last.body.rstrip() == asked.content.encode()
    if is_right and not fetched.stopped and not fetched.failure:
        return None
    return _diagnosis(asked, fetched, deadline)


# What a connection that came to nothing is called; ETIMEDOUT and ECONNREFUSED are what admins search for.
_UNREACHED = {
    "connect_timeout": ("http01_timeout", "ETIMEDOUT"),
    "connect_refused": ("http01_refused", "ECONNREFUSED"),
    "connect_unreachable": ("http01_unreachable", "EHOSTUNREACH"),
    "deadline_exceeded": ("http01_slow", "ETIMEDOUT"),
    "http_failed": ("http01_broken", "no HTTP answer"),
    "dns_nxdomain": ("http01_no_address", "NXDOMAIN"),
    "dns_no_address": ("http01_no_address", "no A or AAAA record"),
    "dns_failed": ("http01_no_address", "the look-up failed"),
}


# Of these the next look may find nothing; that a name or its address is missing, somebody has to mend.
_MAY_PASS = frozenset(_UNREACHED) - {"dns_nxdomain", "dns_no_address"}


def may_pass(problem: ExpectedError) -> bool:
    """Whether what `look_for` found may be over by itself: no answer just now, or one of 500 and above."""
    return problem.params.get("cause") in _MAY_PASS or problem.params.get("status", 0) >= 500


def _unreached(asked: Asked, fetched: Fetched) -> NeedsUser:
    cause = fetched.failure.code if fetched.failure else "http_failed"
    code, word = _UNREACHED.get(cause, ("http01_broken", "no answer"))
    port = settings.ACME_HTTP01_PORT
    underlying = f"{word} {asked.name}:{port}"
    if fetched.family == 6 and not cause.startswith("dns_"):
        underlying += " over IPv6, which a CA asks first: the AAAA record has to lead to the same server"
    return NeedsUser(code, name=asked.name, url=asked.url, underlying=underlying, port=port, cause=cause)


def _diagnosis(asked: Asked, fetched: Fetched, deadline: egress.Deadline) -> NeedsUser:
    first, last = fetched.hops[0], fetched.hops[-1]
    headers = dict(first.headers)
    known: dict[str, Any] = {
        "name": asked.name,
        "url": asked.url,
        "status": last.status,
        "cause": fetched.failure.code if fetched.failure else "",
        "webroot": asked.webroot or "the listener",
        "seen": _beginning(last.body),
        "cdn": cdn_of(headers),
        "way": "It was asked over IPv6, as a CA does: the AAAA record has to lead to the same server. "
        if fetched.family == 6
        else "",
        "lines": lines_for(headers.get("server", "").lower(), name=asked.name, webroot=asked.webroot),
    }
    if len(fetched.hops) > 1 or fetched.stopped or fetched.failure:
        then = _end_of(fetched)
        if known["cdn"]:
            # No change on the server itself cures that, and Fix ACME redirect would be tried in vain.
            then += f" {known['cdn']} stands in between, so the redirect may be one of its own settings."
        return NeedsUser("http01_redirected", underlying=_redirect(first), then=then, **known)
    return NeedsUser(_code(asked, last, deadline), underlying=f"HTTP {last.status} from {last.url}", **known)


def _redirect(hop: Hop) -> str:
    location = dict(hop.headers).get("location", "")
    return f"HTTP {hop.status} from {hop.url} to {location[:200]}"


def _end_of(fetched: Fetched) -> str:
    """Where the redirects led."""
    last = fetched.hops[-1]
    if fetched.stopped == "elsewhere":
        return "A CA follows redirects to ports 80 and 443 alone, and this one leads elsewhere."
    if fetched.stopped == "count":
        return f"After {len(fetched.hops)} redirects there was still another one."
    if fetched.failure:
        return f"There it ends: {fetched.failed_url} does not answer ({fetched.failure.code})."
    return f"It ends at {last.url} with HTTP {last.status}, and not with the token."


def _code(asked: Asked, hop: Hop, deadline: egress.Deadline) -> str:
    if cdn_of(dict(hop.headers)):
        return "http01_cdn"
    if hop.status in (200, 404) and _shows_default_page(asked, deadline):
        return "http01_default_site"
    return _BY_STATUS.get(hop.status) or ("http01_server_error" if hop.status >= 500 else "http01_status")


_BY_STATUS = {200: "http01_wrong_body", 401: "http01_forbidden", 403: "http01_forbidden", 404: "http01_not_found"}


def _shows_default_page(asked: Asked, deadline: egress.Deadline) -> bool:
    """Whether nobody has set up a site of that name: what answers then is not the one that is meant."""
    try:
        fetched = egress.fetch_challenge(f"{asked.origin}/", deadline)
    except ExpectedError:
        return False
    return bool(fetched.hops) and any(page in fetched.hops[-1].body for page in _DEFAULT_PAGES)


def _beginning(body: bytes) -> str:
    text = body[:_SHOWN_BYTES].decode("utf-8", errors="replace")
    return "".join(character if character.isprintable() else " " for character in text).strip()
