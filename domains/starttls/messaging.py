"""XMPP (RFC 6120, 5.4), for clients and between servers.

Nothing is parsed as XML: three marks decide, and whoever writes them in another way is no server that clients use.
"""

import re
from functools import partial
from xml.sax.saxutils import quoteattr

from domains.starttls.opening import NOT_OFFERED, OTHER_PROTOCOL, REFUSED, Refusal, Take, Talk, Until

_TLS = b"urn:ietf:params:xml:ns:xmpp-tls"
_NAME = rb"(?:[\w.-]{1,40}:)?"
# The end of the features, which may be an empty element, or of a stream that is ended at once.
_FEATURES = re.compile(
    rb"</%bfeatures\s{0,9}>|<%bfeatures(?:\s[^<>]{0,500})?/>|</%berror\s{0,9}>|</%bstream\s{0,9}>" % ((_NAME,) * 4)
)
# All of <proceed/>: a rest of it would be taken for bytes that somebody slipped in.
_ANSWER = re.compile(
    rb"<%bproceed(?:\s[^<>]{0,300})?(?:/>|>\s{0,9}</%bproceed\s{0,9}>)|<%bfailure[\s/>]|</%bstream\s{0,9}>"
    % ((_NAME,) * 4)
)
_CONDITION = re.compile(rb"<([a-z-]{3,40})\s+xmlns=.urn:ietf:params:xml:ns:xmpp-streams.")


def _xmpp(namespace: str, host: str, us: str) -> Talk:
    yield (
        f"<?xml version='1.0'?><stream:stream to={quoteattr(host)} version='1.0' xml:lang='en' "
        f"xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams'>"
    ).encode()
    opening = yield Take(1)
    if opening not in b"< \r\n":
        raise Refusal(OTHER_PROTOCOL)
    features = opening + (yield Until(_FEATURES))
    if b"http://etherx.jabber.org/streams" not in features:
        raise Refusal(OTHER_PROTOCOL)
    if condition := _CONDITION.search(features):
        raise Refusal(REFUSED, condition[1])
    if _TLS not in features:
        raise Refusal(NOT_OFFERED)
    yield b"<starttls xmlns='" + _TLS + b"'/>"
    answer = yield Until(_ANSWER)
    if b"proceed" not in answer.rpartition(b"<")[2]:
        raise Refusal(REFUSED)


xmpp_client = partial(_xmpp, "jabber:client")
xmpp_server = partial(_xmpp, "jabber:server")
