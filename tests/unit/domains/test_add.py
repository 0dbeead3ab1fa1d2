"""Adding a host: what is refused, each with words of its own, and what a new row brings with it."""

import pytest
from allauth.account.models import EmailAddress

from auditlog.events import SYSTEM, Actor
from auditlog.models import Event
from config.lib.errors import NeedsUser, catalogue
from domains.add import add_domain, delete_domain, parse_tags, parse_target, set_tags
from domains.models import Domain, Ownership, Visit
from tests.cast import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.mark.parametrize(
    ("text", "port", "target"),
    [
        ("www.Forge.org", None, ("www.forge.org", 443)),
        (" forge.org. ", None, ("forge.org", 443)),
        ("mail.forge.org:465", None, ("mail.forge.org", 465)),
        ("mail.forge.org", 993, ("mail.forge.org", 993)),
        ("mail.forge.org:993", 993, ("mail.forge.org", 993)),
        ("bücher.de", None, ("xn--bcher-kva.de", 443)),
        ("forge.org:8443", None, ("forge.org", 8443)),
        ("https://forge.org/", None, ("forge.org", 443)),
        ("HTTP://Forge.org", None, ("forge.org", 443)),
        ("https://forge.org:8443/a?b=c#d", 8443, ("forge.org", 8443)),
        ("https://bücher.de?x", None, ("xn--bcher-kva.de", 443)),
    ],
)
def test_hosts_are_read_as_people_write_them(text: str, port: int | None, target: tuple[str, int]) -> None:
    assert parse_target(text, port) == target


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "host_malformed"),
        ("ftp://forge.org/", "host_malformed"),
        ("https:///forge.org", "host_malformed"),
        ("https://bank.com@forge.org/", "host_malformed"),
        ("https://forge.org/ and more", "host_malformed"),
        ("https://localhost/", "host_reserved"),
        ("forge.org/path", "host_malformed"),
        ("*.forge.org", "host_wildcard"),
        ("https://*.forge.org/", "host_wildcard"),
        ("*.co.uk", "host_public_suffix"),
        ("forge .org", "host_malformed"),
        ("-forge.org", "host_malformed"),
        ("fo_rge.org", "host_malformed"),
        ("192.0.2.1", "host_is_ip"),
        ("192.0.2.1:443", "host_is_ip"),
        ("[2001:db8::1]", "host_is_ip"),
        ("2001:db8::1", "host_is_ip"),
        ("0x7f.1", "host_is_ip"),
        ("intranet", "host_single_label"),
        ("co.uk", "host_public_suffix"),
        ("github.io", "host_public_suffix"),
        ("localhost", "host_reserved"),
        ("x.onion", "host_reserved"),
        ("printer.local", "host_reserved"),
        ("www.example.com", "host_reserved"),
        ("forge.org:22", "port_not_allowed"),
        ("forge.org:0", "port_not_allowed"),
        ("forge.org:99999", "port_not_allowed"),
    ],
)
def test_each_refusal_has_its_own_code_and_words(text: str, code: str) -> None:
    with pytest.raises(NeedsUser) as caught:
        parse_target(text)
    assert caught.value.code == code
    assert code in catalogue


def test_two_different_ports_are_refused() -> None:
    with pytest.raises(NeedsUser, match="port_contradicted"):
        parse_target("forge.org:465", 993)


def test_tags_are_folded_and_limited() -> None:
    assert parse_tags(["  Prod ", "prod", "", "eu west"]) == ["prod", "eu west"]
    with pytest.raises(NeedsUser, match="tag_malformed"):
        parse_tags(["<script>"])
    with pytest.raises(NeedsUser, match="too_many_tags"):
        parse_tags([f"t{n}" for n in range(11)])


def test_a_new_domain_brings_its_visit_its_token_and_its_event(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="www.forge.org", tags=["prod"], user=cast.admin)
    assert (domain.state, domain.mode, domain.renew_at) == ("unverified", "monitor", None)
    visit = Visit.unscoped.get(domain=domain)
    assert visit.is_under_way
    assert visit.run_after is not None
    assert visit.priority == 0
    ownership = Ownership.unscoped.get(workspace=cast.acme)
    assert ownership.host == "www.forge.org"
    assert len(bytes.fromhex(ownership.token)) == 20
    assert [tag.name for tag in domain.tag_rows.all()] == ["prod"]
    assert Event.unscoped.get(kind="domain.added").domain_id == domain.pk


def test_the_same_host_and_port_is_listed_once(cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    with pytest.raises(NeedsUser, match="domain_exists"):
        add_domain(workspace=cast.acme, actor=SYSTEM, hostname="FORGE.org:443")
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org:465")
    add_domain(workspace=cast.other, actor=SYSTEM, hostname="forge.org")
    assert Domain.unscoped.count() == 3
    assert Visit.unscoped.count() == 3


def test_an_unproven_address_adds_a_few_domains_a_day_whatever_it_deletes(cast: Cast) -> None:
    EmailAddress.objects.filter(user=cast.admin).update(verified=False)
    person = Actor("user", id=cast.admin.pk)

    def add(number: int) -> Domain:
        return add_domain(workspace=cast.acme, actor=person, hostname=f"n{number}.forge.org", user=cast.admin)

    for number in range(5):
        delete_domain(domain=add(number), actor=person)
    with pytest.raises(NeedsUser, match="confirm_address_first"):
        add(6)
    EmailAddress.objects.filter(user=cast.admin).update(verified=True)
    assert add(6).pk


def test_two_workspaces_get_tokens_of_their_own(cast: Cast) -> None:
    for workspace in (cast.acme, cast.other):
        add_domain(workspace=workspace, actor=SYSTEM, hostname="forge.org")
    first, second = Ownership.unscoped.values_list("token", flat=True)
    assert first != second


def test_a_name_below_a_proven_host_is_verified_from_the_start(cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    Ownership.unscoped.update(proven_at="2026-11-01T00:00:00Z")
    assert add_domain(workspace=cast.acme, actor=SYSTEM, hostname="www.forge.org").is_verified
    assert not add_domain(workspace=cast.other, actor=SYSTEM, hostname="www.forge.org").is_verified


def test_deleting_forgets_the_domain_and_a_token_that_covers_nothing_more(cast: Cast) -> None:
    above = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    below = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="www.forge.org")
    delete_domain(domain=above, actor=SYSTEM)
    assert set(Ownership.unscoped.values_list("host", flat=True)) == {"forge.org", "www.forge.org"}
    delete_domain(domain=below, actor=SYSTEM)
    assert not Ownership.unscoped.exists()
    assert not Visit.unscoped.exists()
    assert Event.unscoped.filter(kind="domain.deleted").count() == 2


def test_tags_are_replaced_as_a_whole(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org", tags=["a", "b"])
    set_tags(domain=domain, tags=["b", "c"])
    assert sorted(domain.tag_rows.values_list("name", flat=True)) == ["b", "c"]


def test_a_domain_in_its_own_script_is_shown_both_ways(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="bücher.de")
    assert (domain.label, domain.readable_host) == ("xn--bcher-kva.de", "bücher.de")
