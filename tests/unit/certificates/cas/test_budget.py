"""What is left of a CA's limits, as the page and the API show it for an order that somebody may want next."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from certificates.cas import known
from certificates.cas.ledger import Ordered, note_certificate, note_order
from certificates.models import Certificate
from domains.models import Domain
from tests.cast import Cast
from tests.unit.certificates.cas.test_ledger import LIMITS
from tests.unit.certificates.conftest import DIRECTORY, HOST

pytestmark = pytest.mark.django_db
WWW = f"www.{HOST}"
type Store = Callable[..., Certificate]


@pytest.fixture(autouse=True)
def _limited_ca(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(known._BY_URL, DIRECTORY, known.Ca("Limited CA", DIRECTORY, limits=LIMITS))


def budget(cast: Cast, domain: Domain, **query: str) -> Any:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    return Client(headers=headers).get(f"/api/domains/{domain.pk}/budget", query)


def lines(answer: Any) -> dict[str, tuple[int, bool]]:
    return {one["what"]: (one["used"], one["is_counted"]) for one in answer.json()["items"]}


def use_up(domain: Domain, names: list[str]) -> None:
    ordered = Ordered(domain.workspace_id, DIRECTORY, names)
    note_order(ordered)
    note_certificate(ordered)


def test_with_a_certificate_on_file_orders_and_domain_stay_in_sight(cast: Cast, domain: Domain, store: Store) -> None:
    store([HOST])
    use_up(domain, [HOST])
    assert lines(budget(cast, domain)) == {
        "Orders of this workspace": (1, False),
        "Certificates for acme-tools.net": (1, False),
        "Certificates for exactly these names": (1, True),
        f"Failed proofs of {HOST}": (0, True),
    }


def test_it_is_of_the_names_of_the_newest_certificate(cast: Cast, domain: Domain, store: Store) -> None:
    store([HOST])
    store([HOST, WWW])
    use_up(domain, [HOST, WWW])
    answer = budget(cast, domain)
    assert answer.json()["names"] == [HOST, WWW]
    assert lines(answer)["Certificates for exactly these names"] == (1, True)


def test_names_that_are_asked_for_count_as_they_would_be_ordered(cast: Cast, domain: Domain, store: Store) -> None:
    store([HOST])
    use_up(domain, [HOST])
    answer = budget(cast, domain, names=f"{HOST}, b.other.net")
    assert answer.json()["names"] == [HOST, "b.other.net"]
    found = lines(answer)
    assert found["Certificates for exactly these names"] == (0, True)
    assert found["Orders of this workspace"] == (1, True)
    assert found["Certificates for other.net"] == (0, True)
    refused = budget(cast, domain, names="no host")
    assert (refused.status_code, refused.json()["code"]) == (422, "host_malformed")


def test_the_page_shows_it_for_the_newest_and_for_what_was_chosen(cast: Cast, domain: Domain, store: Store) -> None:
    store([HOST, WWW], age_days=80)
    client = Client()
    client.force_login(cast.admin)
    tab = f"/w/{domain.workspace_id}/domains/{domain.pk}/lets-encrypt/"
    shown = client.get(tab).content.decode()
    assert f"For a certificate with {HOST}, {WWW}." in shown.replace("<wbr>", "")
    assert "not counted for a renewal; else now" in shown
    for _ in range(2):
        use_up(domain, [f"*.{HOST}"])
    refused = client.post(f"{tab}start/", {"names": [f"*.{HOST}"]})
    assert refused.status_code == 422
    assert f"For a certificate with *.{HOST}." in refused.content.decode().replace("<wbr>", "")
    assert "2 of 2" in refused.content.decode()
