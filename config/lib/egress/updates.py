"""TXT records changed at a name server by RFC 2136, signed by TSIG (RFC 8945), over TCP to a judged address."""

import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update

from config.lib.errors import NeedsUser, Permanent, Transient

from .connect import open_socket
from .deadline import Deadline

_SECONDS = 15.0


@dataclass(frozen=True)
class UpdateKey:
    """A TSIG key; `secret` in base64."""

    name: str
    secret: str = field(repr=False)
    algorithm: str = "hmac-sha256"


def update_txt(
    where: tuple[str, int],
    zone: str,
    key: UpdateKey,
    *,
    add: Sequence[tuple[str, str]] = (),
    remove: Sequence[tuple[str, str]] = (),
    ttl: int = 60,
) -> None:
    """Add and remove (name, value) pairs in one message, all or none. Blocks; repeatable.

    Raises NeedsUser dns_provider_refused or dns_provider_no_zone, Transient dns_provider_unreachable, Permanent
    dns_provider_failed, and what connecting raises.
    """
    message = _message(zone, key, add, remove, ttl)
    deadline = Deadline(_SECONDS)
    with open_socket(*where, deadline) as sock:
        sock.setblocking(False)
        try:
            answer = dns.query.tcp(message, where[0], timeout=deadline.left(), sock=sock)
        except dns.tsig.PeerError as error:
            raise NeedsUser("dns_provider_refused", detail=f"TSIG: {type(error).__name__}") from error
        except (dns.exception.Timeout, OSError, EOFError) as error:
            raise Transient("dns_provider_unreachable", detail=str(error) or type(error).__name__) from error
        except dns.exception.FormError as error:
            # Servers do not sign 'not my zone'; dnspython takes no answer without a signature.
            raise NeedsUser("dns_provider_no_zone", detail=str(error)) from error
        except dns.exception.DNSException as error:
            raise Permanent("dns_provider_failed", detail=str(error) or type(error).__name__) from error
    _judge(answer.rcode())


def _message(
    zone: str, key: UpdateKey, add: Sequence[tuple[str, str]], remove: Sequence[tuple[str, str]], ttl: int
) -> dns.update.UpdateMessage:
    try:
        keyring = dns.tsigkeyring.from_text({key.name: key.secret})
        message = dns.update.UpdateMessage(zone, keyring=keyring, keyalgorithm=key.algorithm)
        for name, value in add:
            message.add(dns.name.from_text(name), ttl, "TXT", f'"{value}"')
        for name, value in remove:
            message.delete(dns.name.from_text(name), "TXT", f'"{value}"')
        message.to_wire()
    except (dns.exception.DNSException, binascii.Error, ValueError, NotImplementedError) as error:
        raise NeedsUser("dns_provider_refused", detail=f"The key or a name cannot be used: {error}") from error
    return message


def _judge(rcode: int) -> None:
    word = dns.rcode.to_text(dns.rcode.Rcode(rcode))
    if rcode == dns.rcode.NOERROR:
        return
    if rcode in (dns.rcode.REFUSED, dns.rcode.NOTAUTH):
        code = "dns_provider_refused" if rcode == dns.rcode.REFUSED else "dns_provider_no_zone"
        raise NeedsUser(code, detail=word)
    if rcode == dns.rcode.NOTZONE:
        raise NeedsUser("dns_provider_no_zone", detail=word)
    if rcode == dns.rcode.SERVFAIL:
        raise Transient("dns_provider_unreachable", detail=word)
    raise Permanent("dns_provider_failed", detail=word)
