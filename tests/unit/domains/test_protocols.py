"""Which protocol is spoken where: what follows from the port, what contradicts it, and where else one may look."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from auditlog.events import SYSTEM
from config.lib.errors import NeedsUser
from domains.add import add_domain
from domains.forms import AddDomainForm
from domains.models import Domain
from domains.protocols import PROTOCOLS, WELL_KNOWN_PORTS, opener_of, parse_port, parse_protocol, usual_port
from domains.starttls import our_name
from domains.uptime.probing import has_website
from domains.visit import _target
from tests.cast import Cast, make_cast

# The list of the product, to the number.
PORTS = {443, 465, 587, 25, 143, 993, 110, 995, 21, 990, 389, 636, 5222, 5223, 5269, 5061, 853, 3306, 5432, 8443}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_the_well_known_ports_are_those_of_the_product() -> None:
    assert set(WELL_KNOWN_PORTS) == PORTS


@pytest.mark.parametrize("port", [1, 22, 23, 80, 111, 135, 445, 444, 1023, 0, -1, 65536])
def test_other_ports_below_1024_are_refused_until_the_operator_opens_them(port: int, settings: Settings) -> None:
    with pytest.raises(NeedsUser, match="port_not_allowed"):
        parse_port(port)
    settings.EXTRA_PORTS = frozenset({444})
    assert parse_port(444) == 444


@pytest.mark.parametrize("port", [*sorted(PORTS), 1024, 4433, 65535])
def test_well_known_ports_and_all_above_1023_are_taken(port: int) -> None:
    assert parse_port(port) == port


@pytest.mark.parametrize(
    ("port", "name"),
    [
        (25, "smtp"), (587, "smtp"), (143, "imap"), (110, "pop3"), (21, "ftp"), (389, "ldap"), (5222, "xmpp_client"),
        (5269, "xmpp_server"), (5432, "postgres"), (3306, "mysql"), (443, "tls"), (465, "tls"), (993, "tls"),
        (995, "tls"), (990, "tls"), (636, "tls"), (5223, "tls"), (5061, "tls"), (853, "tls"), (8443, "tls"),
        (12345, "tls"), (None, "tls"),
    ],
)  # fmt: skip
def test_a_protocol_not_given_follows_from_the_port(port: int | None, name: str) -> None:
    assert parse_protocol(None, port) == name


@pytest.mark.parametrize(
    ("name", "port", "code"),
    [
        ("imap", 25, "protocol_contradicted"),
        ("smtp", 465, "protocol_contradicted"),
        ("xmpp_client", 5269, "protocol_contradicted"),
        ("gopher", 443, "protocol_unknown"),
        ("", None, "protocol_unknown"),
        ("SMTP", 25, "protocol_unknown"),
    ],
)
def test_a_contradiction_and_an_unknown_protocol_are_refused(name: str, port: int | None, code: str) -> None:
    with pytest.raises(NeedsUser, match=code):
        parse_protocol(name, port)


@pytest.mark.parametrize(("name", "port"), [("smtp", 2525), ("imap", 143), ("tls", 25), ("mysql", 3307)])
def test_a_protocol_is_taken_on_its_own_ports_and_on_free_ones(name: str, port: int) -> None:
    assert parse_protocol(name, port) == name


def test_every_protocol_but_tls_asks_for_it_and_knows_its_port() -> None:
    assert {name for name in PROTOCOLS if not opener_of(name)} == {"tls"}
    assert {name: parse_protocol(None, usual_port(name)) for name in PROTOCOLS} == {name: name for name in PROTOCOLS}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("portal.example.net", "portal.example.net"),
        ("127.0.0.1", "[127.0.0.1]"),
        ("::1", "[IPv6:::1]"),
        ("", "localhost"),
    ],
)
def test_we_greet_mail_servers_by_a_name_they_take(host: str, name: str) -> None:
    assert our_name(host) == name


@pytest.mark.django_db
def test_a_row_carries_its_protocol_to_its_visit(cast: Cast) -> None:
    mail = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="mail.forge.org:25")
    own = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="mail.forge.org", protocol="imap")
    odd = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="mail.forge.org:2525", protocol="smtp")
    plain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="mail.forge.org:2525")
    assert [(one.port, one.protocol) for one in (mail, own, odd, plain)] == [
        (25, "smtp"), (143, "imap"), (2525, "smtp"), (2525, "tls"),
    ]  # fmt: skip
    assert [_target(one).opener for one in (mail, own, odd, plain)] == [
        opener_of("smtp"), opener_of("imap"), opener_of("smtp"), None,
    ]  # fmt: skip
    assert [has_website(one) for one in (mail, own, odd, plain)] == [False, False, False, True]


@pytest.mark.django_db
def test_the_same_port_may_be_watched_once_for_each_protocol(cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="mail.forge.org:2525", protocol="smtp")
    with pytest.raises(NeedsUser, match="domain_exists"):
        add_domain(workspace=cast.acme, actor=SYSTEM, hostname="mail.forge.org:2525", protocol="smtp")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"hostname": "mail.forge.org", "port": "25", "protocol": "imap"}, "protocol"),
        ({"hostname": "mail.forge.org:465", "protocol": "smtp"}, "protocol"),
        ({"hostname": "mail.forge.org", "protocol": "gopher"}, "protocol"),
        ({"hostname": "mail.forge.org", "port": "23"}, "port"),
    ],
)
def test_the_form_refuses_beside_the_field(given: dict[str, str], field: str) -> None:
    form = AddDomainForm(given)
    assert not form.is_valid()
    assert list(form.errors) == [field]


@pytest.mark.django_db
def test_the_page_adds_by_the_port_unless_told_otherwise_and_shows_what_is_asked_for(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.admin)
    add = reverse("domains:domain-add", args=[cast.acme.pk])
    assert "By the port" in client.get(add).content.decode()
    assert client.post(add, {"hostname": "mail.forge.org", "port": "25", "protocol": ""}).status_code == 302
    assert client.post(add, {"hostname": "db.forge.org", "protocol": "postgres"}).status_code == 302
    assert sorted(Domain.unscoped.values_list("host", "port", "protocol")) == [
        ("db.forge.org", 5432, "postgres"),
        ("mail.forge.org", 25, "smtp"),
    ]
    domain = Domain.unscoped.get(host="mail.forge.org")
    overview = client.get(reverse("domains:domain-overview", args=[cast.acme.pk, domain.pk])).content.decode()
    listed = client.get(reverse("domains:domain-list", args=[cast.acme.pk])).content.decode()
    assert "SMTP with STARTTLS" in overview
    assert ">SMTP</span>" in listed
    assert ">PostgreSQL</span>" in listed
    assert "TLS</span>" not in listed


@pytest.mark.django_db
def test_the_api_refuses_beside_the_field_and_answers_what_follows(cast: Cast, settings: Settings) -> None:
    settings.ANSWER_WITHIN_SECONDS = 0
    client = Client()
    client.force_login(cast.admin)

    def post(**body: object) -> tuple[int, dict[str, object]]:
        answer = client.post(f"/api/domains?workspace={cast.acme.pk}", json.dumps(body), "application/json")
        return answer.status_code, answer.json()

    status, refused = post(hostname="mail.forge.org", port=25, protocol="imap")
    assert (status, refused["code"], list(refused["fields"])) == (422, "protocol_contradicted", ["protocol"])  # type: ignore[call-overload]
    status, refused = post(hostname="mail.forge.org", protocol="gopher")
    assert (status, refused["code"]) == (422, "protocol_unknown")
    status, added = post(hostname="mail.forge.org", protocol="ldap")
    assert (status, added["port"], added["protocol"]) == (201, 389, "ldap")
