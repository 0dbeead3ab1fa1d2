"""Pull: who may make a token, what it gives, 304, refusals, what it leaves behind, and its end."""

import io
import re
import tarfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import api_limits
from auditlog.events import Actor
from auditlog.models import Event, PendingReaction
from certificates.models import Certificate, PullToken
from certificates.pull.tokens import make_pull_token
from config.lib import clock
from config.lib.redact import redact
from tests.cast import PASSWORD, Cast
from tests.unit.certificates.conftest import HOST

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
type Store = Callable[..., Certificate]
ADMIN = Actor("user", label="admin@example.org")


def made(certificate: Certificate, name: str = "mail-02") -> str:
    return make_pull_token(certificate=certificate, name=name, actor=ADMIN)[1]


def pull(secret: str, form: str = "tar", ip: str = "203.0.113.7", **headers: str) -> Any:
    told = {"Authorization": f"Bearer {secret}", **headers}
    return Client(REMOTE_ADDR=ip).get(f"/pull/bundle.{form}", headers=told)


def files(answer: Any) -> dict[str, tuple[int, str]]:
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        members = {entry.name: (entry.mode, archive.extractfile(entry)) for entry in archive}
        return {name: (mode, file.read().decode()) for name, (mode, file) in members.items() if file}


def test_the_bundle_is_what_a_deployment_writes(store: Store) -> None:
    certificate = store([HOST, f"www.{HOST}"])
    answer = pull(made(certificate))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/x-tar")
    assert "no-store" in answer["Cache-Control"]
    found = files(answer)
    assert {name: mode for name, (mode, _) in found.items()} == {
        "cert.pem": 0o644,
        "chain.pem": 0o644,
        "fullchain.pem": 0o644,
        "key.pem": 0o600,
    }
    assert found["cert.pem"][1] == certificate.leaf_pem
    assert found["fullchain.pem"][1] == certificate.leaf_pem + certificate.chain_pem
    assert "PRIVATE KEY" in found["key.pem"][1]
    one = pull(made(certificate), "pem").content.decode()
    assert one == found["fullchain.pem"][1] + found["key.pem"][1]


def test_the_token_survives_renewals_and_never_loses_a_name(store: Store) -> None:
    first = store([HOST, f"www.{HOST}"])
    secret = made(first)
    renewed = store([HOST, f"www.{HOST}", f"api.{HOST}"])
    store([HOST])  # Newer, and without www.
    assert files(pull(secret))["cert.pem"][1] == renewed.leaf_pem
    Certificate.unscoped.filter(pk=renewed.pk).update(revoked_at=clock.now())
    assert files(pull(secret))["cert.pem"][1] == first.leaf_pem


@pytest.mark.parametrize(
    "change",
    [
        {"not_after": clock.now() - timedelta(days=1)},
        {"not_before": clock.now() + timedelta(days=1)},
        {"revoked_at": clock.now()},
        {"private_key": None},
        {"source": "upload"},
    ],
    ids=["expired", "not yet", "revoked", "no key", "uploaded"],
)
def test_what_must_not_be_given_is_404_in_words(store: Store, change: dict[str, Any]) -> None:
    certificate = store()
    secret = made(certificate)
    Certificate.unscoped.filter(pk=certificate.pk).update(**change)
    answer = pull(secret)
    assert answer.status_code == 404
    assert answer.content.decode() == f"There is no valid certificate for {HOST} on file now.\n"


def test_whoever_has_it_gets_304_and_no_key_is_read(store: Store) -> None:
    secret = made(store())
    etag = pull(secret)["ETag"]
    answer = pull(secret, **{"If-None-Match": etag})
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
    store()
    assert pull(secret, **{"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer mmcp_wrong", "Basic mmcp_x", "Bearer \x00", "Bearer mmc_x"])
def test_without_the_token_there_is_nothing(store: Store, header: str) -> None:
    store()
    answer = Client().get("/pull/bundle.tar", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="pull"'


def test_an_api_token_is_no_pull_token_nor_the_other_way_round(store: Store, cast: Cast) -> None:
    secret = made(store())
    assert pull(cast.token(cast.admin, "read", "write", "keys")).status_code == 401
    assert Client().get("/api/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_only_a_hash_is_kept_and_the_log_s_redactor_knows_it(store: Store) -> None:
    secret = made(store())
    row = PullToken.unscoped.get()
    assert row.digest != secret
    assert row.prefix == secret[:12]
    assert secret not in str({name: str(value) for name, value in vars(row).items()})
    assert secret not in redact(f"Authorization {secret}")


def test_too_many_requests_are_told_when_to_come_back(store: Store) -> None:
    api_limits.forget_counts()
    secret = made(store())
    with time_machine.travel(clock.now(), tick=False):
        statuses = [pull(secret).status_code for _ in range(31)]
        assert int(pull(secret)["Retry-After"]) <= 60
    assert statuses == [200] * 30 + [429]


def kinds() -> list[str]:
    return list(Event.unscoped.filter(kind__startswith="pull.").order_by("at", "id").values_list("kind", flat=True))


def test_events_tell_who_made_it_and_when_the_key_left(store: Store) -> None:
    secret = made(store())
    assert PendingReaction.objects.get().event.kind == "pull.created"
    etag = pull(secret)["ETag"]
    pull(secret)
    pull(secret, **{"If-None-Match": etag})
    assert kinds() == ["pull.created", "pull.fetched"]
    told = Event.unscoped.get(kind="pull.fetched")
    assert (told.actor_kind, told.actor_label, told.actor_ip) == ("token", "pull token mail-02", "203.0.113.7")
    pull(secret, ip="203.0.113.8")
    assert kinds().count("pull.fetched") == 2
    with clock.frozen(clock.now() + timedelta(minutes=61)):
        pull(secret, ip="203.0.113.8")
    assert kinds().count("pull.fetched") == 3
    row = PullToken.unscoped.get()
    assert (row.last_pulled_ip, row.last_certificate) == ("203.0.113.8", Certificate.unscoped.get())


def test_asking_again_within_a_minute_changes_nothing(store: Store) -> None:
    secret = made(store())
    etag = pull(secret)["ETag"]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        pull(secret, **{"If-None-Match": etag})
    assert not [query for query in queries if query["sql"].startswith(("UPDATE", "INSERT"))]


@pytest.fixture
def browser(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def page(certificate: Certificate, path: str = "") -> str:
    return f"/w/{certificate.workspace_id}/certificates/{certificate.pk}/{path}"


def test_an_admin_makes_one_sees_it_once_and_revokes_it(store: Store, browser: Client) -> None:
    certificate = store()
    answer = browser.post(page(certificate, "pull/"), {"name": "mail-02"})
    shown = answer.content.decode()
    secret = re.findall(r"mmcp_[\w-]{30,}", shown)[0]
    assert "no-store" in answer["Cache-Control"]
    assert f"{settings.SITE_URL}/pull/bundle.tar" in shown
    assert pull(secret).status_code == 200
    listed = browser.get(page(certificate)).content.decode()
    assert secret not in listed
    assert "last pulled by 203.0.113.7" in listed
    row = PullToken.unscoped.get()
    browser.post(f"/w/{certificate.workspace_id}/pull-tokens/{row.pk}/revoke/")
    assert pull(secret).status_code == 401
    assert kinds() == ["pull.created", "pull.fetched", "pull.revoked"]


def test_a_name_is_one_line_that_can_be_seen(store: Store, browser: Client, cast: Cast) -> None:
    """It is who did it in the audit log, and in mails to admins."""
    certificate = store()
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'keys')}"}

    def both(name: str) -> list[int]:
        path = f"/api/certificates/{certificate.pk}/pull-tokens"
        by_api = Client().post(path, {"name": name}, content_type="application/json", headers=headers)
        return [browser.post(page(certificate, "pull/"), {"name": name}).status_code, by_api.status_code]

    assert both(" \u200b ") == [422, 422]
    assert both("mail-02\nThe portal\u202e") == [200, 201]
    assert set(PullToken.unscoped.values_list("name", flat=True)) == {"mail-02 The portal"}


def test_an_old_sign_in_is_asked_again(store: Store, cast: Cast) -> None:
    certificate = store()
    client = Client()
    client.force_login(cast.admin)
    assert "/account/reauthenticate/" in client.post(page(certificate, "pull/"), {"name": "x"})["Location"]
    assert not PullToken.unscoped.exists()


def test_members_see_who_pulls_and_make_none(store: Store, cast: Cast) -> None:
    certificate = store()
    made(certificate)
    client = Client()
    client.force_login(cast.member)
    shown = client.get(page(certificate)).content.decode()
    assert "mail-02" in shown
    assert "New pull token" not in shown
    assert "Revoke" not in shown


def test_by_api_with_the_scope_for_keys(store: Store, cast: Cast) -> None:
    certificate = store()
    path = f"/api/certificates/{certificate.pk}/pull-tokens"

    def post(*scopes: str) -> Any:
        headers = {"Authorization": f"Bearer {cast.token(cast.admin, *scopes)}"}
        return Client().post(path, {"name": "ci"}, content_type="application/json", headers=headers)

    assert post("read", "write").status_code == 403
    answer = post("keys")
    assert answer.status_code == 201
    assert pull(answer.json()["token"]).status_code == 200
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'read', 'write', 'keys')}"}
    (listed,) = Client().get("/api/pull-tokens", headers=headers).json()["items"]
    assert (listed["name"], listed["last_certificate"]) == ("ci", str(certificate.pk))
    assert "token" not in listed
    assert Client().delete(f"/api/pull-tokens/{listed['id']}", headers=headers).status_code == 204
    assert pull(answer.json()["token"]).status_code == 401


@pytest.mark.parametrize(
    ("change", "code"), [({"source": "upload"}, "no_bundle_for_uploads"), ({"private_key": None}, "no_private_key")]
)
def test_what_cannot_be_given_gets_no_token(store: Store, cast: Cast, change: dict[str, Any], code: str) -> None:
    certificate = store()
    Certificate.unscoped.filter(pk=certificate.pk).update(**change)
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'keys')}"}
    path = f"/api/certificates/{certificate.pk}/pull-tokens"
    answer = Client().post(path, {"name": "ci"}, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
