"""The set-ups that want to be asked for TLS first, as the protocols' own documents write it.

Stand-ins at the wire, for what real servers do not do on demand; those have tests/integration/test_starttls_servers.py.
"""

from collections.abc import Iterator, Sequence

from tests.corpus.manners import EXPIRED, GOOD
from tests.corpus.serving import Tls, asks_first
from tests.corpus.table import Expected, Setup

type Talk = Sequence[bytes | str | int]

SMTP: Talk = (
    b"220 mail ESMTP\r\n",
    "\r\n",
    b"250-mail\r\n250-SIZE\r\n250 STARTTLS\r\n",
    "STARTTLS\r\n",
    b"220 go on\r\n",
)
IMAP: Talk = (b"* OK [CAPABILITY IMAP4rev2 STARTTLS] hi\r\n", "a1 STARTTLS\r\n", b"a1 OK begin\r\n")
POP3: Talk = (b"+OK hi\r\n", "CAPA\r\n", b"+OK\r\nTOP\r\nSTLS\r\n.\r\n", "STLS\r\n", b"+OK begin\r\n")
FTP: Talk = (b"220 hi\r\n", "AUTH TLS\r\n", b"234 begin\r\n")
_STREAM = b"<?xml version='1.0'?><stream:stream id='1' version='1.0' xmlns:stream='http://etherx.jabber.org/streams'>"
_FEATURES = (
    b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
)
XMPP: Talk = ("streams'>", _STREAM, _FEATURES, "xmpp-tls'/>", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
_LDAP_ANSWER = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01%c\x04\x00\x04\x00"
# The same with lengths of four bytes and the operation's name (RFC 4511, 4.14.1), as Active Directory writes it.
_LDAP_NAME = b"\x8a\x16" + b"1.3.6.1.4.1.1466.20037"
_LDAP_RESPONSE = b"\x78\x84\x00\x00\x00\x1f\x0a\x01\x00\x04\x00\x04\x00" + _LDAP_NAME
_LDAP_LONG = b"\x30\x84\x00\x00\x00\x28\x02\x01\x01" + _LDAP_RESPONSE
_GREETING = b"\x0a8.4.0\0\x01\0\0\0scramble\0" + b"%b\xff\x02\0\xff\xc1\x15" + b"\0" * 10 + b"scramble1234\0"


def mysql_greeting(capabilities: bytes) -> bytes:
    body = _GREETING % capabilities
    return len(body).to_bytes(3, "little") + b"\0" + body


# What each protocol's server does when all is well, in every shape that its document allows.
WELL: dict[str, tuple[str, Talk]] = {
    "SMTP": ("smtp", SMTP),
    "SMTP with a greeting of three lines": ("smtp", (b"220-mail\r\n220-no spam\r\n220 please\r\n", *SMTP[1:])),
    "SMTP with bare line feeds": (
        "smtp",
        (b"220 mail\n", "\n", b"250-mail\n250-starttls\n250 HELP\n", "\n", b"220 go\n"),
    ),
    "IMAP": ("imap", IMAP),
    "IMAP with other answers in between": (
        "imap",
        (*IMAP[:2], b"* CAPABILITY IMAP4rev1\r\n* OK hm\r\n", b"a1 ok go\r\n"),
    ),
    "POP3": ("pop3", POP3),
    "POP3 without CAPA": ("pop3", (b"+OK\r\n", "CAPA\r\n", b"-ERR what?\r\n", "STLS\r\n", b"+OK begin\r\n")),
    "FTP": ("ftp", FTP),
    "FTP with free lines in its greeting": (
        "ftp",
        (b"220-Welcome\r\n  220 not the end\r\nno code\r\n220 hi\r\n", *FTP[1:]),
    ),
    "FTP that is ready in a minute": ("ftp", (b"120 soon\r\n", *FTP)),
    "LDAP": ("ldap", (31, _LDAP_ANSWER % 0)),
    "LDAP with long lengths": ("ldap", (31, _LDAP_LONG)),
    "XMPP for clients": ("xmpp_client", XMPP),
    "XMPP for servers": ("xmpp_server", XMPP),
    "PostgreSQL": ("postgres", (8, b"S")),
    "MySQL": ("mysql", (mysql_greeting(b"\xff\xff"), 36)),
}

# Who says no, and how; the answers are those of the protocols' documents or of well-known servers.
_NO: dict[str, tuple[str, Talk, str]] = {
    "SMTP without STARTTLS": ("smtp", (b"220 mail\r\n", "\r\n", b"250-mail\r\n250 SIZE\r\n"), "starttls_not_offered"),
    "SMTP that knows only HELO": ("smtp", (b"220 mail\r\n", "\r\n", b"502 what?\r\n"), "starttls_not_offered"),
    "SMTP whose TLS is out of order": ("smtp", (*SMTP[:4], b"454 4.7.0 TLS not available\r\n"), "starttls_refused"),
    "SMTP that turns us away": ("smtp", (b"554 no mail here\r\n",), "starttls_refused"),
    "SMTP that is busy": ("smtp", (b"421 too many connections\r\n",), "starttls_refused"),
    "IMAP without STARTTLS": ("imap", (*IMAP[:2], b"a1 BAD unknown command\r\n"), "starttls_not_offered"),
    "IMAP whose TLS is out of order": ("imap", (*IMAP[:2], b"a1 NO unavailable\r\n"), "starttls_refused"),
    "IMAP that says goodbye": ("imap", (b"* BYE too many connections\r\n",), "starttls_refused"),
    "IMAP that knows us already": ("imap", (b"* PREAUTH hi\r\n",), "starttls_not_offered"),
    "POP3 without STLS": ("pop3", (b"+OK\r\n", "CAPA\r\n", b"+OK\r\nTOP\r\n.\r\n"), "starttls_not_offered"),
    "POP3 that refuses": ("pop3", (*POP3[:4], b"-ERR TLS unavailable\r\n"), "starttls_refused"),
    "FTP without AUTH": ("ftp", (*FTP[:2], b"500 what?\r\n"), "starttls_not_offered"),
    "FTP that refuses": ("ftp", (*FTP[:2], b"431 no resources\r\n"), "starttls_refused"),
    "LDAP without TLS": ("ldap", (31, _LDAP_ANSWER % 2), "starttls_not_offered"),
    "LDAP that is unavailable": ("ldap", (31, _LDAP_ANSWER % 52), "starttls_refused"),
    "XMPP without TLS": ("xmpp_client", (*XMPP[:2], b"<stream:features/>"), "starttls_not_offered"),
    "XMPP that refuses": (
        "xmpp_client",
        (*XMPP[:4], b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>"),
        "starttls_refused",
    ),
    "XMPP for other hosts": (
        "xmpp_server",
        (
            *XMPP[:2],
            b"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
        ),
        "starttls_refused",
    ),
    "PostgreSQL without TLS": ("postgres", (8, b"N"), "starttls_not_offered"),
    "PostgreSQL with an error": ("postgres", (8, b"E\0\0\0\x20SFATAL\0"), "starttls_refused"),
    "MySQL without TLS": ("mysql", (mysql_greeting(b"\xff\xf7"),), "starttls_not_offered"),
    "MySQL that has blocked us": ("mysql", (b"\x15\0\0\0\xff\x69\x04Host is blocked, 1",), "starttls_refused"),
    "HTTP where SMTP was meant": ("smtp", (b"HTTP/1.1 400 Bad Request\r\n\r\n",), "starttls_other_protocol"),
    "POP3 where IMAP was meant": ("imap", (b"+OK hi\r\n",), "starttls_other_protocol"),
    "SMTP where POP3 was meant": ("pop3", (b"220 mail\r\n",), "starttls_other_protocol"),
    "SSH where FTP was meant": ("ftp", (b"SSH-2.0-OpenSSH_9.2\r\n",), "starttls_other_protocol"),
    "SMTP where LDAP was meant": ("ldap", (b"220 mail\r\n",), "starttls_other_protocol"),
    "HTTP where XMPP was meant": ("xmpp_client", (b"HTTP/1.1 400 Bad Request\r\n\r\n",), "starttls_other_protocol"),
    "SMTP where PostgreSQL was meant": ("postgres", (b"220 mail\r\n",), "starttls_other_protocol"),
    "SMTP where MySQL was meant": ("mysql", (b"220 mail\r\n",), "starttls_other_protocol"),
    "TLS at once where SMTP was meant": ("smtp", (), "starttls_timeout"),
}


def _setups() -> Iterator[Setup]:
    for title, (protocol, talk) in WELL.items():
        yield Setup(title, asks_first(talk, GOOD), Expected(protocol=protocol))
    for title, served, problems in (
        ("expired", EXPIRED, ("expired",)),
        ("without its chain", Tls(GOOD.ders[:1]), ("missing_intermediate",)),
    ):
        yield Setup(f"SMTP, {title}", asks_first(SMTP, served), Expected(problems=problems, protocol="smtp"))
    for title, (protocol, talk, outcome) in _NO.items():
        yield Setup(title, asks_first(talk, None), Expected(outcome, tls="", protocol=protocol))


SETUPS = [*_setups()]
