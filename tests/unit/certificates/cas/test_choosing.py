"""Which CAs and profiles a workspace may order from."""

from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates.cas.accounts import add_ca
from certificates.cas.choosing import addable, choose_ca, offers
from certificates.cas.directories import profiles_at
from certificates.cas.given import read_given
from certificates.cas.known import KNOWN, ca_at
from certificates.forms import StartForm
from certificates.gates import read_wish
from config.lib import clock
from config.lib.errors import NeedsUser
from domains.models import Domain
from tests.cast import Cast
from tests.unit.certificates.conftest import DIRECTORY, HOST

pytestmark = pytest.mark.django_db
STAGING = ca_at("https://acme-staging-v02.api.letsencrypt.org/directory")


def refused(act: Any) -> str:
    with pytest.raises(NeedsUser) as caught:
        act()
    return caught.value.code


def test_without_a_word_it_is_the_portal_s_own(cast: Cast) -> None:
    assert choose_ca(cast.acme, "") == DIRECTORY
    assert [offer.ca.directory_url for offer in offers(cast.acme)] == [DIRECTORY]


def test_an_added_one_is_found_by_key_name_and_address_in_its_workspace_alone(cast: Cast) -> None:
    add_ca(workspace=cast.acme, given=read_given(ca="letsencrypt-staging"), actor=SYSTEM)
    for text in (STAGING.key, STAGING.label, STAGING.directory_url):
        assert choose_ca(cast.acme, text) == STAGING.directory_url
    assert refused(lambda: choose_ca(cast.other, STAGING.key)) == "ca_unknown"
    assert STAGING not in addable(cast.acme)
    assert STAGING in addable(cast.other)


def test_one_is_added_once_and_the_portal_s_own_never(cast: Cast, settings: Any) -> None:
    given = read_given(ca="letsencrypt-staging")
    add_ca(workspace=cast.acme, given=given, actor=SYSTEM)
    assert refused(lambda: add_ca(workspace=cast.acme, given=given, actor=SYSTEM)) == "ca_present"
    settings.ACME_DIRECTORY_URL = KNOWN[0].directory_url
    own = read_given(ca="letsencrypt")
    assert refused(lambda: add_ca(workspace=cast.other, given=own, actor=SYSTEM)) == "ca_present"


def test_one_that_is_closing_is_not_offered(cast: Cast) -> None:
    account = add_ca(workspace=cast.acme, given=read_given(ca="letsencrypt-staging"), actor=SYSTEM)
    account.closing_at = clock.now()
    account.save(update_fields=["closing_at"])
    assert refused(lambda: choose_ca(cast.acme, STAGING.key)) == "ca_unknown"


def test_profiles_are_those_of_the_directory_in_our_words_where_we_know_them() -> None:
    assert [profile.name for profile in profiles_at(STAGING, {})] == ["classic", "tlsserver", "shortlived"]
    told = {"profiles": {"shortlived": "https://letsencrypt.org/docs/profiles", "new": "a new one", "odd": "https://x"}}
    found = profiles_at(STAGING, told)
    assert [(one.name, one.words) for one in found] == [
        ("new", "a new one"),
        ("odd", ""),
        ("shortlived", "6 days, up to 25 names, an hour to prove them"),
    ]


def test_a_profile_says_how_many_names_it_takes() -> None:
    names = [f"n{number}.acme-tools.net" for number in range(26)]
    assert len(read_wish(names, directory_url=STAGING.directory_url).names) == 26
    many = {"directory_url": STAGING.directory_url, "profile": "shortlived"}
    assert refused(lambda: read_wish(names, **many)) == "names_too_many"
    assert len(read_wish(names[:25], **many).names) == 25


def test_a_directory_for_one_kind_of_key_gets_no_other() -> None:
    rsa = ca_at("https://acme.ssl.com/sslcom-dv-rsa")
    assert read_wish([HOST], directory_url=rsa.directory_url).key_type == "rsa-2048"
    assert (
        refused(lambda: read_wish([HOST], directory_url=rsa.directory_url, key_type="ecdsa-p256"))
        == "key_type_not_there"
    )


def test_the_form_asks_only_where_there_is_a_choice(domain: Domain) -> None:
    assert "source" not in StartForm(domain=domain).fields
    add_ca(workspace=domain.workspace, given=read_given(ca="letsencrypt-staging"), actor=SYSTEM)
    form = StartForm({"names": [HOST], "source": f"{STAGING.directory_url}#shortlived"}, domain=domain)
    assert form.is_valid(), form.errors
    assert (form.wish.directory_url, form.wish.profile) == (STAGING.directory_url, "shortlived")
    groups = [group for group, _ in form.fields["source"].choices]  # type: ignore[attr-defined]
    assert groups == ["The CA at ca.acme-tools.net", "Let's Encrypt (staging)"]
    foreign = StartForm({"names": [HOST], "source": "https://elsewhere.net/dir"}, domain=domain)
    assert not foreign.is_valid()
