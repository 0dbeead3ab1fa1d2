"""STARTTLS: what is said in clear until the server lets TLS begin. Bytes in, bytes out, no socket."""

from domains.starttls.databases import mysql, postgres
from domains.starttls.directory import ldap
from domains.starttls.mail import ftp, imap, pop3, smtp
from domains.starttls.messaging import xmpp_client, xmpp_server
from domains.starttls.opening import CLEAR_BYTES, IN_CLEAR, NotOpened, Opener, Opening, our_name

SMTP = Opener("SMTP", smtp)
IMAP = Opener("IMAP", imap)
POP3 = Opener("POP3", pop3)
FTP = Opener("FTP", ftp)
LDAP = Opener("LDAP", ldap)
XMPP_CLIENT = Opener("XMPP (clients)", xmpp_client)
XMPP_SERVER = Opener("XMPP (servers)", xmpp_server)
POSTGRES = Opener("PostgreSQL", postgres)
MYSQL = Opener("MySQL", mysql)

__all__ = [
    "CLEAR_BYTES",
    "FTP",
    "IMAP",
    "IN_CLEAR",
    "LDAP",
    "MYSQL",
    "POP3",
    "POSTGRES",
    "SMTP",
    "XMPP_CLIENT",
    "XMPP_SERVER",
    "NotOpened",
    "Opener",
    "Opening",
    "our_name",
]
