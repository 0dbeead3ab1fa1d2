"""The two places where this room opens secrets, both in memory and for the length of a run."""

from collections.abc import Mapping, Sequence

import paramiko

from certificates.bundles import bundle_files
from certificates.models import Certificate
from config.lib.errors import NeedsUser
from config.lib.sealed import Sealed
from deploy.models import Server
from deploy.ssh import placement
from deploy.ssh.install import NewFile
from deploy.ssh.keys import load_key


def login_key(server: Server) -> paramiko.PKey:
    """The key to sign in with. Raises NeedsUser server_key_missing and what `load_key` raises."""
    if not server.sealed_private_key:
        raise NeedsUser("server_key_missing", host=server.host)
    passphrase = server.sealed_passphrase.reveal_text() if server.sealed_passphrase else ""
    return load_key(server.sealed_private_key.reveal_text(), passphrase)


def secrets_of(server: Server) -> list[str]:
    """What must not survive in anything that the server prints."""
    sealed: list[Sealed] = [one for one in (server.sealed_private_key, server.sealed_passphrase) if one]
    return [one.reveal_text() for one in sealed]


def new_files(certificate: Certificate, names: Mapping[str, str]) -> list[NewFile]:
    """The four files to write, in the order of the swap. Raises NeedsUser no_private_key."""
    parts = bundle_files(certificate)
    contents = {part: one.reveal() if isinstance(one, Sealed) else one for part, one in parts.items()}
    return [NewFile(names[file.part], file.mode, contents[file.part]) for file in placement.FILES]


def secrets_among(wanted: Sequence[NewFile]) -> list[str]:
    """Of the files to write those that only their owner may read: a reload that prints one shows a key."""
    return [file.content.decode() for file in wanted if not file.mode & 0o077]
