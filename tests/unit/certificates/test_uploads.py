"""Uploads that are right: in any shape, stored once, deployed at once; and what never comes back."""

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.html import escape

from auditlog.models import Event
from billing.charging import UNPAID
from certificates.models import Certificate, CertificateName, PrivateKey
from config.lib import jobs
from config.lib.errors import describe
from deploy.models import Deployment, Server, Target, TargetRun
from domains.models import Domain, Finding
from tests.cast import Cast
from tests.servers.ca import Issued, TestCa
from tests.unit.billing.paying import give
from tests.unit.certificates.conftest import HOST, trust

pytestmark = pytest.mark.django_db
type Post = Callable[..., Any]


@pytest.fixture(scope="module")
def authority() -> TestCa:
    return TestCa()


@pytest.fixture
def issued(authority: TestCa) -> Issued:
    return authority.issue([HOST, f"www.{HOST}"])


@pytest.fixture
def post(cast: Cast, domain: Domain) -> Post:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'write')}"}

    def send(**body: str) -> Any:
        path = f"/api/domains/{domain.pk}/certificates"
        return Client().post(path, body, content_type="application/json", headers=headers)

    return send


def pfx(issued: Issued, place: Path, password: str, *options: str) -> bytes:
    issued.write(place)
    files = ["-inkey", str(place / "key.pem"), "-in", str(place / "fullchain.pem"), "-out", str(place / "site.pfx")]
    command = ["openssl", "pkcs12", "-export", *files, "-passout", f"pass:{password}", *options]
    subprocess.run(command, check=True, capture_output=True)
    return (place / "site.pfx").read_bytes()


def encrypted(issued: Issued, place: Path, *options: str) -> str:
    issued.write(place)
    command = ["openssl", "pkey", "-in", str(place / "key.pem"), "-passout", "pass:open sesame", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def in_every_shape(issued: Issued) -> dict[str, str]:
    leaf, chain, key = issued.cert_pem.decode(), issued.chain_pem.decode(), issued.key_pem.decode()
    return {
        "key first": key + leaf + chain,
        "chain first": chain + key + leaf,
        "a root as well": chain + leaf + key,
        "with words around": f"Dear customer,\n\nyour certificate:\n  {leaf}\n(intermediate)\n{chain}\nBye\n{key}--",
        "line ends of Windows": (leaf + chain + key).replace("\n", "\r\n"),
        "indented": "\n".join(f"    {line}" for line in (leaf + chain + key).splitlines()),
        "quoted": "\n".join(f"> {line}" for line in (leaf + chain + key).splitlines()),
        "out of JSON": json.dumps(leaf + chain + key)[1:-1],
        "twice": (leaf + chain + key) * 2,
    }


@pytest.mark.parametrize("shape", list(in_every_shape(TestCa().issue([HOST]))))
def test_a_pair_is_found_in_every_shape(shape: str, post: Post, issued: Issued) -> None:
    answer = post(pem=in_every_shape(issued)[shape])
    assert answer.status_code == 201, answer.content
    row = Certificate.unscoped.get()
    assert (row.leaf_pem, row.chain_pem) == (issued.cert_pem.decode(), issued.chain_pem.decode())
    assert row.private_key
    assert row.private_key.sealed_pem.reveal() == issued.key_pem


def test_what_is_stored_and_told(post: Post, issued: Issued, cast: Cast) -> None:
    body = post(pem=(issued.key_pem + issued.fullchain_pem).decode()).json()
    assert body["names"] == [HOST, f"www.{HOST}"]
    assert (body["source"], body["key_type"]) == ("upload", "ecdsa-p256")
    assert body["fingerprint_sha256"] == issued.fingerprint
    assert body["requested_by"]
    assert [one["code"] for one in body["warnings"]] == ["upload_untrusted"]
    assert CertificateName.unscoped.filter(name=f"www.{HOST}").exists()
    event = Event.unscoped.get(kind="certificate.uploaded")
    assert event.actor_kind == "token"
    assert "PRIVATE" not in json.dumps(event.data)


def test_one_that_vouches_for_itself_is_stored_with_a_warning(post: Post, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    options = f"-newkey ec -pkeyopt ec_paramgen_curve:P-256 -addext subjectAltName=DNS:{HOST}"
    command = ["openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=own", "-keyout", str(key)]
    made = subprocess.run([*command, *options.split()], check=True, capture_output=True, text=True).stdout
    answer = post(pem=made + key.read_text())
    assert answer.status_code == 201, answer.content
    assert [one["code"] for one in answer.json()["warnings"]] == ["upload_self_signed"]
    assert Certificate.unscoped.get().chain_pem == ""


def test_a_workspaces_own_authority_is_trusted(post: Post, issued: Issued, authority: TestCa, domain: Domain) -> None:
    trust(domain, authority)
    assert post(pem=(issued.fullchain_pem + issued.key_pem).decode()).json()["warnings"] == []


@pytest.mark.parametrize(
    "options", [(), ("-legacy",), ("-legacy", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-RC2-40"), ("-nomac",)]
)
def test_pkcs12_of_every_age(options: tuple[str, ...], post: Post, issued: Issued, tmp_path: Path) -> None:
    made = pfx(issued, tmp_path, "open sesame", *options)
    answer = post(pfx_base64=base64.encodebytes(made).decode(), password="open sesame")
    assert answer.status_code == 201, answer.content
    assert Certificate.unscoped.get().chain_pem == issued.chain_pem.decode()


def test_pkcs12_without_a_password(post: Post, issued: Issued, tmp_path: Path) -> None:
    assert post(pfx_base64=base64.b64encode(pfx(issued, tmp_path, "")).decode()).status_code == 201


@pytest.mark.parametrize("options", [("-aes256",), ("-des3", "-traditional")])
def test_an_encrypted_key(options: tuple[str, ...], post: Post, issued: Issued, tmp_path: Path) -> None:
    text = issued.fullchain_pem.decode() + encrypted(issued, tmp_path, *options)
    assert post(pem=text, password="open sesame").status_code == 201
    assert PrivateKey.unscoped.get().sealed_pem.reveal() == issued.key_pem


def test_a_key_that_is_not_encrypted_needs_no_password(post: Post, issued: Issued) -> None:
    assert post(pem=(issued.fullchain_pem + issued.key_pem).decode(), password="x").status_code == 201


@pytest.mark.both_databases
def test_the_same_again_is_the_same_row_and_another_is_a_new_version(
    post: Post, issued: Issued, authority: TestCa
) -> None:
    first = post(pem=(issued.fullchain_pem + issued.key_pem).decode())
    again = post(pem=(issued.key_pem + issued.fullchain_pem).decode())
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert PrivateKey.unscoped.count() == 1
    later = authority.issue([HOST])
    assert post(pem=(later.fullchain_pem + later.key_pem).decode()).status_code == 201
    assert Certificate.unscoped.count() == 2


def test_a_destroyed_key_comes_back_with_its_certificate(post: Post, issued: Issued) -> None:
    text = (issued.fullchain_pem + issued.key_pem).decode()
    post(pem=text)
    PrivateKey.unscoped.all().delete()
    assert post(pem=text).json()["has_private_key"]


def add_target(domain: Domain) -> None:
    server = Server.objects.create(workspace=domain.workspace, host="web.acme-tools.net", username="deploy")
    Target.objects.create(
        workspace=domain.workspace, domain=domain, server=server, is_draft=False, certificate_directories=["/etc/x"]
    )


@pytest.mark.both_databases
def test_it_is_deployed_to_every_target_at_once_whatever_the_mode(post: Post, issued: Issued, domain: Domain) -> None:
    add_target(domain)
    post(pem=(issued.fullchain_pem + issued.key_pem).decode())
    run = TargetRun.unscoped.get()
    assert run.certificate == Certificate.unscoped.get()
    assert run.run_after
    post(pem=(issued.fullchain_pem + issued.key_pem).decode())
    assert Deployment.unscoped.count() == 1, "while one runs, that one is it"


def test_with_too_low_a_balance_it_is_stored_and_its_deployment_waits(
    post: Post, issued: Issued, domain: Domain, cast: Cast, settings: Any
) -> None:
    settings.STRIPE_SECRET_KEY, settings.BILLING_PRICE_SSH_CENTS = "sk_test_portal", 5
    add_target(domain)
    answer = post(pem=(issued.fullchain_pem + issued.key_pem).decode())
    assert answer.status_code == 201, answer.content
    jobs.run_due("target_run")
    certificate, run = Certificate.unscoped.get(), TargetRun.unscoped.get()
    assert certificate.private_key_id
    assert (run.certificate, run.state, run.error_code) == (certificate, TargetRun.State.WAITING, UNPAID)
    finding = Finding.unscoped.get(domain=domain, code=UNPAID, closed_at=None)
    assert finding.needs_user
    assert jobs.run_due("target_run") == 0, "it rests until there is enough"
    client = Client()
    client.force_login(cast.admin)
    shown = client.get(f"/w/{domain.workspace_id}/domains/{domain.pk}/").content.decode()
    assert escape(describe(UNPAID, finding.params).title) in shown
    give(cast.acme, 300)
    run.refresh_from_db()
    assert run.run_after


def test_what_is_not_valid_yet_waits(post: Post, authority: TestCa, domain: Domain) -> None:
    add_target(domain)
    early = authority.issue([HOST], age_days=-2)
    body = post(pem=(early.fullchain_pem + early.key_pem).decode()).json()
    assert "upload_not_yet_valid" in {one["code"] for one in body["warnings"]}
    assert not Deployment.unscoped.exists()


@pytest.fixture
def browser(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


def address(domain: Domain) -> str:
    return f"/w/{domain.workspace_id}/domains/{domain.pk}/renew-deploy/upload/"


def test_the_form_takes_a_text(browser: Client, domain: Domain, issued: Issued) -> None:
    add_target(domain)
    answer = browser.post(address(domain), {"pem": (issued.fullchain_pem + issued.key_pem).decode()}, follow=True)
    text = answer.content.decode()
    assert "Certificate stored." in text
    assert "leads to no trusted root" in text
    assert answer.redirect_chain[-1][0].startswith(f"/w/{domain.workspace_id}/deployments/")


def test_the_form_takes_a_file(browser: Client, domain: Domain, issued: Issued, tmp_path: Path) -> None:
    file = SimpleUploadedFile("site.pfx", pfx(issued, tmp_path, "open sesame"))
    answer = browser.post(address(domain), {"file": file, "password": "open sesame"}, follow=True)
    assert "Certificate stored." in answer.content.decode()


def test_a_wrong_upload_is_told_beside_its_field_and_no_key_is_sent_back(
    browser: Client, domain: Domain, issued: Issued, authority: TestCa, tmp_path: Path
) -> None:
    other = authority.issue(["elsewhere.net"])
    answer = browser.post(address(domain), {"pem": (other.fullchain_pem + other.key_pem).decode(), "password": "hush"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert f"The certificate is not for {HOST}" in text
    assert other.key_pem.decode().splitlines()[1] not in text
    assert "hush" not in text
    file = SimpleUploadedFile("site.pfx", pfx(issued, tmp_path, "open sesame"))
    assert (
        "The password does not fit" in browser.post(address(domain), {"file": file, "password": "x"}).content.decode()
    )
    assert not Certificate.unscoped.exists()


def test_one_way_at_a_time_and_none_too_large(browser: Client, domain: Domain) -> None:
    both = {"pem": "x", "file": SimpleUploadedFile("x.pem", b"x")}
    assert "more than one upload" in browser.post(address(domain), both).content.decode()
    large = {"file": SimpleUploadedFile("x.pem", b"x" * 600_000)}
    assert "too large" in browser.post(address(domain), large).content.decode()
    assert "no certificate and no key" in browser.post(address(domain), {}).content.decode()


def test_members_upload_nothing(cast: Cast, domain: Domain) -> None:
    member = Client()
    member.force_login(cast.member)
    assert member.post(address(domain), {"pem": "x"}).status_code == 403
    assert "Upload certificate" not in member.get(address(domain).removesuffix("upload/")).content.decode()
