"""The only door to hosts that a customer or a certificate authority can name.

Every connection: one look-up with the configured resolvers, every address judged, connected to
the judged literal, one total deadline. A test bans sockets and HTTP, SMTP and DNS libraries elsewhere.
"""

from .challenge import Fetched, fetch_challenge
from .connect import open_socket, open_socket_async
from .deadline import Deadline
from .detection import Hop, Sighting, http_unverified_for_detection
from .hostname import literal_address, parse_dns_name, parse_host, parse_hostname, registrable_domain
from .http import HttpAnswer, http
from .judge import is_opened, judge
from .records import ServerAnswer, ask_resolvers, lookup_records, lookup_txt
from .refusals import Refused, Unreachable
from .resolve import resolve, resolve_all, resolve_async, resolver_addresses
from .signatures import signature_trouble
from .smtp import smtp_greet, smtp_send
from .trust import client_context
from .updates import UpdateKey, update_txt

__all__ = [
    "Deadline",
    "Fetched",
    "Hop",
    "HttpAnswer",
    "Refused",
    "ServerAnswer",
    "Sighting",
    "Unreachable",
    "UpdateKey",
    "ask_resolvers",
    "client_context",
    "fetch_challenge",
    "http",
    "http_unverified_for_detection",
    "is_opened",
    "judge",
    "literal_address",
    "lookup_records",
    "lookup_txt",
    "open_socket",
    "open_socket_async",
    "parse_dns_name",
    "parse_host",
    "parse_hostname",
    "registrable_domain",
    "resolve",
    "resolve_all",
    "resolve_async",
    "resolver_addresses",
    "signature_trouble",
    "smtp_greet",
    "smtp_send",
    "update_txt",
]
