"""How issuances end: which keys live on, what is given back, and how long the end is worked for."""

from datetime import timedelta

import pytest

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.advance import MOST_ATTEMPTS, MOST_ATTEMPTS_AT_THE_END, advance, give_up
from certificates.challenges import is_ordering_elsewhere, proofs_to_give_back
from certificates.gates import read_wish
from certificates.issuance import cancel_issuance
from certificates.models import Issuance, PrivateKey
from config.lib import clock, jobs
from config.lib.errors import ExpectedError, NeedsUser, Permanent
from config.lib.sealed import Sealed
from domains.models import Domain
from tests.unit.certificates.conftest import HOST

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def key(issuance: Issuance) -> PrivateKey:
    row = PrivateKey.objects.create(workspace=issuance.workspace, domain=issuance.domain, sealed_pem=Sealed.of("pem"))
    Issuance.unscoped.update(private_key=row)
    return row


def claimed(**fields: object) -> Issuance:
    Issuance.unscoped.update(**{"run_after": clock.now() - timedelta(seconds=1), **fields})
    [row] = jobs.claim(jobs.kinds.get("issuance"))
    assert isinstance(row, Issuance)
    return row


def test_a_domains_keys_go_with_it(domain: Domain, key: PrivateKey) -> None:
    domain.delete()
    assert not PrivateKey.unscoped.exists()


def test_the_events_of_an_end_lead_to_the_run(issuance: Issuance) -> None:
    cancel_issuance(issuance=issuance, actor=SYSTEM)
    give_up(claimed(step="watch_validation", state="validating"), NeedsUser("acme_unauthorized", name=HOST))
    told = Event.unscoped.filter(kind__startswith="issuance.").values_list("kind", "run_id")
    assert set(told) == {("issuance.cancelled", issuance.pk), ("issuance.failed", issuance.pk)}


def test_an_issuance_that_fails_before_its_end_destroys_its_key(key: PrivateKey) -> None:
    give_up(claimed(step="watch_validation", state="validating"), NeedsUser("acme_unauthorized", name=HOST))
    assert not PrivateKey.unscoped.exists()


def test_a_cancelled_issuance_destroys_its_key(issuance: Issuance, key: PrivateKey) -> None:
    issuance.refresh_from_db()
    cancel_issuance(issuance=issuance, actor=SYSTEM)
    assert not PrivateKey.unscoped.exists()


@pytest.mark.parametrize("step", ["finalize", "store"])
def test_a_key_that_the_ca_may_have_certified_is_kept(key: PrivateKey, step: str) -> None:
    give_up(claimed(step=step, state="finalizing"), Permanent("acme_gave_up"))
    assert PrivateKey.unscoped.filter(pk=key.pk).exists()


@pytest.mark.parametrize("step", ["finalize", "store"])
def test_quarantine_at_the_end_is_a_wait(issuance: Issuance, step: str) -> None:
    row = claimed(step=step, state="finalizing", claims=9)
    give_up(row, Permanent("job_quarantined", claims=9))
    issuance.refresh_from_db()
    assert (issuance.state, issuance.attempts, issuance.claims) == ("finalizing", 1, 0)
    assert issuance.run_after is not None


@pytest.mark.parametrize(("step", "most"), [("order", MOST_ATTEMPTS), ("finalize", MOST_ATTEMPTS_AT_THE_END)])
def test_the_end_is_tried_for_longer(issuance: Issuance, step: str, most: int) -> None:
    row = claimed(step=step, attempts=most)
    with pytest.raises(Permanent) as caught:
        advance(row, None)  # type: ignore[arg-type]  # no connection is needed to end
    assert caught.value.code == "acme_gave_up"
    assert (most > 300) is (step == "finalize")


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (NeedsUser("acme_order_expired", detail="nobody went on in time."), "clean_up"),
        (NeedsUser("acme_order_expired", kind="accountDoesNotExist", status=400), "done"),
        (Permanent("acme_order_expired", kind="malformed", status=404), "done"),
    ],
)
def test_only_what_the_ca_forgot_is_not_given_back(issuance: Issuance, error: ExpectedError, step: str) -> None:
    give_up(claimed(), error)
    issuance.refresh_from_db()
    assert (issuance.state, issuance.step) == ("failed", step)


def test_the_last_of_two_gives_a_shared_proof_back(issuance: Issuance) -> None:
    other = sharing(issuance)
    Issuance.unscoped.filter(pk=issuance.pk).update(state="issued", step="clean_up")
    assert [row.position for row in proofs_to_give_back(issuance)] == [1]
    Issuance.unscoped.filter(pk=other.pk).update(state="issued", step="clean_up")
    assert [row.position for row in proofs_to_give_back(other)] == [0]


def test_nothing_is_given_back_while_another_order_may_be_taking_it(issuance: Issuance) -> None:
    other = sharing(issuance)
    assert not is_ordering_elsewhere(issuance)
    Issuance.unscoped.filter(pk=other.pk).update(step="load_challenges")
    assert is_ordering_elsewhere(issuance)
    Issuance.unscoped.filter(pk=other.pk).update(names=[f"elsewhere.{HOST}"])
    assert not is_ordering_elsewhere(issuance)


def sharing(issuance: Issuance) -> Issuance:
    """Another open issuance whose order was given the first proof of `issuance`."""
    wish = read_wish([HOST, f"c.{HOST}"])
    other = Issuance.objects.create(
        workspace=issuance.workspace,
        domain=issuance.domain,
        names=list(wish.names),
        names_key=wish.names_key,
        directory_url=issuance.directory_url,
        state="pending_challenge",
        step="wait_for_records",
    )
    first = issuance.authorizations.get(position=0)
    first.pk, first.issuance = None, other
    first._state.adding = True
    other.authorizations.bulk_create(
        [
            type(first)(
                **{
                    field.name: getattr(first, field.name)
                    for field in first._meta.concrete_fields
                    if field.name != "id"
                }
            )
        ]
    )
    return other
