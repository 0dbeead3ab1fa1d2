"""DNS providers as people keep them: forms, API, and who may take which zone's turn."""

import json
from typing import Any

import pytest
from django.test import Client

from auditlog.events import SYSTEM
from certificates.dns.providers import turns
from certificates.dns.providers.kinds import kinds
from certificates.dns.providers.saving import remove_provider, save_provider
from certificates.dns.providers.solving import AtProvider, provider_of
from certificates.dns.providers.turns import turn_at
from certificates.dns.providers.unseal import access_of
from certificates.models import DnsProvider, Issuance, ProviderRecord
from config.lib import clock
from config.lib.errors import InvalidValue, NeedsUser, Transient
from tests.cast import PASSWORD, Cast
from tests.unit.certificates.conftest import HOST

pytestmark = pytest.mark.django_db
TOKEN = "a-token-that-nobody-must-see"
ZONE = "acme-tools.net"
PDNS = {"pdns_server": "https://dns.example.net:8081", "auth_token": TOKEN}


@pytest.fixture
def provider(cast: Cast) -> DnsProvider:
    return save_provider(
        workspace=cast.acme, kind="cloudflare", zone=f"{ZONE.upper()}.", given={"auth_token": TOKEN}, actor=SYSTEM
    )


def test_secrets_are_sealed_and_zones_are_kept_once(cast: Cast, provider: DnsProvider) -> None:
    stored = DnsProvider.unscoped.filter(pk=provider.pk).values("config", "sealed_secrets", "zone").get()
    assert stored["zone"] == ZONE
    assert TOKEN not in json.dumps(stored)
    assert access_of(DnsProvider.unscoped.get()).values == {"auth_token": TOKEN, "zone_id": ""}
    again = save_provider(workspace=cast.acme, kind="powerdns", zone=ZONE, given=PDNS, actor=SYSTEM)
    assert again.pk == provider.pk
    assert access_of(DnsProvider.unscoped.get()).kind.key == "powerdns"


@pytest.mark.parametrize(
    ("kind", "zone", "given", "field", "code"),
    [
        ("nobody", ZONE, {}, "kind", "dns_provider_unknown"),
        ("cloudflare", ZONE, {}, "auth_token", "dns_provider_value_missing"),
        ("cloudflare", "no zone", {"auth_token": TOKEN}, "zone", "host_malformed"),
        ("cloudflare", ZONE, {"auth_token": "a\nb"}, "auth_token", "dns_provider_value"),
        ("ovh", ZONE, {"auth_entrypoint": "elsewhere"}, "auth_entrypoint", "dns_provider_value"),
        ("powerdns", ZONE, {**PDNS, "pdns_server": "/run/pdns.sock"}, "pdns_server", "dns_provider_url"),
        ("powerdns", ZONE, {**PDNS, "pdns_server": "http://a:b@dns.net"}, "pdns_server", "dns_provider_url"),
        ("powerdns", ZONE, {**PDNS, "pdns_server": "http://[::"}, "pdns_server", "dns_provider_url"),
        ("powerdns", ZONE, {**PDNS, "pdns_server": "file:///etc/passwd"}, "pdns_server", "dns_provider_url"),
    ],
)
def test_what_cannot_work_is_told_beside_its_field(
    cast: Cast, kind: str, zone: str, given: dict[str, str], field: str, code: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        save_provider(workspace=cast.acme, kind=kind, zone=zone, given=given, actor=SYSTEM)
    assert (refused.value.field_name, refused.value.code) == (field, code)
    assert not DnsProvider.unscoped.exists()


def test_every_kind_has_its_secret_and_its_hosts() -> None:
    assert kinds.keys() == DnsProvider.Kind.values
    for kind in kinds:
        assert kind.secret_names, kind.key
        values = {field.name: field.choices[0][0] if field.choices else "dns.example.net" for field in kind.fields}
        hosts = kind.hosts({**values, "pdns_server": PDNS["pdns_server"]})
        assert hosts
        assert all("." in host for host in hosts)


def test_only_what_works_covers_a_name(cast: Cast, provider: DnsProvider) -> None:
    assert not AtProvider().covers(cast.acme.pk, [HOST])
    DnsProvider.unscoped.update(tested_at=clock.now())
    assert AtProvider().covers(cast.acme.pk, [HOST, f"*.{HOST}", ZONE])
    assert not AtProvider().covers(cast.acme.pk, [HOST, f"not-{ZONE}"])
    assert not AtProvider().covers(cast.other.pk, [HOST])
    DnsProvider.unscoped.update(error_code="dns_provider_refused")
    assert not AtProvider().covers(cast.acme.pk, [HOST])


def test_the_closest_zone_is_taken() -> None:
    rows = [DnsProvider(zone=zone) for zone in ("net", "acme-tools.net", "shop.acme-tools.net", "tools.net")]
    found = provider_of(f"_acme-challenge.{HOST}", rows)
    assert found
    assert found.zone == HOST
    assert provider_of("_acme-challenge.elsewhere.org", rows) is None


def test_a_zone_is_visited_by_one_at_a_time(provider: DnsProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_SECONDS", 0.3)
    with turn_at(provider):
        with pytest.raises(Transient) as refused, turn_at(provider):
            pass
        assert refused.value.code == "dns_zone_busy"
    with turn_at(provider):
        DnsProvider.unscoped.update(busy_until=clock.now().replace(year=2020))
        with turn_at(provider):
            """Whoever was killed during a visit leaves a turn that has ended."""


def test_it_stays_while_records_are_made_by_it(provider: DnsProvider, issuance: Issuance) -> None:
    ProviderRecord.objects.create(
        workspace_id=issuance.workspace_id, provider=provider, issuance=issuance, fqdn="x", value="v"
    )
    with pytest.raises(NeedsUser) as refused:
        remove_provider(provider=provider, actor=SYSTEM)
    assert refused.value.code == "dns_provider_in_use"
    Issuance.unscoped.update(state="failed")
    remove_provider(provider=provider, actor=SYSTEM)
    assert not DnsProvider.unscoped.exists()


class TestPages:
    @pytest.fixture
    def browser(self, cast: Cast) -> Client:
        client = Client()
        client.login(username=cast.admin.email, password=PASSWORD)
        return client

    @pytest.fixture
    def base(self, cast: Cast) -> str:
        return f"/w/{cast.acme.pk}/settings/dns-providers/"

    def test_added_by_its_form(self, browser: Client, base: str) -> None:
        page = browser.get(base).content.decode()
        assert all(kind.label in page for kind in kinds)
        form = browser.get(f"{base}add/?kind=powerdns").content.decode()
        assert "api-key of pdns.conf" in form
        wrong = browser.post(f"{base}add/?kind=powerdns", {"zone": ZONE, "config-pdns_server": "ftp://x"})
        assert wrong.status_code == 422
        given = {f"config-{name}": value for name, value in {**PDNS, "pdns_server_id": "localhost"}.items()}
        assert browser.post(f"{base}add/?kind=powerdns", {"zone": ZONE, **given}).status_code == 302
        listed = browser.get(base).content.decode()
        assert ZONE in listed
        assert "Testing…" in listed
        assert TOKEN not in listed

    def test_what_is_wrong_is_said_and_no_secret_shown(self, browser: Client, base: str, provider: DnsProvider) -> None:
        params = {"provider": "Cloudflare", "zone": ZONE, "detail": "Invalid access token"}
        DnsProvider.unscoped.update(
            tested_at=clock.now().replace(year=2030), error_code="dns_provider_refused", error_params=params
        )
        listed = browser.get(base).content.decode()
        assert "Invalid access token" in listed
        changed = browser.get(f"{base}{provider.pk}/").content.decode()
        assert TOKEN not in changed
        assert "enter all of them again" in changed
        assert browser.post(f"{base}{provider.pk}/test/").status_code == 302
        assert browser.post(f"{base}{provider.pk}/delete/").status_code == 302
        assert not DnsProvider.unscoped.exists()


def test_the_api_never_shows_a_secret(cast: Cast, settings: Any) -> None:
    settings.ANSWER_WITHIN_SECONDS = 0.1
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    body = {"kind": "cloudflare", "zone": ZONE, "config": {"auth_token": TOKEN}}
    made = Client().post("/api/dns-providers", json.dumps(body), content_type="application/json", headers=headers)
    assert made.status_code == 201
    assert TOKEN not in made.content.decode()
    assert made.json()["works"] is False
    url = f"/api/dns-providers/{made.json()['id']}"
    assert TOKEN not in Client().get(url, headers=headers).content.decode()
    assert Client().post(f"{url}/test", headers=headers).json()["tested_at"] is None
    refused = Client().post(
        "/api/dns-providers",
        json.dumps({**body, "config": {}}),
        content_type="application/json",
        headers=headers,
    )
    assert refused.status_code == 422
    assert Client().delete(url, headers=headers).status_code == 204
