"""Whatever people change, the audit log says from what to what; of secrets only that one was given."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.workspaces import change_workspace
from auditlog.events import SYSTEM, difference
from auditlog.models import Event
from auditlog.pages.changes import changes_of
from certificates.cas.accounts import add_ca, change_ca, remove_ca
from certificates.cas.given import Given
from certificates.dns.providers.saving import remove_provider, save_provider
from certificates.models import Renewal
from certificates.renewal.plan import Automation, set_automation
from config.lib import clock
from config.lib.sealed import Sealed
from deploy.servers import Access, change_server, delete_server, find_or_make_server, trust_server
from domains.add import change_domain
from domains.batches.actions import tag_lines, untag_lines
from domains.models import Batch, BatchLine, Domain, Visit
from notifications.gateways.saving import change_gateway, create_gateway, delete_gateway
from notifications.hiding import masked
from notifications.rules.saving import Wish, change_rule, create_rule, delete_rule, wish_of
from notifications.wordings.saving import change_template, create_template, delete_template
from tests.cast import Cast, make_cast

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SECRET, NEXT_SECRET = "Zwetschgenkuchen-44", "Quittengelee-2027-x"
PIN = f"SHA256:{'a' * 43}"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    made = Domain.unscoped.create(workspace=cast.acme, host="shop.acme-tools.net", verified_at=clock.now(), state="ok")
    Visit.unscoped.create(workspace=cast.acme, domain=made)
    return made


type Told = Callable[..., dict[str, tuple[str, str]]]


@pytest.fixture
def told(cast: Cast) -> Told:
    """What the page tells of the latest event of a kind: each field with before and after."""

    def read(kind: str) -> dict[str, tuple[str, str]]:
        event = Event.objects.for_workspace(cast.acme).filter(kind=kind).latest("at", "id")
        client = Client()
        client.force_login(cast.admin)
        shown = client.get(f"/w/{cast.acme.pk}/audit-logs/", {"kind": kind}).content.decode()
        assert SECRET not in shown
        assert NEXT_SECRET not in shown
        changes = changes_of(event.data)
        for change in changes:
            assert f"<code>{change.name}</code>" in shown
        return {change.name: (change.before, change.after) for change in changes}

    return read


def test_of_two_states_only_what_differs_is_kept() -> None:
    before, after = {"a": 1, "b": [2], "gone": "x"}, {"a": 1, "b": [3], "new": None}
    assert difference(before, after) == {"before": {"b": [2], "gone": "x"}, "after": {"b": [3]}}
    assert difference(before, before) == {"before": {}, "after": {}}


def test_rules(cast: Cast, domain: Domain, told: Told) -> None:
    rule = create_rule(workspace=cast.acme, actor=SYSTEM, wish=Wish("Late", "email", days_before_expiry=10))
    assert told("rule.created")["days_before_expiry"] == ("—", "10")
    rule = change_rule(rule=rule, actor=SYSTEM, wish=wish_of(rule, days_before_expiry=3, domain=domain))
    assert told("rule.changed") == {"days_before_expiry": ("10", "3"), "domain": ("—", "shop.acme-tools.net")}
    delete_rule(rule=rule, actor=SYSTEM)
    assert told("rule.deleted")["name"] == ("Late", "—")


def test_templates(cast: Cast, told: Told) -> None:
    texts = {"channel": "email", "name": "Ours", "subject": "{{domain}}", "body": "Soon"}
    template = create_template(workspace=cast.acme, actor=SYSTEM, **texts)
    assert told("template.created")["body"] == ("—", "Soon")
    change_template(template=template, actor=SYSTEM, body="Very soon")
    assert told("template.changed") == {"body": ("Soon", "Very soon")}
    delete_template(template=template, actor=SYSTEM)
    assert told("template.deleted")["subject"] == ("{{domain}}", "—")


def test_gateways(cast: Cast, told: Told) -> None:
    given = {"url": "https://hooks.example.net/a", "secret": f"whsec_{'QUJD' * 8}"}
    gateway = create_gateway(
        workspace=cast.acme, user=cast.admin, actor=SYSTEM, channel="webhook", name="CI", given=given
    )
    assert told("gateway.created")["secret"] == ("—", "given")
    again = {"url": "https://hooks.example.net/b", "secret": f"whsec_{'REVG' * 8}"}
    change_gateway(gateway=gateway, actor=SYSTEM, name="Builds", given=again)
    changed = told("gateway.changed")
    before, after = changed.pop("url")
    assert before != after
    assert [text.split(" (")[0] for text in (before, after)] == ["https://hooks.example.net/…"] * 2
    assert changed == {"name": ("CI", "Builds"), "secret": ("—", "given")}
    assert "QUJD" not in str(list(Event.unscoped.values_list("data", flat=True)))
    delete_gateway(gateway=gateway, actor=SYSTEM)
    assert told("gateway.deleted")["name"] == ("Builds", "—")


URL = "https://sms.example.net:8443/send?token=in-the-query"
FREE = {"url": URL, "headers": "X-Key: in-a-header", "body": "key=in-the-body&to={{to}}&text={{message}}"}


@pytest.mark.parametrize(
    ("channel", "given", "shown"),
    [
        ("webhook", {"url": "https://hooks.example.net/in-the-path?token=in-the-query"}, {}),
        ("sms_rest", FREE | {"success_pattern": "ok"}, {"headers": "hidden", "body": "hidden"}),
        ("ntfy", {"url": "https://ntfy.sh", "topic": "in-the-topic"}, {"url": "https://ntfy.sh", "topic": "hidden"}),
    ],
)
def test_what_opens_a_door_stays_out_of_it(
    cast: Cast, told: Told, channel: str, given: dict[str, str], shown: dict[str, str]
) -> None:
    """A log that nobody can delete from keeps no token, wherever a provider wants it; that it changed stays visible."""
    gateway = create_gateway(
        workspace=cast.acme, user=cast.admin, actor=SYSTEM, channel=channel, name="Ours", given=given
    )
    made = told("gateway.created")
    assert {name: made[name][1].split(" (")[0] for name in shown} == shown
    for name in [name for name in ("headers", "body", "topic", "url") if "in-" in given.get(name, "")]:
        text = f"{given[name]}-2"
        change_gateway(gateway=gateway, actor=SYSTEM, name=None, given={name: text})
        before, after = told("gateway.changed")[name]
        assert before == made[name][1]
        assert before != after
    delete_gateway(gateway=gateway, actor=SYSTEM)
    assert "in-" not in str(list(Event.unscoped.values_list("data", flat=True)))


def test_whom_a_rule_reaches_is_told_by_halves(cast: Cast, told: Told) -> None:
    wish = Wish("Late", "email", days_before_expiry=10, recipients=("ann.private@example.net",))
    rule = create_rule(workspace=cast.acme, actor=SYSTEM, wish=wish)
    assert "a…@example.net (" in told("rule.created")["recipients"][1]
    change_rule(rule=rule, actor=SYSTEM, wish=wish_of(rule, recipients=("abe.private@example.net",)))
    before, after = told("rule.changed")["recipients"]
    assert before != after
    assert "private" not in str(list(Event.unscoped.values_list("data", flat=True)))
    assert masked("+43664123417").startswith("+43…17 (")


def test_certificate_authorities(cast: Cast, told: Told) -> None:
    first = Given("https://ca.example.net/dir", external_key_id="one", external_mac=Sealed.of(SECRET))
    account = add_ca(workspace=cast.acme, given=first, actor=SYSTEM)
    assert told("ca.added")["external_key"] == ("—", "given")
    change_ca(account=account, given=Given("", preferred_chain="Root X2", ca_bundle="pem"), actor=SYSTEM)
    changed = told("ca.changed")
    assert changed.pop("own_roots")[1].startswith("SHA-256 ")
    assert changed == {"preferred_chain": ("—", "Root X2")}
    remove_ca(account=account, actor=SYSTEM)
    assert told("ca.removed")["external_key_id"] == ("one", "—")


def test_dns_providers(cast: Cast, told: Told) -> None:
    given = {"auth_entrypoint": "ovh-eu", "auth_application_key": "a"}
    hidden = {"auth_application_secret": SECRET, "auth_consumer_key": NEXT_SECRET}
    for key in ("a", "b"):
        values = given | hidden | {"auth_application_key": key}
        provider = save_provider(workspace=cast.acme, kind="ovh", zone="acme-tools.net", given=values, actor=SYSTEM)
    assert told("dns_provider.saved") == {
        "auth_application_key": ("a", "b"),
        "auth_application_secret": ("—", "given"),
        "auth_consumer_key": ("—", "given"),
    }
    remove_provider(provider=provider, actor=SYSTEM)
    assert told("dns_provider.removed")["auth_application_key"] == ("b", "—")


def test_servers(cast: Cast, told: Told) -> None:
    access = Access("web-01.example.net", 22, "mmc", private_key=Sealed.of(SECRET), public_key="ssh-ed25519 A")
    server = find_or_make_server(workspace=cast.acme, access=access, actor=SYSTEM)
    assert told("server.saved")["private_key"] == ("—", "given")
    trust_server(server=server, fingerprint=PIN, actor=SYSTEM)
    assert told("server.trusted") == {"host_key": ("—", PIN)}
    server = change_server(server=server, access=Access("web-02.example.net", 22, "mmc"), actor=SYSTEM)
    assert told("server.saved") == {"host": ("web-01.example.net", "web-02.example.net"), "host_key": (PIN, "—")}
    delete_server(server=server, actor=SYSTEM)
    assert told("server.deleted")["username"] == ("mmc", "—")


def test_domains(cast: Cast, domain: Domain, told: Told) -> None:
    change_domain(domain=domain, actor=SYSTEM, tags=["blue"], notes="Ann's")
    assert told("domain.changed") == {"tags": ("—", '["blue"]'), "notes": ("—", "Ann's")}
    batch = Batch.unscoped.create(workspace=cast.acme, kind="tag", tag="red")
    line = BatchLine.unscoped.create(workspace=cast.acme, batch=batch, number=1, domain_id=domain.pk)
    tag_lines(batch, [line])
    assert told("domain.changed") == {"tag": ("—", "red")}
    untag_lines(batch, [line])
    assert told("domain.changed") == {"tag": ("red", "—")}


def test_automation(domain: Domain, told: Told) -> None:
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(mode="upload"))
    assert told("domain.automation_changed") == {"mode": ("Monitor only", "Upload & deploy")}
    kind: dict[str, Any] = {"names": ["shop.acme-tools.net"], "directory_url": "https://ca.example.net/dir"}
    Renewal.unscoped.create(workspace_id=domain.workspace_id, domain=domain, **kind)
    Domain.unscoped.update(mode="dns")
    domain.refresh_from_db()
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(auto_renew=False))
    changed = told("domain.automation_changed")
    assert changed["renews"] == ("by itself", "by hand")
    assert changed["names"] == ('["shop.acme-tools.net"]', "—")
    count = Event.unscoped.filter(kind="domain.automation_changed").count()
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(mode="dns"))
    assert Event.unscoped.filter(kind="domain.automation_changed").count() == count


def test_workspaces(cast: Cast, told: Told) -> None:
    change_workspace(workspace=cast.acme, actor=SYSTEM, changes={"monitor_interval_minutes": 30})
    assert told("workspace.changed") == {"monitor_interval_minutes": ("15", "30")}
