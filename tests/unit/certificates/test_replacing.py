"""Replacing everything that …: what is chosen, the plan before, and what each look makes of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.models import Certificate, Issuance, ReplacedCertificate, Replacement, Revocation
from certificates.replacing.choosing import Choice, choose
from certificates.replacing.planning import OPEN_AT_MOST, PER_MINUTE, end_replacement, plan_of
from certificates.replacing.proving import proof_of
from config.lib import clock
from config.lib.errors import NeedsUser
from deploy.models import Server, Target
from domains.models import Domain, Finding, Mode, RevocationList, RevocationWatch
from tests.cast import PASSWORD, Cast
from tests.unit.certificates.conftest import DIRECTORY, HOST
from tests.unit.certificates.replacements import ALL, begin, look, serve, states

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
type Store = Callable[..., Certificate]


def client_of(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


# Choosing


def test_a_key_is_found_wherever_it_is_used(cast: Cast, store: Store) -> None:
    first, other = store(), store(["other.acme-tools.net"])
    same = store(["same.acme-tools.net"])
    Certificate.unscoped.filter(pk=same.pk).update(leaf_pem=first.leaf_pem)
    what, found = choose(cast.acme, Choice("key", certificate=first.pk))
    assert {one.pk for one in found} == {first.pk, same.pk}
    assert other.pk not in {one.pk for one in found}
    assert what == f"with the private key of the certificate for {HOST}"


def test_what_is_over_or_revoked_is_left_out(cast: Cast, store: Store) -> None:
    store(days=10, age_days=20)
    revoked, valid = store(["r.acme-tools.net"]), store()
    Certificate.unscoped.filter(pk=revoked.pk).update(revoked_at=clock.now())
    assert [one.pk for one in choose(cast.acme, ALL)[1]] == [valid.pk]


def test_what_a_ca_has_revoked_and_what_was_revoked_here(cast: Cast, domain: Domain, store: Store) -> None:
    listed, here, valid = store(), store(["here.acme-tools.net"]), store(["valid.acme-tools.net"])
    Certificate.unscoped.filter(pk=here.pk).update(revoked_at=clock.now())
    its_list = RevocationList.objects.create(url="http://crl.example.net/1", issuer_sha256="a" * 64, issuer_der=b"")
    for one, at in ((listed, clock.now()), (valid, None)):
        RevocationWatch.unscoped.create(
            workspace=cast.acme, domain=domain, source=its_list, fingerprint_sha256=one.fingerprint_sha256,
            serial="01", revoked_at=at,
        )  # fmt: skip
    what, found = choose(cast.acme, Choice("revoked"))
    assert ({one.pk for one in found}, what) == ({listed.pk, here.pk}, "that is revoked")
    plan = plan_of(cast.acme, Choice("revoked"))
    assert {one.how for one in plan.planned} == {"person"}, "nobody is left out because it is revoked already"
    with pytest.raises(NeedsUser, match="replace_nothing"):
        choose(cast.other, Choice("revoked"))


def test_of_a_ca_and_within_days(cast: Cast, store: Store) -> None:
    old, new = store(age_days=20), store(["n.acme-tools.net"], age_days=2)
    assert {one.pk for one in choose(cast.acme, Choice("ca", ca=DIRECTORY))[1]} == {old.pk, new.pk}
    since = Choice("issued", first=(clock.now() - timedelta(days=5)).date())
    assert [one.pk for one in choose(cast.acme, since)[1]] == [new.pk]
    with pytest.raises(NeedsUser, match="replace_nothing"):
        choose(cast.acme, Choice("ca", ca="https://elsewhere.net/dir"))


def test_all_that_a_server_held(cast: Cast, domain: Domain, store: Store) -> None:
    here, elsewhere = store(), store(["e.acme-tools.net"])
    server = Server.objects.create(workspace=cast.acme, host="web.acme-tools.net", username="mmc")
    Target.objects.create(workspace=cast.acme, domain=domain, server=server, installed_certificate=here)
    what, found = choose(cast.acme, Choice("server", server=server.pk))
    assert [one.pk for one in found] == [here.pk]
    assert "web.acme-tools.net" in what
    assert elsewhere.pk not in {one.pk for one in found}


def test_another_workspaces_certificates_are_nobodys_business(cast: Cast, store: Store) -> None:
    mine = store()
    with pytest.raises(NeedsUser, match="replace_nothing"):
        choose(cast.other, Choice("key", certificate=mine.pk))
    with pytest.raises(NeedsUser, match="replace_nothing"):
        choose(cast.other, ALL)


# The plan


def test_the_plan_says_what_goes_by_itself_and_what_needs_hands(cast: Cast, store: Store, hands_free: None) -> None:
    older, newer, upload = store(), store(), store(["u.acme-tools.net"])
    Certificate.unscoped.filter(pk=upload.pk).update(source="upload")
    plan = plan_of(cast.acme, ALL)
    assert {one.certificate.pk: one.how for one in plan.planned} == {
        older.pk: "follows",
        newer.pk: "itself",
        upload.pk: "person",
    }
    assert plan.minutes == 1


def test_names_that_nobody_proves_need_a_person(cast: Cast, store: Store) -> None:
    store()
    assert [one.how for one in plan_of(cast.acme, ALL).planned] == ["person"]


def test_what_auto_renew_lacks_is_said_instead_of_by_itself(cast: Cast, store: Store, domain: Domain) -> None:
    store()
    Domain.unscoped.filter(pk=domain.pk).update(mode=Mode.ACME_AUTO)
    (planned,) = plan_of(cast.acme, ALL).planned
    assert planned.how == "person"
    assert planned.why.startswith("Auto-renew (SSH) cannot order it yet. Missing on the Renew & deploy tab: ")
    assert "the SSH host, the SSH username, the SSH private key" in planned.why


# The work


def test_it_is_ordered_with_the_certificates_own_kind_and_found_again(
    cast: Cast, store: Store, hands_free: None
) -> None:
    old = store()
    begin(cast)
    look()
    issuance = Issuance.unscoped.get()
    assert (issuance.names, issuance.is_renewal, issuance.is_forced, issuance.solver) == ([HOST], True, True, "tests")
    assert issuance.replaces
    ReplacedCertificate.unscoped.update(state="waiting", issuance=None)  # As if the worker had died before it said so.
    Replacement.unscoped.update(starts_at=None)
    look()
    assert Issuance.unscoped.count() == 1
    assert states() == {old.pk: "replacing"}


def test_only_so_many_are_ordered_in_a_minute(cast: Cast, store: Store, hands_free: None) -> None:
    for number in range(PER_MINUTE + 3):
        store([f"h{number}.{HOST}"])
    begin(cast)
    look()
    look()
    assert Issuance.unscoped.count() == PER_MINUTE
    with clock.shifted(timedelta(seconds=61)):
        Issuance.unscoped.update(state="failed", error_code="acme_unauthorized", ended_at=clock.now())
        look()
        assert Issuance.unscoped.count() == PER_MINUTE + 3
    assert sorted(states().values()) == ["failed"] * PER_MINUTE + ["replacing"] * 3


def test_it_is_done_when_the_new_one_is_seen_and_the_old_one_nowhere(
    cast: Cast, domain: Domain, store: Store, hands_free: None
) -> None:
    old = store()
    serve(domain, old)
    begin(cast)
    look()
    assert Finding.unscoped.get(code="certificate_to_replace").closed_at is None
    new = store()
    look()
    assert states() == {old.pk: "installing"}
    assert proof_of(old, new).words == f"Our last look met the old one at {HOST}."
    serve(domain, new)
    look()
    assert states() == {old.pk: "done"}
    assert Replacement.unscoped.get().ended_at is not None
    assert Finding.unscoped.get(code="certificate_to_replace").closed_at is not None
    event = Event.unscoped.get(kind="replacement.replaced")
    assert (event.data["before"], event.data["after"]) == (old.fingerprint_sha256, new.fingerprint_sha256)
    assert Revocation.unscoped.count() == 0


def test_the_old_one_is_revoked_after_the_proof_and_not_before(
    cast: Cast, domain: Domain, store: Store, hands_free: None
) -> None:
    old = store()
    begin(cast, revokes=True)
    look()
    new = store()
    look()
    assert Revocation.unscoped.count() == 0
    assert proof_of(old, new).words.startswith("Nobody was seen serving the new one")
    serve(domain, new)
    look()
    revocation = Revocation.unscoped.get()
    assert (revocation.certificate, revocation.reason, states()) == (old, 1, {old.pk: "revoking"})
    Certificate.unscoped.filter(pk=old.pk).update(revoked_at=clock.now())
    look()
    assert states() == {old.pk: "done"}


def test_one_on_the_same_key_takes_nobodys_place(cast: Cast, store: Store, hands_free: None) -> None:
    old = store()
    begin(cast)
    again = store()
    Certificate.unscoped.filter(pk=again.pk).update(leaf_pem=old.leaf_pem)
    look()
    assert states() == {old.pk: "replacing"}


def test_what_a_person_uploads_or_issues_is_found(cast: Cast, domain: Domain, store: Store) -> None:
    old = store()
    Certificate.unscoped.filter(pk=old.pk).update(source="upload")
    begin(cast, revokes=True)
    look()
    assert (states(), Issuance.unscoped.count()) == ({old.pk: "person"}, 0)
    serve(domain, store())
    look()
    assert states() == {old.pk: "done"}, "an upload is revoked by its issuer"


def test_a_failure_says_why_and_is_tried_again(cast: Cast, store: Store, hands_free: None) -> None:
    old = store()
    replacement = begin(cast)
    look()
    trouble = {"error_code": "acme_unauthorized", "error_params": {"name": HOST}}
    Issuance.unscoped.update(state="failed", ended_at=clock.now(), **trouble)
    look()
    client = client_of(cast)
    text = client.get(f"/w/{cast.acme.pk}/replacements/{replacement.pk}/").content.decode()
    assert "Try the failed ones again" in text
    client.post(f"/w/{cast.acme.pk}/replacements/{replacement.pk}/again/")
    Replacement.unscoped.update(starts_at=None)
    look()
    assert states() == {old.pk: "replacing"}
    assert Issuance.unscoped.count() == 2


def test_who_stops_it_stops_it(cast: Cast, store: Store, hands_free: None) -> None:
    store()
    replacement = begin(cast)
    Replacement.unscoped.update(starts_at=clock.now() + timedelta(hours=1))
    look()
    assert Finding.unscoped.get(code="certificate_to_replace").closed_at is None
    end_replacement(replacement=replacement, actor=SYSTEM)
    look()
    assert Issuance.unscoped.count() == 0
    assert Finding.unscoped.get(code="certificate_to_replace").closed_at is not None
    with pytest.raises(NeedsUser, match="replace_over"):
        end_replacement(replacement=replacement, actor=SYSTEM)


def test_five_are_under_way_at_most(cast: Cast, store: Store, hands_free: None) -> None:
    store()
    first = begin(cast)
    for _ in range(OPEN_AT_MOST - 1):
        begin(cast)
    with pytest.raises(NeedsUser, match="replace_full"):
        begin(cast)
    answer = client_of(cast).post(f"/w/{cast.acme.pk}/replacements/new/", {"by": "issued", "reason": "unspecified"})
    assert (answer.status_code, "5 replacements are under way already" in answer.content.decode()) == (422, True)
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'read', 'write')}"}
    told = Client().post("/api/replacements", {"by": "issued"}, content_type="application/json", headers=headers)
    assert (told.status_code, told.json()["code"]) == (409, "replace_full")
    assert Replacement.unscoped.count() == OPEN_AT_MOST
    end_replacement(replacement=first, actor=SYSTEM)
    assert begin(cast).is_open


# Pages and API


def test_from_the_certificates_page_to_the_plan_and_on(cast: Cast, store: Store, hands_free: None) -> None:
    old, client = store(), client_of(cast)
    page = client.get(f"/w/{cast.acme.pk}/certificates/{old.pk}/").content.decode()
    address = f"/w/{cast.acme.pk}/replacements/new/"
    query = f"?by=key&amp;certificate={old.pk}&amp;reason=key_compromise&amp;revoke=on"
    assert f'{address}{query}">Its key is compromised' in page
    plan = client.get(address + query.replace("&amp;", "&")).content.decode()
    assert "Replace 1 certificate now" in plan
    assert "Free of charge" in plan
    assert Replacement.unscoped.count() == 0
    told = {"by": "key", "certificate": str(old.pk), "reason": "key_compromise", "revoke": "on"}
    answer = client.post(address, told, follow=True)
    row = Replacement.unscoped.get()
    assert answer.redirect_chain == [(f"/w/{cast.acme.pk}/replacements/{row.pk}/", 302)]
    assert "0 of 1 replaced" in answer.content.decode()
    assert (row.reason, row.revokes, row.requested_by) == (1, True, "admin@example.org")
    assert "0 of 1" in client.get(f"/w/{cast.acme.pk}/replacements/").content.decode()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"by": "server"}, "Choose which."),
        ({"by": "issued", "first": "2026-02-02", "last": "2026-02-01"}, "before the first"),
        ({"by": "issued"}, "There is no such certificate"),
        ({"by": "everything"}, "valid choice"),
    ],
)
def test_a_choice_that_is_none_says_so(cast: Cast, told: dict[str, str], words: str) -> None:
    answer = client_of(cast).get(f"/w/{cast.acme.pk}/replacements/new/", {**told, "reason": "unspecified"})
    assert (answer.status_code, words in answer.content.decode()) == (422, True)


def test_by_the_api(cast: Cast, store: Store, hands_free: None) -> None:
    old = store()
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'read', 'write')}"}

    def post(path: str, body: dict[str, Any]) -> Any:
        return Client().post(f"/api{path}", body, content_type="application/json", headers=headers)

    choice = {"by": "key", "certificate": str(old.pk)}
    plan = post("/replacements/plan", choice).json()
    assert (plan["by_itself"], plan["per_minute"], plan["certificates"][0]["how"]) == (1, PER_MINUTE, "itself")
    answer = post("/replacements", {**choice, "reason": "key_compromise", "revoke": True})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["reason"], made["revoke"], made["counts"]["waiting"]) == (1, True, 1)
    look()
    listed = Client().get(f"/api/replacements/{made['id']}/certificates", headers=headers).json()
    assert [one["state"] for one in listed["items"]] == ["replacing"]
    assert post(f"/replacements/{made['id']}/end", {}).json()["ended_at"]
    assert post(f"/replacements/{made['id']}/retry", {}).status_code == 409
