"""The ZIP: what is in it, who may have it, and what it leaves behind."""

import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from auditlog.models import Event, PendingReaction
from certificates.bundles import bundle_files
from certificates.models import Certificate, CertificateName, Issuance, PrivateKey
from config.lib.errors import NeedsUser
from config.lib.sealed import Sealed
from tests.cast import PASSWORD, Cast
from tests.unit.certificates.conftest import HOST

pytestmark = pytest.mark.django_db
type Store = Callable[..., Certificate]


def fetch(cast: Cast, certificate: Certificate, *scopes: str, method: str = "GET") -> Any:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, *scopes)}"}
    path = f"/api/certificates/{certificate.pk}" + ("/bundle.zip" if method == "GET" else "")
    return Client().generic(method, path, headers=headers)


def test_the_zip_holds_the_five_files_with_their_modes(cast: Cast, store: Store, tmp_path: Path) -> None:
    certificate = store([HOST, f"*.{HOST}"])
    answer = fetch(cast, certificate)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    assert "no-store" in answer["Cache-Control"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    modes = {entry.filename: oct(entry.external_attr >> 16 & 0o777) for entry in archive.infolist()}
    public = dict.fromkeys(("cert.pem", "chain.pem", "fullchain.pem", "README.txt"), "0o644")
    assert modes == {**public, "privkey.pem": "0o600"}
    read = {name: archive.read(name) for name in archive.namelist()}
    assert read["fullchain.pem"] == read["cert.pem"] + read["chain.pem"]
    assert HOST.encode() in read["README.txt"]
    assert b"Generated 20" in read["README.txt"]

    for name, content in read.items():
        (tmp_path / name).write_bytes(content)
    of_key = ["openssl", "pkey", "-in", str(tmp_path / "privkey.pem"), "-pubout"]
    of_leaf = ["openssl", "x509", "-in", str(tmp_path / "cert.pem"), "-noout", "-pubkey"]
    keys = {subprocess.run(command, capture_output=True, check=True).stdout for command in (of_key, of_leaf)}
    assert len(keys) == 1


def test_a_token_without_the_scope_keys_gets_none(cast: Cast, store: Store) -> None:
    answer = fetch(cast, store(), "read", "write")
    assert answer.status_code == 403
    assert answer.json()["code"] == "key_scope_required"
    assert not Event.unscoped.filter(kind="certificate.downloaded").exists()


def test_every_key_that_leaves_alerts_the_admins_and_names_no_secret(cast: Cast, store: Store) -> None:
    certificate = store()
    fetch(cast, certificate)
    event = Event.unscoped.get(kind="certificate.downloaded")
    assert event.actor_kind == "token"
    assert PendingReaction.objects.filter(event=event).exists()
    assert "PRIVATE" not in json.dumps(event.data)


def test_uploads_have_no_bundle(cast: Cast, store: Store) -> None:
    certificate = store()
    Certificate.unscoped.filter(pk=certificate.pk).update(source="upload")
    answer = fetch(cast, certificate)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_bundle_for_uploads")


def test_a_certificate_without_its_key_has_none_either(cast: Cast, store: Store) -> None:
    certificate = store()
    assert certificate.private_key
    certificate.private_key.delete()
    answer = fetch(cast, certificate)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_private_key")
    with pytest.raises(NeedsUser):
        bundle_files(Certificate.unscoped.get(pk=certificate.pk))


def test_servers_get_the_same_files_with_the_key_sealed(store: Store) -> None:
    files = bundle_files(store())
    assert set(files) == {"cert", "chain", "fullchain", "key"}
    assert isinstance(files["key"], Sealed)
    assert "PRIVATE" not in repr(files)


def test_the_page_asks_who_is_there_before_a_key_leaves(cast: Cast, store: Store) -> None:
    certificate = store()
    browser = Client()
    browser.force_login(cast.admin)
    path = f"/w/{cast.acme.pk}/certificates/{certificate.pk}/bundle.zip"
    asked = browser.get(path)
    assert asked.status_code == 302
    assert "/reauthenticate/" in asked["Location"]
    browser.post(asked["Location"], {"password": PASSWORD})
    answer = browser.get(path)
    assert answer["Content-Type"] == "application/zip"
    assert "no-store" in answer["Cache-Control"]
    with time_machine.travel(timedelta(minutes=11) + datetime.now(UTC)):
        assert "/reauthenticate/" in browser.get(path)["Location"]


def test_deleting_destroys_the_key(cast: Cast, store: Store, issuance: Issuance) -> None:
    certificate = store()
    Issuance.unscoped.filter(pk=issuance.pk).update(certificate=certificate, private_key=certificate.private_key)
    assert fetch(cast, certificate, method="DELETE").status_code == 204
    assert not PrivateKey.unscoped.exists()
    assert not CertificateName.unscoped.exists()
    assert Issuance.unscoped.get(pk=issuance.pk).certificate_id is None
    assert Event.unscoped.get(kind="certificate.deleted").data["names"] == HOST
