"""Certificates on file for the sample domains, as issuing and uploading leave them."""

from certificates.keys import KEY_TYPES
from certificates.models import Certificate, CertificateName, PrivateKey, names_key
from config.lib.sealed import Sealed
from domains.models import Domain, Mode
from tests.servers.ca import Issued

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


def keep_on_file(domain: Domain, issued: Issued, mode: str) -> Certificate:
    """In the mode Upload & deploy as an upload of a private CA, else as Let's Encrypt's."""
    is_upload = mode == Mode.UPLOAD
    owner = {"workspace_id": domain.workspace_id, "domain": domain}
    names = [name.value for name in issued.certificate.extensions[1].value]
    certificate = Certificate.unscoped.create(
        **owner,
        names=names,
        names_key=names_key(names),
        source=Certificate.Source.UPLOAD if is_upload else Certificate.Source.ACME,
        directory_url="" if is_upload else LETS_ENCRYPT,
        key_type=next(iter(KEY_TYPES)),
        leaf_pem=issued.cert_pem.decode(),
        chain_pem=issued.chain_pem.decode(),
        fingerprint_sha256=issued.fingerprint,
        serial=f"{issued.certificate.serial_number:x}",
        issuer="Example Private CA" if is_upload else "Let's Encrypt",
        not_before=issued.certificate.not_valid_before_utc,
        not_after=issued.certificate.not_valid_after_utc,
        renew_at=domain.renew_at,
        private_key=PrivateKey.unscoped.create(**owner, sealed_pem=Sealed.of(issued.key_pem)),
        requested_by="ann@acme.example",
        warnings=[{"code": "upload_untrusted", "params": {"issuer": "Example Private CA"}}] if is_upload else [],
        created_at=issued.certificate.not_valid_before_utc,
    )
    CertificateName.unscoped.bulk_create(
        CertificateName(workspace_id=domain.workspace_id, certificate=certificate, name=name) for name in names
    )
    return certificate
