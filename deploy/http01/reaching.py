"""The way onto the server that answers: the pinned host key first, then our key, and no run to write steps into."""

import contextlib
from collections.abc import Iterator

from certificates.models import Issuance
from config.lib.errors import ExpectedError, NeedsUser
from deploy import unseal
from deploy.models import Server
from deploy.session import note_change
from deploy.ssh import connect
from deploy.ssh.connect import Connection

# Four greetings at most, the sign-in, and what is done there.
LEASE_SECONDS = 4 * connect.CONNECT_SECONDS + connect.SIGN_IN_SECONDS + 90.0


@contextlib.contextmanager
def reached(server: Server, issuance: Issuance | None) -> Iterator[Connection]:
    """Signed in for the length of the block. `issuance` is the run that tells of a changed host key.

    Raises NeedsUser ssh_host_key_untrusted, ssh_host_key_changed, and what connecting and signing in raise.
    """
    if not server.is_trusted:
        raise NeedsUser("ssh_host_key_untrusted", host=server.host, port=server.port, seen=server.seen_host_key or "…")
    key = unseal.login_key(server)
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(
                connect.greeted(server.host, server.port, pinned=server.host_key_fingerprint)
            )
        except ExpectedError as error:
            if error.code == "ssh_host_key_changed" and issuance is not None:
                note_change(server, issuance.domain, str(error.params["seen"]), run_id=issuance.pk)
            raise
        connection.sign_in(server.username, key)
        yield connection
