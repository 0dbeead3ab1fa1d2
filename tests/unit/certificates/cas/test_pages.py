"""Settings, Certificate authorities: what is shown, to whom, and what the form says."""

from collections.abc import Sequence

import pytest
from django.test import Client

from auditlog.events import SYSTEM
from certificates.cas.accounts import add_ca, ask_for_look
from certificates.cas.given import read_given
from certificates.cas.known import KNOWN, LETS_ENCRYPT_PROFILES
from certificates.cas.ledger import Ordered, note_certificate
from certificates.models import AcmeAccount
from config.lib import clock
from domains.models import Domain
from tests.cast import Cast
from tests.unit.certificates.conftest import DIRECTORY, HOST

pytestmark = pytest.mark.django_db
FACTS = {"profiles": {}, "caa_identities": ["ca.acme-tools.net"], "terms_url": "https://ca.acme-tools.net/terms"}
SECRET = "c2VjcmV0LW1hYy1rZXktb2YtdGhlLWNh"


@pytest.fixture
def browser(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


@pytest.fixture
def account(cast: Cast) -> AcmeAccount:
    given = read_given(ca="zerossl", key_id="kid-77", mac_key=SECRET)
    made = add_ca(workspace=cast.acme, given=given, actor=SYSTEM)
    seen = {"uri": "https://acme.zerossl.com/v2/DV90/account/7", "opened_at": clock.now(), "facts": FACTS}
    AcmeAccount.unscoped.filter(pk=made.pk).update(**seen, looked_at=clock.now())
    return AcmeAccount.unscoped.get(pk=made.pk)


def base(cast: Cast, more: str = "") -> str:
    return f"/w/{cast.acme.pk}/settings/certificate-authorities/{more}"


def shown(browser: Client, url: str) -> str:
    return browser.get(url).content.decode()


def test_the_portal_s_own_ca_is_there_from_the_start(browser: Client, cast: Cast) -> None:
    text = shown(browser, base(cast))
    assert DIRECTORY in text
    assert "No account yet" in text
    assert "?ca=zerossl" in text


def test_an_account_shows_its_address_its_record_and_no_secret(
    browser: Client, cast: Cast, account: AcmeAccount
) -> None:
    text = shown(browser, base(cast))
    assert account.uri in text
    record = f"example.com. IN CAA 0 issue &quot;ca.acme-tools.net; accounturi={account.uri}&quot;"
    assert record in text
    assert "kid-77" in text
    assert "?ca=zerossl" not in text, "what is there is not offered"
    assert SECRET not in text + shown(browser, base(cast, f"{account.pk}/"))


def test_a_look_that_failed_says_why(browser: Client, cast: Cast, account: AcmeAccount) -> None:
    trouble = {"error_code": "acme_unreachable", "error_params": {"host": "acme.zerossl.com", "detail": "timed_out"}}
    AcmeAccount.unscoped.filter(pk=account.pk).update(**trouble)
    assert "The CA acme.zerossl.com could not be reached" in shown(browser, base(cast))
    ask_for_look(account)
    text = shown(browser, base(cast))
    assert "Looking…" in text
    assert "could not be reached" not in text


@pytest.mark.parametrize(
    ("ca", "given", "words"),
    [
        ("zerossl", {}, ["This field is required"]),
        ("zerossl", {"key_id": "kid", "mac_key": "short"}, ["This is no MAC key"]),
        ("other", {"directory_url": "http://ca.example.net/dir"}, ["This is no address of an ACME directory"]),
        ("other", {"directory_url": DIRECTORY}, ["is there already"]),
        (
            "other",
            {"directory_url": "https://ca.x.net/d", "ca_bundle": "nothing"},
            ["There is no certificate"],
        ),
        ("other", {"directory_url": "https://ca.x.net/d", "key_id": "kid"}, ["Key id and MAC key belong together"]),
    ],
)
def test_the_form_says_what_is_wrong(
    ca: str, given: dict[str, str], words: Sequence[str], browser: Client, cast: Cast
) -> None:
    answer = browser.post(base(cast, f"add/?ca={ca}"), given)
    assert answer.status_code == 422
    for word in words:
        assert word in answer.content.decode()
    assert not AcmeAccount.unscoped.exists()


def test_adding_and_changing(browser: Client, cast: Cast) -> None:
    given = {"key_id": "kid-1", "mac_key": SECRET, "preferred_chain": "Some Root"}
    assert browser.post(base(cast, "add/?ca=zerossl"), given).status_code == 302
    row = AcmeAccount.unscoped.get()
    assert (row.external_key_id, row.external_mac.reveal_text(), row.is_added) == ("kid-1", SECRET, True)
    assert browser.post(base(cast, f"{row.pk}/"), {"preferred_chain": ""}).status_code == 302
    row = AcmeAccount.unscoped.get()
    assert (row.external_mac.reveal_text(), row.preferred_chain) == (SECRET, "")
    newer = {"key_id": "kid-2", "mac_key": SECRET[::-1]}
    assert browser.post(base(cast, f"{row.pk}/"), newer).status_code == 302
    assert AcmeAccount.unscoped.get().external_key_id == "kid-2"


def test_an_unknown_one_leads_to_the_list(browser: Client, cast: Cast) -> None:
    answer = browser.get(base(cast, "add/?ca=nobody"))
    assert (answer.status_code, answer["Location"]) == (302, base(cast))


def test_the_tab_says_what_the_limits_leave(browser: Client, domain: Domain, settings: object) -> None:
    settings.ACME_DIRECTORY_URL = KNOWN[0].directory_url  # type: ignore[attr-defined]
    note_certificate(Ordered(domain.workspace_id, KNOWN[0].directory_url, [f"other.{HOST}"]))
    text = shown(browser, f"/w/{domain.workspace_id}/domains/{domain.pk}/lets-encrypt/")
    assert "What the limits of Let&#x27;s Encrypt leave" in text
    assert "Certificates for acme-tools.net" in text
    assert "1 of 50" in text
    assert "For a certificate with shop.acme-tools.net." in text.replace("<wbr>", "")
    for profile in LETS_ENCRYPT_PROFILES:
        assert f"#{profile.name}" in text
