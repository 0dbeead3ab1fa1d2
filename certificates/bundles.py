"""A certificate as files: for a server, and as what a person downloads with the private key in it."""

import io
import tarfile
import zipfile
from dataclasses import dataclass, field
from datetime import datetime

from auditlog.events import Actor, record
from certificates.cas.known import ca_label
from certificates.formats import Parts, read_format
from certificates.models import Certificate
from config.lib import clock, wording
from config.lib.errors import NeedsUser, Permanent
from config.lib.sealed import Sealed

PUBLIC_MODE = 0o644
SECRET_MODE = 0o600
REGULAR_FILE = 0o100000
UNIX = 3


def bundle_files(certificate: Certificate) -> dict[str, bytes | Sealed]:
    """`cert`, `chain`, `fullchain` as PEM bytes and `key` as a Sealed PEM. Raises NeedsUser no_private_key."""
    if certificate.private_key is None:
        raise NeedsUser("no_private_key")
    leaf, chain = certificate.leaf_pem.encode(), certificate.chain_pem.encode()
    return {"cert": leaf, "chain": chain, "fullchain": leaf + chain, "key": certificate.private_key.sealed_pem}


@dataclass(frozen=True)
class Download:
    """A file with a private key in it, on its way to whoever asked for it."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


def file_name(certificate: Certificate, suffix: str) -> str:
    host = certificate.names[0].replace("*", "wildcard")
    return f"{host}-{certificate.not_before:%Y-%m-%d}.{suffix}"


def download_bundle(*, certificate: Certificate, actor: Actor) -> Download:
    """The documented ZIP. The private key leaves the portal here, so this records an alerting event.

    Raises NeedsUser no_bundle_for_uploads or no_private_key.
    """
    _require_own(certificate)
    packed = pack_bundle(certificate, at=clock.now())
    _record(certificate, "ZIP", actor)
    return Download(file_name(certificate, "zip"), "application/zip", packed)


def export_certificate(*, certificate: Certificate, form: str, password: str, actor: Actor) -> Download:
    """The certificate with its key in one of certificates.formats; `password` is used once and kept nowhere.

    Leaves the same event as the ZIP, and raises as it does; also what `read_format` raises.
    """
    chosen = read_format(form, password)
    _require_own(certificate)
    files = bundle_files(certificate)
    leaf, chain, key = (_plain(files[name]) for name in ("cert", "chain", "key"))
    try:
        content = chosen.make(Parts(leaf, chain, key, certificate.names[0]), password)
    except (ValueError, TypeError):
        # `from None`: the message may quote bytes of the key.
        raise Permanent("export_impossible", format=chosen.label) from None
    _record(certificate, chosen.label, actor)
    return Download(file_name(certificate, chosen.suffix), "application/octet-stream", content)


def _require_own(certificate: Certificate) -> None:
    """Keys that came from outside do not leave again: whoever uploaded one has it."""
    if certificate.source != Certificate.Source.ACME:
        raise NeedsUser("no_bundle_for_uploads")


def _plain(content: bytes | Sealed) -> bytes:
    return content.reveal() if isinstance(content, Sealed) else content


def _record(certificate: Certificate, form: str, actor: Actor) -> None:
    """The event that also mails the admins."""
    record(
        "certificate.downloaded",
        workspace_id=certificate.workspace_id,
        actor=actor,
        domain_id=certificate.domain_id,
        domain_label=certificate.domain.label,
        data={"certificate": str(certificate.pk), "names": ", ".join(certificate.names), "format": form},
    )


def pack_bundle(certificate: Certificate, *, at: datetime) -> bytes:
    """The five files with their Unix modes, in memory only."""
    files = bundle_files(certificate)
    contents = [
        ("cert.pem", files["cert"], PUBLIC_MODE),
        ("chain.pem", files["chain"], PUBLIC_MODE),
        ("fullchain.pem", files["fullchain"], PUBLIC_MODE),
        ("privkey.pem", files["key"], SECRET_MODE),
        ("README.txt", read_me(certificate, at).encode(), PUBLIC_MODE),
    ]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in contents:
            entry = zipfile.ZipInfo(name, date_time=at.timetuple()[:6])
            entry.create_system = UNIX
            entry.external_attr = (REGULAR_FILE | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _plain(content))
    return packed.getvalue()


def pack_tar(certificate: Certificate) -> bytes:
    """The four files as a deployment writes them, with their modes; for whoever pulls. Raises as bundle_files does."""
    files = bundle_files(certificate)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, mode in (
            ("cert", PUBLIC_MODE),
            ("chain", PUBLIC_MODE),
            ("fullchain", PUBLIC_MODE),
            ("key", SECRET_MODE),
        ):
            content = _plain(files[name])
            entry = tarfile.TarInfo(f"{name}.pem")
            entry.size, entry.mode, entry.mtime = len(content), mode, int(certificate.created_at.timestamp())
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def pack_pem(certificate: Certificate) -> bytes:
    """Certificate, chain and key in one text. Raises NeedsUser no_private_key."""
    files = bundle_files(certificate)
    return _plain(files["fullchain"]) + _plain(files["key"])


def read_me(certificate: Certificate, at: datetime) -> str:
    """Short install notes and the time of generation."""
    return READ_ME.format(
        names=", ".join(certificate.names),
        issuer=certificate.issuer,
        ca=ca_label(certificate.directory_url),
        not_before=wording.exact(certificate.not_before),
        not_after=wording.exact(certificate.not_after),
        fingerprint=certificate.fingerprint_sha256,
        at=wording.exact(at),
    )


READ_ME = """\
Certificate for {names}

Issuer        {issuer} ({ca})
Valid from    {not_before}
Valid until   {not_after}
SHA-256       {fingerprint}

cert.pem       the certificate alone
chain.pem      the intermediate certificates, without the certificate itself
fullchain.pem  both, in the order in which a server sends them
privkey.pem    the private key: keep it secret (mode 0600, owned by whoever starts the server)

Nginx      ssl_certificate      /path/fullchain.pem;
           ssl_certificate_key  /path/privkey.pem;
Apache     SSLCertificateFile     /path/fullchain.pem
           SSLCertificateKeyFile  /path/privkey.pem
HAProxy    cat fullchain.pem privkey.pem > site.pem
           bind :443 ssl crt /path/site.pem
cPanel     SSL/TLS, Manage SSL sites: paste cert.pem, privkey.pem and chain.pem
Plesk      SSL/TLS Certificates: upload cert.pem, privkey.pem and chain.pem

Reload the server afterwards, for example: sudo systemctl reload nginx

Generated {at}
"""
