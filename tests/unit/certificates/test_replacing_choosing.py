"""What is chosen among more certificates than one plan may have."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from certificates.models import Certificate
from certificates.replacing.choosing import MOST, Choice, choose
from config.lib import clock
from config.lib.errors import NeedsUser
from deploy.models import Server, Target
from domains.models import Domain
from tests.cast import Cast
from tests.unit.certificates.conftest import DIRECTORY

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
type Store = Callable[..., Certificate]
ELSEWHERE = "https://elsewhere.net/dir"


@pytest.fixture
def many(store: Store) -> None:
    """More than a plan may have, from another CA, with another key, issued today."""
    one = store(["many.acme-tools.net"], age_days=0)
    told = {field.attname: getattr(one, field.attname) for field in Certificate._meta.concrete_fields}
    told["directory_url"] = ELSEWHERE
    one.delete()
    rows = (Certificate(**told | {"id": uuid.uuid4(), "fingerprint_sha256": f"{n:064x}"}) for n in range(MOST + 1))
    Certificate.unscoped.bulk_create(rows, batch_size=500)


def test_what_is_older_than_many_others_is_found(cast: Cast, domain: Domain, store: Store, many: None) -> None:
    old = store(age_days=20)
    Certificate.unscoped.filter(pk=old.pk).update(created_at=clock.now() - timedelta(days=20))
    server = Server.objects.create(workspace=cast.acme, host="web.acme-tools.net", username="mmc")
    Target.objects.create(workspace=cast.acme, domain=domain, server=server, installed_certificate=old)
    last = (clock.now() - timedelta(days=5)).date()
    for choice in (
        Choice("key", certificate=old.pk),
        Choice("ca", ca=DIRECTORY),
        Choice("server", server=server.pk),
        Choice("issued", last=last),
        Choice("issued", first=date.min, last=last),
    ):
        assert [one.pk for one in choose(cast.acme, choice)[1]] == [old.pk], choice


def test_only_what_is_chosen_may_be_too_many(cast: Cast, many: None) -> None:
    for choice in (Choice("ca", ca=ELSEWHERE), Choice("issued", last=date.max)):
        with pytest.raises(NeedsUser, match="replace_too_many"):
            choose(cast.acme, choice)
    with pytest.raises(NeedsUser, match="replace_nothing"):
        choose(cast.acme, Choice("ca", ca=DIRECTORY))


def test_the_days_are_those_on_which_it_was_made(cast: Cast, store: Store) -> None:
    at_midnight = store()
    day = date(2026, 3, 14)
    before = clock.now().replace(year=2026, month=3, day=13, hour=23, minute=0, second=0, microsecond=0)
    for begins, is_found in ((before, True), (before - timedelta(seconds=1), False)):
        Certificate.unscoped.filter(pk=at_midnight.pk).update(not_before=begins)
        try:
            found = len(choose(cast.acme, Choice("issued", first=day, last=day))[1])
        except NeedsUser:
            found = 0
        assert found == is_found
