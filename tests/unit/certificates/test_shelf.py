"""The workspace's list, the page of a certificate, what is given out of it, and by whom."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from auditlog.models import Event, PendingReaction
from certificates.gates import blocking_certificate, read_wish
from certificates.models import Certificate, Issuance
from certificates.shelf.api import ShownName
from certificates.shelf.listing import FILTERS
from certificates.store import keep_certificate
from config.lib import clock, jobs
from deploy.deployments import newest_certificate
from deploy.models import Deployment, Server, Target
from domains.models import Domain, Inspection, Visit
from notifications.models import Delivery
from tests.cast import PASSWORD, Cast
from tests.unit.certificates.conftest import HOST

pytestmark = pytest.mark.django_db
type Store = Callable[..., Certificate]
LONG = "a long password"


def client_of(cast: Cast, *, fresh: bool = False, who: str = "admin") -> Client:
    client = Client()
    client.force_login(getattr(cast, who))
    if fresh:
        client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def address(certificate: Certificate, more: str = "") -> str:
    return f"/w/{certificate.workspace_id}/certificates/{certificate.pk}/{more}"


def seen(answer: Any) -> str:
    return str(answer.content.decode())


def api(cast: Cast, path: str, *scopes: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, *scopes)}"}
    if body is None:
        return Client().get(f"/api{path}", headers=headers)
    return Client().post(f"/api{path}", body, content_type="application/json", headers=headers)


@pytest.mark.both_databases
def test_the_list_finds_by_name_and_filters(cast: Cast, store: Store) -> None:
    first, second = store(), store(["other.acme-tools.net"], days=10, age_days=20)
    Certificate.unscoped.filter(pk=second.pk).update(source="upload")
    browser, base = client_of(cast), f"/w/{cast.acme.pk}/certificates/"
    everything = seen(browser.get(base))
    assert address(first) in everything
    assert address(second) in everything
    found = seen(browser.get(f"{base}?q=OTHER"))
    assert address(second) in found
    assert address(first) not in found
    for show, wanted, unwanted in (("expired", second, first), ("valid", first, second), ("uploaded", second, first)):
        shown = seen(browser.get(f"{base}?show={show}"))
        assert address(wanted) in shown
        assert address(unwanted) not in shown
    assert [row["id"] for row in api(cast, "/certificates?show=issued", "read").json()["items"]] == [str(first.pk)]
    assert api(cast, "/certificates?q=other", "read").json()["items"][0]["id"] == str(second.pk)


def test_an_empty_list_teaches_and_a_long_one_has_pages(cast: Cast, store: Store) -> None:
    browser, base = client_of(cast), f"/w/{cast.acme.pk}/certificates/"
    assert "No certificate on file yet" in seen(browser.get(base))
    for number in range(41):
        store([f"h{number}.acme-tools.net"])
    assert "1\u201340 of 41" in seen(browser.get(base))
    assert "41\u201341 of 41" in seen(browser.get(f"{base}?page=2"))


def test_the_page_tells_where_it_came_from_and_where_it_is(cast: Cast, store: Store, domain: Domain) -> None:
    certificate = store([HOST, f"www.{HOST}"])
    Certificate.unscoped.filter(pk=certificate.pk).update(requested_by="ann@example.org")
    server = Server.objects.create(workspace=cast.acme, host="web.acme-tools.net", username="deploy", name="web-01")
    Target.objects.create(
        workspace=cast.acme, domain=domain, server=server, installed_certificate=certificate, last_status="ok"
    )
    inspection = Inspection.objects.create(
        workspace=cast.acme,
        domain=domain,
        seen_at=clock.now(),
        chain_sha256="0" * 64,
        fingerprint_sha256=certificate.fingerprint_sha256,
    )
    Visit.unscoped.filter(domain=domain).update(inspection=inspection, visited_at=clock.now())
    text = seen(client_of(cast).get(address(certificate)))
    for expected in ("ann@example.org", "web-01", "Serving", "our last look", "ECDSA P-256",
                     "Loopback Test Intermediate", certificate.serial, "this one", "Download ZIP"):  # fmt: skip
        assert expected in text
    assert "PRIVATE" not in text


def test_members_see_and_do_not_touch(cast: Cast, store: Store) -> None:
    certificate = store()
    member = client_of(cast, who="member", fresh=True)
    text = seen(member.get(address(certificate)))
    for label in ("Download ZIP", "PFX or HAProxy", "Revoke", "Delete"):
        assert label not in text
    for more in ("export/", "revoke/", "delete/"):
        assert member.post(address(certificate, more)).status_code == 403


def test_deleting_from_the_list_returns_to_the_domain(cast: Cast, store: Store) -> None:
    certificate = store()
    client_of(cast).post(address(certificate, "delete/"))
    assert not Certificate.unscoped.exists()


# Giving it out


@pytest.mark.parametrize(("form", "options"), [("pfx", ()), ("pfx-legacy", ("-legacy",))])
def test_a_pfx_opens_with_its_password_alone(
    form: str, options: tuple[str, ...], cast: Cast, store: Store, tmp_path: Path
) -> None:
    certificate = store()
    answer = api(cast, f"/certificates/{certificate.pk}/export", "keys", body={"format": form, "password": LONG})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert f"{HOST}-" in answer["Content-Disposition"]
    (tmp_path / "site.pfx").write_bytes(answer.content)
    command = ["openssl", "pkcs12", "-in", str(tmp_path / "site.pfx"), "-nodes", "-info", *options, "-passin"]
    opened = subprocess.run([*command, f"pass:{LONG}"], capture_output=True, text=True)
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.count("BEGIN CERTIFICATE") == 2
    assert opened.stdout.count("BEGIN PRIVATE KEY") == 1
    told = {
        "pfx": ("AES-256-CBC", "hmacWithSHA256", "MAC: sha256"),
        "pfx-legacy": ("pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1"),
    }
    assert all(words in opened.stderr for words in told[form]), opened.stderr
    assert subprocess.run([*command, "pass:wrong"], capture_output=True).returncode != 0


def test_every_format_asks_for_its_scope_and_tells_the_admins(cast: Cast, store: Store) -> None:
    certificate = store()
    path = f"/certificates/{certificate.pk}/export"
    refused = api(cast, path, "read", "write", body={"format": "haproxy"})
    assert (refused.status_code, refused.json()["code"]) == (403, "key_scope_required")
    assert not Event.unscoped.filter(kind="certificate.downloaded").exists()
    assert api(cast, path, "keys", body={"format": "haproxy"}).status_code == 200
    event = Event.unscoped.get(kind="certificate.downloaded")
    assert event.data["format"] == "HAProxy PEM"
    assert PendingReaction.objects.filter(event=event).exists()
    jobs.run_due("reaction")
    mails = Delivery.unscoped.filter(event_kind="certificate.downloaded")
    assert {mail.recipient for mail in mails} == {cast.admin}


def test_wrong_wishes_and_uploads_get_nothing(cast: Cast, store: Store) -> None:
    certificate = store()
    path = f"/certificates/{certificate.pk}/export"
    for body, code, field in (
        ({"format": "jks"}, "export_format_unknown", "format"),
        ({"format": "pfx", "password": "short"}, "export_password_short", "password"),
        ({"format": "pfx-legacy", "password": "Schlüsselbund"}, "export_password_letters", "password"),
    ):
        answer = api(cast, path, "keys", body=body)
        assert (answer.status_code, answer.json()["code"], list(answer.json()["fields"])) == (422, code, [field])
    Certificate.unscoped.filter(pk=certificate.pk).update(source="upload")
    answer = api(cast, path, "keys", body={"format": "haproxy"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_bundle_for_uploads")
    assert not Event.unscoped.filter(kind="certificate.downloaded").exists()


def test_the_form_asks_who_is_there_and_sends_no_password_back(cast: Cast, store: Store) -> None:
    certificate = store()
    asked = client_of(cast).post(address(certificate, "export/"), {"format": "haproxy"})
    assert "/reauthenticate/" in asked["Location"]
    browser = client_of(cast, fresh=True)
    wrong = browser.post(address(certificate, "export/"), {"format": "pfx", "password": LONG, "again": "another"})
    assert wrong.status_code == 422
    assert "The two passwords differ." in seen(wrong)
    assert LONG not in seen(wrong)
    given = browser.post(address(certificate, "export/"), {"format": "pfx", "password": LONG, "again": LONG})
    assert given["Content-Type"] == "application/octet-stream"
    assert "no-store" in given["Cache-Control"]
    assert LONG not in str(list(Event.unscoped.values_list("data", flat=True)))


# Revoking, as far as no CA is asked


def test_what_cannot_be_revoked_here_says_so(cast: Cast, store: Store) -> None:
    certificate = store()
    path = f"/certificates/{certificate.pk}/revoke"
    unknown = api(cast, path, "write", body={"reason": "boredom"})
    assert (unknown.status_code, list(unknown.json()["fields"])) == (422, ["reason"])
    Certificate.unscoped.filter(pk=certificate.pk).update(source="upload")
    assert api(cast, path, "write", body={}).json()["code"] == "revoke_at_your_ca"
    Certificate.unscoped.filter(pk=certificate.pk).update(source="acme", not_after=clock.now() - timedelta(days=1))
    assert api(cast, path, "write", body={}).json()["code"] == "revoke_expired"


def test_without_its_account_a_revocation_ends_with_what_to_do(cast: Cast, store: Store, settings: Any) -> None:
    settings.ANSWER_WITHIN_SECONDS = 0
    certificate = store()
    assert api(cast, f"/certificates/{certificate.pk}/revoke", "write", body={}).status_code == 202
    jobs.run_due("certificate_revocation")
    text = seen(client_of(cast).get(address(certificate)))
    assert "account that ordered this certificate is not here any more" in text
    assert Event.unscoped.filter(kind="certificate.revocation_failed").exists()
    assert api(cast, f"/certificates/{certificate.pk}/revoke", "write", body={}).status_code == 202, "once more"


def test_a_revoked_certificate_is_not_deployed_any_more(cast: Cast, store: Store, domain: Domain) -> None:
    certificate = store()
    assert newest_certificate(domain) == certificate
    Certificate.unscoped.filter(pk=certificate.pk).update(revoked_at=clock.now(), revocation_reason=4)
    assert newest_certificate(domain) is None
    assert blocking_certificate(domain.workspace, read_wish([HOST])) is None, "a new one may be issued at once"
    assert "another certificate took its place" in seen(client_of(cast).get(address(certificate)))


# Arrivals of issued ones


@pytest.mark.parametrize(("mode", "count"), [("monitor", 0), ("dns", 1), ("acme_auto", 1)])
def test_an_issued_certificate_is_deployed_unless_the_domain_is_only_monitored(
    mode: str, count: int, cast: Cast, store: Store, domain: Domain, issuance: Issuance
) -> None:
    Domain.unscoped.filter(pk=domain.pk).update(mode=mode)
    server = Server.objects.create(workspace=cast.acme, host="web.acme-tools.net", username="deploy")
    Target.objects.create(workspace=cast.acme, domain=domain, server=server, is_draft=False)
    certificate = store()
    key = certificate.private_key
    Certificate.unscoped.filter(pk=certificate.pk).delete()
    certificate.private_key, certificate.domain = key, Domain.unscoped.get(pk=domain.pk)
    keep_certificate(issuance, certificate)
    assert Deployment.unscoped.filter(certificate=certificate).count() == count


def test_the_api_knows_every_filter_of_the_page() -> None:
    assert list(ShownName.__value__.__args__) == [one.key for one in FILTERS]
