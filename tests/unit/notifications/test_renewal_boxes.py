"""'Notify after each renewal': the boxes of a domain are rules about its renewals, and nothing else."""

from typing import Any

import pytest
from django.test import Client

from auditlog.events import SYSTEM, record
from config.lib import clock, jobs
from domains.models import Domain
from notifications.models import Delivery, Gateway, Rule
from notifications.renewing.boxes import boxes_of, choose_boxes
from tests.cast import Cast, make_cast
from tests.unit.notifications.watched import make_rule, watched

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    return watched(cast.acme, "shop.example.org")


def gateway(cast: Cast, channel: str = "webhook", name: str = "Ops", **fields: Any) -> Gateway:
    row = Gateway(workspace=cast.acme, channel=channel, name=name, config={"url": "https://hook.example/"}, **fields)
    row.save(force_insert=True)
    return row


def choose(domain: Domain, *keys: str, **numbers: str) -> None:
    choose_boxes(domain=domain, actor=SYSTEM, ticked=keys, numbers=numbers)


def ticked(domain: Domain) -> list[str]:
    return [box.key for box in boxes_of(domain) if box.is_ticked]


def rules_of(domain: Domain) -> list[tuple[str, str, Any]]:
    rows = Rule.objects.for_workspace(domain.workspace_id).filter(domain=domain).order_by("channel")
    return [(row.trigger, row.channel, row.gateway_id) for row in rows]


def test_mail_and_each_gateway_that_can_be_used(cast: Cast, domain: Domain) -> None:
    ops = gateway(cast)
    gateway(cast, name="Paused", paused_at=clock.now())
    gateway(cast, name="Off", disabled_at=clock.now())
    assert [box.key for box in boxes_of(domain)] == ["email", str(ops.pk)]
    assert ticked(domain) == []


def test_the_boxes_are_rules_about_this_domain(cast: Cast, domain: Domain) -> None:
    ops = gateway(cast)
    choose(domain, "email", str(ops.pk))
    assert rules_of(domain) == [("renewal", "email", None), ("renewal", "webhook", ops.pk)]
    assert ticked(domain) == ["email", str(ops.pk)]
    choose(domain, str(ops.pk))
    choose(domain, str(ops.pk))
    assert rules_of(domain) == [("renewal", "webhook", ops.pk)]
    choose(domain)
    assert rules_of(domain) == []


def test_other_rules_stay(cast: Cast, domain: Domain) -> None:
    make_rule(cast.acme, name="Mine", domain=domain)
    make_rule(cast.acme, name="All", trigger="renewal")
    other = make_rule(cast.acme, name="Other", trigger="renewal", domain=watched(cast.acme, "other.example.org"))
    choose(domain)
    assert {"Mine", "All", "Other"} <= set(Rule.unscoped.values_list("name", flat=True))
    assert ticked(domain) == []
    assert Rule.unscoped.filter(pk=other.pk).exists()


def test_a_paused_rule_is_an_empty_box_and_goes_on_when_it_is_ticked(cast: Cast, domain: Domain) -> None:
    rule = make_rule(cast.acme, trigger="renewal", domain=domain, paused_at=clock.now())
    assert ticked(domain) == []
    choose(domain, "email")
    rule.refresh_from_db()
    assert rule.paused_at is None
    assert Rule.unscoped.filter(domain=domain).count() == 1


def test_a_gateway_that_was_switched_off_keeps_the_box_of_its_rule(cast: Cast, domain: Domain) -> None:
    ops = gateway(cast)
    choose(domain, str(ops.pk))
    Gateway.unscoped.update(disabled_at=clock.now())
    assert ticked(domain) == [str(ops.pk)]
    assert "switched off" in boxes_of(domain)[1].about


def test_a_foreign_gateway_is_no_box(cast: Cast, domain: Domain) -> None:
    foreign = gateway(cast)
    Gateway.unscoped.filter(pk=foreign.pk).update(workspace=cast.other)
    choose(domain, str(foreign.pk), "nonsense", "pigeon")
    assert rules_of(domain) == []


@pytest.mark.parametrize("kind", ["deployment.succeeded", "deployment.failed", "issuance.failed", "renewal.refused"])
def test_a_renewal_is_told_to_the_ticked_ones_alone(cast: Cast, domain: Domain, kind: str) -> None:
    ops = gateway(cast)
    choose(domain, str(ops.pk))
    record(kind, workspace_id=cast.acme.pk, domain_id=domain.pk, domain_label=domain.label, data={"targets": []})
    jobs.run_due("reaction")
    assert list(Delivery.unscoped.values_list("channel", "gateway")) == [("webhook", ops.pk)]


def test_the_page_shows_and_saves_them(cast: Cast, domain: Domain) -> None:
    ops = gateway(cast, name="Ops <b>")
    client = Client()
    client.force_login(cast.admin)
    deploy = f"/w/{cast.acme.pk}/domains/{domain.pk}/renew-deploy/"
    shown = client.get(deploy).content.decode()
    assert "Notify after each renewal" in shown
    assert "Ops &lt;b&gt;" in shown
    answer = client.post(f"/w/{cast.acme.pk}/domains/{domain.pk}/notify/", {"notify": ["email", str(ops.pk)]})
    assert answer.headers["Location"] == f"{deploy}#notify"
    assert client.get(deploy).content.decode().count('name="notify" value="email" checked') == 1


def test_members_see_what_is_ticked_and_cannot_change_it(cast: Cast, domain: Domain) -> None:
    choose(domain, "email")
    client = Client()
    client.force_login(cast.member)
    shown = client.get(f"/w/{cast.acme.pk}/domains/{domain.pk}/renew-deploy/").content.decode()
    assert "sent by the portal" in shown
    assert "Save notifications" not in shown
    assert client.post(f"/w/{cast.acme.pk}/domains/{domain.pk}/notify/").status_code == 403
