"""A workspace's own authorities count for its domains and for nobody else's, on both databases."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Workspace
from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock, x509
from config.lib.errors import NeedsUser
from domains.add import add_domain
from domains.authorities import stores
from domains.authorities.stores import roots_of_workspaces
from domains.authorities.trusting import ROOTS_AT_MOST, distrust_authority, judge_anew, trust_authorities
from domains.conclusion import conclude
from domains.models import Domain, Visit, WorkspaceRoot
from domains.tls import Observation, Target
from domains.visit import file_conclusions
from tests.cast import PASSWORD, Cast, make_cast
from tests.unit.domains.forge import Authority, World, days, key_pem, leaf
from tests.unit.domains.seen import claimed

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

HOST = "intranet.forge.org"
world = World()
SERVED = [leaf([HOST], world.intermediate, lasts=(days(-30), days(300))), world.intermediate.der]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def pem(*authorities: Authority) -> bytes:
    return b"words above\n".join(one.certificate.public_bytes(Encoding.PEM) for one in authorities)


def trust(workspace: Workspace, *authorities: Authority) -> list[WorkspaceRoot]:
    return trust_authorities(workspace=workspace, user=None, actor=SYSTEM, given=pem(*authorities))


def add(workspace: Workspace, host: str = HOST) -> Domain:
    domain = add_domain(workspace=workspace, actor=SYSTEM, hostname=host)
    Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now())
    return domain


def visit(domain: Domain, ders: Sequence[bytes] = SERVED) -> str:
    row = claimed(domain)
    roots = roots_of_workspaces({row.workspace_id})[row.workspace_id]
    file_conclusions([conclude(row, Observation(Target(HOST), ders=tuple(ders)), clock.now(), roots)])
    return Domain.unscoped.get(pk=domain.pk).state


def signed_in(cast: Cast, *, fresh: bool = True) -> Client:
    client = Client()
    client.force_login(cast.admin)
    if fresh:
        client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def url(cast: Cast, rest: str = "") -> str:
    return f"/w/{cast.acme.pk}/settings/authorities/{rest}"


def test_the_same_certificate_is_right_in_one_workspace_and_wrong_in_another(cast: Cast) -> None:
    trust(cast.acme, world.root)
    assert visit(add(cast.acme)) == "ok"
    assert visit(add(cast.other)) == "problem"


def test_a_store_is_built_once_per_set_and_a_batch_costs_one_query(cast: Cast) -> None:
    stores._stores.clear()
    trust(cast.acme, world.root)
    trust(cast.other, world.root)
    both = {cast.acme.pk, cast.other.pk}
    first = roots_of_workspaces(both)
    assert first[cast.acme.pk] is first[cast.other.pk]
    with CaptureQueriesContext(connection) as seen:
        again = roots_of_workspaces(both)
    assert len(seen) == 1
    assert again[cast.acme.pk] is first[cast.acme.pk]
    trust(cast.acme, world.stranger)
    wider = roots_of_workspaces(both)
    assert wider[cast.acme.pk].version != first[cast.acme.pk].version
    assert wider[cast.other.pk] is first[cast.other.pk]


def test_without_roots_of_its_own_a_workspace_uses_the_common_store(cast: Cast) -> None:
    assert roots_of_workspaces({cast.acme.pk})[cast.acme.pk] is x509.load_roots()


def test_an_issuing_authority_may_be_trusted_without_its_root(cast: Cast) -> None:
    trust(cast.acme, world.intermediate)
    assert visit(add(cast.acme)) == "ok"


def test_trusting_and_no_longer_trusting_brings_the_next_visits_forward(cast: Cast) -> None:
    domains = [add(cast.acme, f"h{number}.forge.org") for number in range(3)]
    unverified = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="later.forge.org")
    foreign = add(cast.other)
    far = clock.now() + timedelta(hours=20)
    Visit.unscoped.update(run_after=far)
    (root,) = trust(cast.acme, world.root)
    soon = Visit.unscoped.filter(domain__in=domains).values_list("run_after", flat=True)
    assert all(moment and moment <= clock.now() for moment in soon)
    assert set(Visit.unscoped.filter(domain__in=[unverified, foreign]).values_list("run_after", flat=True)) == {far}
    Visit.unscoped.update(run_after=far)
    distrust_authority(root=root, actor=SYSTEM)
    assert all(moment and moment <= clock.now() for moment in soon.all())
    assert [event.kind for event in Event.unscoped.filter(kind__startswith="workspace.root").order_by("at")] == [
        "workspace.root_added",
        "workspace.root_removed",
    ]


def test_many_domains_are_not_looked_at_all_at_once(cast: Cast) -> None:
    for number in range(5):
        add(cast.acme, f"h{number}.forge.org")
    far = clock.now() + timedelta(hours=20)
    Visit.unscoped.update(run_after=far)
    began = clock.now()
    judge_anew(cast.acme.pk, at_once=2)
    waits = sorted(round((moment - began).total_seconds(), -1) for moment in next_visits())
    assert waits == [0, 0, 10, 10, 20]
    judge_anew(cast.acme.pk)
    assert all(moment < far for moment in next_visits())


def next_visits() -> list[datetime]:
    return [moment for moment in Visit.unscoped.values_list("run_after", flat=True) if moment]


def refused(cast: Cast, given: bytes) -> str:
    with pytest.raises(NeedsUser) as raised:
        trust_authorities(workspace=cast.acme, user=None, actor=SYSTEM, given=given)
    assert not WorkspaceRoot.unscoped.exists()
    return raised.value.code


def test_what_is_no_authority_is_refused_and_nothing_is_kept(cast: Cast) -> None:
    server = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    expired = Authority("Gone", lasts=(days(-900), days(-300)))
    assert refused(cast, b"") == "certificates_missing"
    assert refused(cast, b"hello \xff\0") == "certificates_missing"
    assert refused(cast, server) == "certificate_unreadable"
    assert refused(cast, pem(world.root) + key_pem("P-256 leaf")) == "key_pasted"
    assert refused(cast, pem(world.root, Authority("Leafish", world.root, ca=False))) == "root_is_no_authority"
    assert refused(cast, SERVED[0]) == "root_is_no_authority"
    assert refused(cast, pem(expired)) == "root_expired"
    assert refused(cast, pem(world.root) * (ROOTS_AT_MOST + 1)) == "certificates_too_many"


def test_several_at_once_each_once_and_again_is_no_error(cast: Cast) -> None:
    assert len(trust(cast.acme, world.root, world.stranger, world.root)) == 2
    assert trust(cast.acme, world.root) == []
    assert Event.unscoped.filter(kind="workspace.root_added").count() == 2


def test_der_is_taken_as_well(cast: Cast) -> None:
    (row,) = trust_authorities(workspace=cast.acme, user=cast.admin, actor=SYSTEM, given=world.root.der)
    assert row.fingerprint_sha256 == x509.fingerprint(world.root.der)
    assert bytes(WorkspaceRoot.unscoped.get().der) == world.root.der


def test_there_is_room_for_fifty(cast: Cast) -> None:
    many = [Authority(f"Root {number}") for number in range(ROOTS_AT_MOST)]
    trust(cast.acme, *many)
    with pytest.raises(NeedsUser, match="roots_full"):
        trust(cast.acme, world.root)


def test_the_page_teaches_takes_a_paste_or_a_file_and_removes(cast: Cast) -> None:
    client = signed_in(cast)
    assert "Only public authorities are trusted" in client.get(url(cast)).content.decode()
    answer = client.post(url(cast, "add/"), {"pem": pem(world.root).decode()}, follow=True)
    assert "1 authority is trusted now" in answer.content.decode()
    upload = SimpleUploadedFile("root.cer", world.stranger.der)
    client.post(url(cast, "add/"), {"pem": "", "upload": upload})
    page = client.get(url(cast)).content.decode()
    assert "CN=Forge Root" in page
    assert "CN=Stranger Root" in page
    assert cast.admin.email in page
    root = WorkspaceRoot.unscoped.get(subject__contains="Stranger")
    client.post(url(cast, f"{root.pk}/remove/"))
    assert "CN=Stranger Root" not in client.get(url(cast)).content.decode().partition("Trusted authorities</h2>")[2]


@pytest.mark.parametrize("given", [{"pem": ""}, {"pem": "nothing"}, {"pem": "x\0y"}])
def test_a_mistake_is_told_beside_its_field_and_the_text_stays(given: dict[str, str], cast: Cast) -> None:
    answer = signed_in(cast).post(url(cast, "add/"), given)
    assert answer.status_code == 422
    assert 'id="id_pem_error"' in answer.content.decode()


def test_adding_asks_for_a_fresh_password(cast: Cast) -> None:
    for rest in ("add/", f"{cast.acme.pk}/remove/"):
        answer = signed_in(cast, fresh=False).post(url(cast, rest))
        assert answer.headers["Location"].startswith("/account/reauthenticate/")


def test_the_api_lists_adds_and_removes(cast: Cast) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    client = Client(headers=headers)
    body = {"pem": pem(world.root).decode()}
    made = client.post("/api/roots", body, content_type="application/json")
    assert made.status_code == 201
    (root,) = made.json()["items"]
    assert (root["subject"], root["added_by"]) == ("O=Forge,CN=Forge Root", cast.admin.email)
    assert client.post("/api/roots", body, content_type="application/json").json()["items"] == []
    bad = client.post("/api/roots", {"pem": "nothing"}, content_type="application/json")
    assert (bad.status_code, bad.json()["code"], list(bad.json()["fields"])) == (422, "certificates_missing", ["pem"])
    assert [one["id"] for one in client.get("/api/roots").json()["items"]] == [root["id"]]
    assert client.delete(f"/api/roots/{root['id']}").status_code == 204
    assert client.get("/api/roots").json()["items"] == []
