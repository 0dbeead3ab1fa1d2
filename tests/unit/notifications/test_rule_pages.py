"""Settings, Alert rules: the list, the form with its preview, and what becomes of a rule."""

from datetime import datetime
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from auditlog.models import Event
from config.lib import clock, jobs
from domains.models import Domain, DomainTag
from notifications.models import AlertTemplate, Delivery, Gateway, Rule
from notifications.rules.saving import RULES_AT_MOST
from notifications.rules.watching import domains_moved
from tests.cast import Cast, make_cast
from tests.unit.notifications.watched import make_rule, only, watched

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

GIVEN = {
    "name": "On call",
    "trigger": "expiry",
    "days_before_expiry": "14",
    "domain": "",
    "tag": "",
    "through": "email",
    "recipients": "",
    "template": "",
    "digest": "",
}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


@pytest.fixture
def member(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.member)
    return client


def url(cast: Cast, rest: str = "") -> str:
    return f"/w/{cast.acme.pk}/settings/rules/{rest}"


def page(answer: Any) -> str:
    """Without the places at which long names may break."""
    return " ".join(answer.content.decode().replace("<wbr>", "").split())


def rules(cast: Cast) -> list[Rule]:
    return list(Rule.objects.for_workspace(cast.acme).order_by("created_at", "id"))


def slack(cast: Cast, paused_at: datetime | None = None) -> Gateway:
    return Gateway.objects.create(workspace=cast.acme, channel="slack", name="ops", paused_at=paused_at)


def test_an_empty_list_teaches(cast: Cast, client: Client, member: Client) -> None:
    Rule.objects.for_workspace(cast.acme).delete()
    assert "Nobody is told of anything" in page(client.get(url(cast)))
    assert "New rule" in page(client.get(url(cast)))
    assert "New rule" not in page(member.get(url(cast)))


def test_a_rule_is_made_with_everything(cast: Cast, client: Client) -> None:
    domain = watched(cast.acme, "www.example.org", days=40)
    gateway = slack(cast)
    template = AlertTemplate.objects.create(workspace=cast.acme, channel="slack", name="Ours", body="x")
    given = {**GIVEN, "domain": " WWW.example.org", "through": f"slack:{gateway.pk}", "template": template.pk}
    answer = client.post(url(cast, "add/"), given, follow=True)
    assert "On call is saved" in page(answer)
    rule = rules(cast)[-1]
    assert (rule.domain, rule.gateway, rule.template, rule.days_before_expiry) == (domain, gateway, template, 14)
    assert (rule.is_default, rule.paused_at) == (False, None)
    shown = page(client.get(url(cast)))
    assert "14 days before expiry" in shown
    assert "Slack (ops)" in shown


def test_a_domain_is_found_in_its_own_script(cast: Cast, client: Client) -> None:
    domain = watched(cast.acme, "xn--bcher-kva.de")
    assert client.post(url(cast, "add/"), {**GIVEN, "domain": "https://Bücher.de/"}).status_code == 302
    assert rules(cast)[-1].domain == domain


def test_mail_to_addresses_and_a_digest(cast: Cast, client: Client) -> None:
    given = {**GIVEN, "tag": "Shop", "recipients": "ann@example.net\r\n bob@example.net \r\n", "digest": "daily"}
    assert client.post(url(cast, "add/"), given).status_code == 302
    rule = rules(cast)[-1]
    assert (rule.tag, rule.recipients, rule.digest) == ("shop", ["ann@example.net", "bob@example.net"], "daily")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "It speaks of what is so already within a minute or two."),
        ({"trigger": "problem"}, "It speaks of what is so already within a minute or two."),
        ({"trigger": "renewal"}, "It speaks when that happens."),
        ({"digest": "daily"}, "speaks at 08:00 of the workspace"),
    ],
)
def test_whoever_saves_a_rule_is_told_when_it_begins(
    cast: Cast, client: Client, changes: dict[str, str], words: str
) -> None:
    assert words in page(client.post(url(cast, "add/"), {**GIVEN, **changes}, follow=True))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": " "}, "name", "This field is required"),
        ({"days_before_expiry": ""}, "days_before_expiry", "How many days before expiry?"),
        ({"days_before_expiry": "-1"}, "days_before_expiry", "greater than or equal to 0"),
        ({"domain": "nobody.example.org"}, "domain", "The domain nobody.example.org is not in this workspace"),
        ({"domain": "no host:99999999"}, "domain", "The domain no host:99999999 is not in this workspace"),
        ({"domain": "www.example.org", "tag": "shop"}, "tag", "One domain or one tag"),
        ({"tag": "<b>"}, "tag", "&lt;b&gt;"),
        ({"through": "slack"}, "through", "Select a valid choice"),
        ({"through": "slack:nonsense"}, "through", "Select a valid choice"),
        ({"recipients": "not an address"}, "recipients", "not an address is no e-mail address"),
        ({"template": "nonsense"}, "template", "Select a valid choice"),
        ({"trigger": "changed", "digest": "daily"}, "digest", "Only rules about days before expiry gather"),
        ({"trigger": "nonsense"}, "trigger", "Select a valid choice"),
    ],
)
def test_a_mistake_is_told_beside_its_field(
    cast: Cast, client: Client, changes: dict[str, str], field: str, words: str
) -> None:
    watched(cast.acme, "www.example.org")
    before = len(rules(cast))
    answer = client.post(url(cast, "add/"), {**GIVEN, **changes})
    shown = page(answer)
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in shown
    assert words in shown
    assert len(rules(cast)) == before


def test_all_mistakes_are_told_at_once(cast: Cast, client: Client) -> None:
    wrong = {"domain": "nobody.example.org", "recipients": "ann", "days_before_expiry": ""}
    shown = page(client.post(url(cast, "add/"), {**GIVEN, **wrong}))
    assert [f'id="id_{name}_error"' in shown for name in wrong] == [True, True, True]


def test_the_list_of_rules_has_an_end(cast: Cast, client: Client) -> None:
    made = [Rule(workspace=cast.acme, name=str(n), channel="email", days_before_expiry=1) for n in range(RULES_AT_MOST)]
    Rule.unscoped.bulk_create(made)
    answer = client.post(url(cast, "add/"), GIVEN)
    assert (answer.status_code, f"{RULES_AT_MOST} rules already" in page(answer)) == (422, True)
    assert "of 204</span>" in page(client.get(url(cast)))
    assert "Next" in page(client.get(url(cast, "?q=1")))
    assert "No rule has “zebra”" in page(client.get(url(cast, "?q=zebra")))
    copied = client.post(url(cast, f"{rules(cast)[0].pk}/duplicate/"), follow=True)
    assert f"{RULES_AT_MOST} rules already" in page(copied)


def test_the_preview_follows_what_is_typed(cast: Cast, client: Client) -> None:
    near = watched(cast.acme, "near.example.org", days=5.5)
    watched(cast.acme, "far.example.org", days=60)
    DomainTag.objects.create(workspace=cast.acme, domain=near, name="shop")
    rows = Delivery.unscoped.count(), len(rules(cast))
    shown = page(client.post(url(cast, "preview/"), GIVEN, headers={"HX-Request": "true"}))
    assert "<form" not in shown
    assert "It speaks of 2 domains. Inside its days now: 1 (near.example.org)." in shown
    assert "Once it is saved it speaks of this within a minute or two." in shown
    assert "near.example.org: the certificate expires in 5 days" in shown
    assert "admin@example.org" in shown
    other = page(client.post(url(cast, "preview/"), {**GIVEN, "about": "far.example.org"}))
    assert "far.example.org: the certificate expires in" in other
    assert 'value="On call"' in other
    assert "It speaks of 1 domain." in page(client.post(url(cast, "preview/"), {**GIVEN, "tag": "shop"}))
    assert "It speaks of no domain" in page(client.post(url(cast, "preview/"), {**GIVEN, "tag": "nobody"}))
    assert (Delivery.unscoped.count(), len(rules(cast))) == rows


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trigger": "problem"}, "Nothing of the kind is wrong with near.example.org now"),
        ({"trigger": "renewal"}, "It is sent when it happens"),
        ({"trigger": "renewal_failed"}, "It is sent when it happens"),
        ({"digest": "daily"}, "near.example.org"),
        ({"digest": "daily", "days_before_expiry": "1"}, "No certificate is near enough to its end"),
        ({"recipients": "nonsense"}, "nonsense is no e-mail address"),
        ({"domain": "nobody.example.org"}, "is not in this workspace"),
        ({"name": ""}, "Fill in the form"),
    ],
)
def test_the_preview_says_why_nothing_would_be_sent(
    cast: Cast, client: Client, changes: dict[str, str], words: str
) -> None:
    watched(cast.acme, "near.example.org", days=5.5)
    answer = client.post(url(cast, "preview/"), {**GIVEN, **changes}, headers={"HX-Request": "true"})
    assert (answer.status_code, words in page(answer)) == (200, True)


def test_the_page_of_a_rule_shows_what_it_sends(cast: Cast, client: Client, member: Client) -> None:
    watched(cast.acme, "near.example.org", days=5.5)
    rule = only(cast.acme, recipients=["secret@example.net"])
    shown = page(client.get(url(cast, f"{rule.pk}/")))
    assert "it is sent within a minute" in shown
    assert "near.example.org: the certificate expires in 5 days" in shown
    assert "secret@example.net" in shown
    theirs = page(member.get(url(cast, f"{rule.pk}/")))
    assert "near.example.org: the certificate expires in 5 days" in theirs
    assert "secret@example.net" not in theirs
    assert "Delete" not in theirs


def test_a_rule_is_changed_paused_resumed_duplicated_and_deleted(cast: Cast, client: Client) -> None:
    rule = only(cast.acme)
    assert 'value="Thirty"' in page(client.get(url(cast, f"{rule.pk}/edit/")))
    client.post(url(cast, f"{rule.pk}/edit/"), {**GIVEN, "days_before_expiry": "21"})
    assert "is paused" in page(client.post(url(cast, f"{rule.pk}/pause/"), follow=True))
    rule.refresh_from_db()
    assert (rule.name, rule.days_before_expiry, rule.paused_at is not None) == ("On call", 21, True)
    assert "is on again" in page(client.post(url(cast, f"{rule.pk}/resume/"), follow=True))
    form = page(client.post(url(cast, f"{rule.pk}/duplicate/"), follow=True))
    assert "Change Copy of On call" in form
    assert "It is paused" in form
    assert [one.name for one in rules(cast)] == ["On call", "Copy of On call"]
    client.post(url(cast, f"{rule.pk}/delete/"))
    assert [one.name for one in rules(cast)] == ["Copy of On call"]
    kinds = ["rule.changed", "rule.paused", "rule.resumed", "rule.created", "rule.deleted"]
    assert list(Event.unscoped.filter(kind__startswith="rule.").order_by("at").values_list("kind", flat=True)) == kinds
    assert client.get(url(cast, f"{rule.pk}/")).status_code == 404


def test_a_draft_of_a_first_rule_is_told_as_it_will_be(cast: Cast, client: Client) -> None:
    """With another channel it stays scaled and silent about what renews itself; with other days it does not."""
    watched(cast.acme, "near.example.org", days=20, renew_at=clock.now())
    thirty = next(one for one in rules(cast) if one.days_before_expiry == 30)
    same = {**GIVEN, "name": thirty.name, "days_before_expiry": "30", "recipients": "ann@example.net"}
    form = url(cast, f"{thirty.pk}/preview/")
    assert "renews by itself" in page(client.post(form, same, headers={"HX-Request": "true"}))
    written = {**same, "days_before_expiry": "29"}
    assert "sent once the rule is saved" in page(client.post(form, written, headers={"HX-Request": "true"}))


def typed(client: Client, cast: Cast, rule: Rule, **changes: str) -> str:
    given = {**GIVEN, "name": rule.name, "days_before_expiry": str(rule.days_before_expiry), **changes}
    return page(client.post(url(cast, f"{rule.pk}/preview/"), given, headers={"HX-Request": "true"}))


def test_a_draft_that_goes_on_is_not_told_as_one_that_speaks_anew(cast: Cast, client: Client) -> None:
    rule = only(cast.acme)
    domains_moved([watched(cast.acme, "near.example.org", days=5.5).pk])
    jobs.run_due("watch")
    renamed = typed(client, cast, rule, name="Other")
    assert "again after the cooldown" in renamed
    assert "Once it is saved" not in renamed
    assert "Once it is saved" in typed(client, cast, rule, days_before_expiry="20")


def test_a_draft_of_a_paused_rule_is_not_told_as_one_that_speaks(cast: Cast, client: Client) -> None:
    rule = only(cast.acme, paused_at=clock.now())
    watched(cast.acme, "near.example.org", days=5.5)
    shown = typed(client, cast, rule, days_before_expiry="20")
    assert "as it is now: paused." in shown
    assert "Once it is saved" not in shown


def test_a_rule_that_reaches_nobody_says_so_and_nothing_else(cast: Cast, client: Client, member: Client) -> None:
    watched(cast.acme, "near.example.org", days=5.5)
    rule = only(cast.acme)
    EmailAddress.objects.filter(user=cast.admin).update(verified=False)
    for reader in (client, member):
        shown = page(reader.get(url(cast, f"{rule.pk}/")))
        assert "It reaches nobody: no admin has a confirmed address." in shown
        assert "No certificate of this domain was seen yet" not in shown


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "At once, and again after the alert cooldown"),
        ({"trigger": "problem"}, "At once, and again after the alert cooldown"),
        ({"trigger": "changed"}, "Each time it happens"),
        ({"trigger": "renewal"}, "Each time it happens"),
        ({"trigger": "renewal_failed"}, "Each time it happens"),
        ({"digest": "weekly"}, "One message a week"),
    ],
)
def test_the_page_of_a_rule_says_how_often(cast: Cast, client: Client, fields: dict[str, str], words: str) -> None:
    rule = only(cast.acme, **fields)
    assert f"<dt>How often</dt><dd>{words}</dd>" in page(client.get(url(cast, f"{rule.pk}/")))


def test_the_example_is_the_domain_that_ends_first_and_not_one_without_a_certificate(
    cast: Cast, client: Client
) -> None:
    Domain.objects.create(workspace=cast.acme, host="a.example.org", verified_at=clock.now())
    watched(cast.acme, "near.example.org", days=5.5)
    shown = page(client.post(url(cast, "preview/"), GIVEN))
    assert "near.example.org: the certificate expires in 5 days" in shown
    offered = '<option value="near.example.org"></option><option value="a.example.org">'
    assert offered in shown


def test_a_gateway_that_cannot_send_is_seen(cast: Cast, client: Client) -> None:
    gateway = slack(cast, paused_at=clock.now())
    rule = make_rule(cast.acme, channel="slack", gateway=gateway)
    watched(cast.acme, "near.example.org", days=5.5)
    assert "Its gateway is paused" in page(client.get(url(cast)))
    shown = page(client.get(url(cast, f"{rule.pk}/")))
    assert "platform mail to admin@example.org" in shown
    assert "Slack: ops (paused)" in page(client.get(url(cast, f"{rule.pk}/edit/")))


def test_hostile_names_are_shown_as_they_are(cast: Cast, client: Client) -> None:
    only(cast.acme, name="<script>alert(1)</script>{{ 7|add:7 }}")
    shown = page(client.get(url(cast)))
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7|add:7 }}" in shown
