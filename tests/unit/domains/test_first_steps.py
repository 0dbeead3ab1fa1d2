"""What somebody who has just signed up meets on the pages of adding."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from auditlog.events import SYSTEM
from config.lib import clock
from config.lib.errors import NeedsUser, in_one_line
from domains import views
from domains.add import add_domain
from domains.addresses.shown import addresses_shown
from domains.batches.reading import unused_columns
from domains.models import AddressCheck, Domain, Ownership
from domains.ownership import ownership_of
from tests.cast import Cast, make_cast
from tests.servers.ca import TestCa
from tests.unit.domains.seen import see
from tests.unit.domains.test_pages import client_of, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    return add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")


def test_a_proof_that_comes_while_the_page_is_read_is_shown(
    cast: Cast, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the page says 'Not found yet', asks no more, and is wrong until somebody reloads it."""

    def proven_meanwhile(asked: Domain) -> Ownership:
        now = clock.now()
        Ownership.unscoped.filter(host=domain.host).update(proven_at=now, asked_at=now, checked_at=now)
        Domain.unscoped.filter(pk=domain.pk).update(verified_at=now)
        return ownership_of(asked)

    monkeypatch.setattr(views, "ownership_of", proven_meanwhile)
    html = page(client_of(cast.admin), "domain-prove", cast.acme.pk, domain.pk)
    assert "Not found yet" not in html
    assert 'data-announce-state="Verified"' in html


def test_an_unconfirmed_address_is_told_before_a_record_is_published(cast: Cast, domain: Domain) -> None:
    client = client_of(cast.admin)
    assert "Confirm your e-mail address first" not in page(client, "domain-prove", cast.acme.pk, domain.pk)
    EmailAddress.objects.filter(user=cast.admin).update(verified=False)
    html = page(client, "domain-prove", cast.acme.pk, domain.pk)
    assert "Confirm your e-mail address first" in html
    assert reverse("account_email") in html
    assert "added it</button>" not in html


@pytest.mark.parametrize(("days", "tone"), [(3, "expiring"), (-3, "expired"), (80, "unverified")])
def test_the_review_colours_the_certificate_and_not_the_missing_proof(
    cast: Cast, domain: Domain, days: int, tone: str
) -> None:
    authority = TestCa("Review")
    issued = authority.issue([domain.host], days=90, age_days=90 - days)
    see(domain, [issued.certificate.public_bytes(Encoding.DER)])
    context: Any = client_of(cast.admin).get(reverse("domains:domain-review", args=[cast.acme.pk, domain.pk])).context
    assert context["review"].life_state == tone


@pytest.mark.parametrize(
    ("codes", "word", "life"),
    [
        (["expiring"], "expiring", "expiring"),
        (["expired", "expiring"], "expired", "expired"),
        (["expiring", "name_mismatch"], "problem", "expiring"),
        (["name_mismatch"], "problem", ""),
        ([], "", ""),
    ],
)
def test_an_address_near_the_end_of_its_certificate_says_that(codes: list[str], word: str, life: str) -> None:
    result: dict[str, Any] = {
        "address": "203.0.113.10",
        "code": "",
        "params": {},
        "fingerprint_sha256": "ab" * 32,
        "issuer": "Forge",
        "not_before": None,
        "not_after": None,
        "trusted": True,
        "problems": [{"code": code, "params": {"until": "tomorrow"}} for code in codes],
        "tls_version": "TLS 1.3",
    }
    (row,) = addresses_shown(AddressCheck(results=[result])).rows
    assert (row.state, row.life_state) == (word, life)


def test_what_removes_an_unverified_domain_is_not_called_cancel(cast: Cast, domain: Domain) -> None:
    html = page(client_of(cast.admin), "domain-overview", cast.acme.pk, domain.pk)
    to_delete = reverse("domains:domain-delete", args=[cast.acme.pk, domain.pk])
    assert f'href="{to_delete}">Delete</a>' in html


def test_a_column_that_nothing_is_read_from_is_named(cast: Cast) -> None:
    file = SimpleUploadedFile("hosts.csv", b"Host;Protokol;note\nmail.forge.org:2525;smtp;Ann\n")
    answer = client_of(cast.admin).post(
        reverse("domains:domain-add-many", args=[cast.acme.pk]), {"file": file}, follow=True
    )
    assert "Columns that were passed over: Protokol." in answer.content.decode()
    assert unused_columns("www.forge.org;;;shop\n") == []
    assert unused_columns("") == []


def test_a_title_that_asks_gets_no_full_stop() -> None:
    assert in_one_line(NeedsUser("tag_missing")).startswith("Which tag? The field")
