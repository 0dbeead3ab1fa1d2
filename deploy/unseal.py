"""Where this room opens secrets, in memory and for the length of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import paramiko

from certificates.bundles import bundle_files
from certificates.models import Certificate
from config.lib.errors import NeedsUser
from config.lib.sealed import Sealed
from deploy.models import PanelAccount, Server
from deploy.panels.known import panels
from deploy.panels.panel import Access, Bundle
from deploy.panels.reading import read_access, read_bundle
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
    contents = {part: _clear(one) for part, one in parts.items()}
    return [NewFile(names[file.part], file.mode, contents[file.part]) for file in placement.FILES]


def secrets_among(wanted: Sequence[NewFile]) -> list[str]:
    """Of the files to write those that only their owner may read: a reload that prints one shows a key."""
    return [file.content.decode() for file in wanted if not file.mode & 0o077]


def panel_access(account: PanelAccount, *, refs: Mapping[str, str], web_port: int) -> Access:
    """The way to a panel with its credential in clear. Raises InvalidValue for fields that cannot work."""
    secret, pinned = account.sealed_secret.reveal_text(), account.fingerprint_sha256
    access = read_access(panels.get(account.kind), account.config, secret=secret, pinned=pinned, refs=refs)
    return replace(access, web_port=web_port)


def panel_bundle(certificate: Certificate, *, label: str) -> Bundle:
    """Certificate and key as panels take them. Raises NeedsUser no_private_key and what `read_bundle` raises."""
    parts = bundle_files(certificate)
    leaf, chain, key = (parts[part] for part in ("cert", "chain", "key"))
    return read_bundle(_clear(leaf), _clear(chain), _clear(key), label=label)


def _clear(part: bytes | Sealed) -> bytes:
    return part.reveal() if isinstance(part, Sealed) else part
