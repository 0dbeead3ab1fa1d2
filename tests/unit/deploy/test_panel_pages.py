"""`Install certificate`: the detected platform first, guided forms, secrets that go in and never come out."""

import re
from collections.abc import Sequence
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from config.lib import clock
from config.lib.sealed import Sealed
from deploy.models import PanelAccount, PanelTarget, TargetRun
from domains.hosting.platforms import PLATFORMS
from domains.models import Domain, Hosting, Mode
from tests.cast import Cast
from tests.unit.deploy.test_panels_api import secret_of

DIGEST = "ab" * 32
TYPED = {
    "panel-host": "panel.hoster.example",
    "panel-port": "2083",
    "panel-username": "acmeuser",
    "panel-api_token": "very-secret-token",
}


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.admin)
    return client


@pytest.fixture
def tab(domain: Domain) -> str:
    return reverse("deploy:domain-deploy", args=[domain.workspace_id, domain.pk])


def detect(domain: Domain, *platforms: str, path: str = "", vendor: str = "") -> Hosting:
    badges = [{"platform": one, "confidence": 90, "because": ["a header"]} for one in platforms]
    results = {"badges": badges, "path": path, "vendor": vendor}
    return Hosting.objects.create(workspace=domain.workspace, domain=domain, results=results, detected_at=clock.now())


def add(admin: Client, tab: str, then: str = "save", kind: str = "cpanel", **changes: str) -> str:
    answer = admin.post(f"{tab}panels/add/?kind={kind}", {**TYPED, "then": then, **changes}, follow=True)
    return unescape(answer.content.decode())


def in_order(text: str, *parts: str) -> bool:
    places = [text.index(part) for part in parts]
    return places == sorted(places)


def test_the_detected_panel_stands_first_and_the_others_behind(admin: Client, tab: str, domain: Domain) -> None:
    detect(domain, "plesk", "nginx", path="panel")
    text = admin.get(tab).content.decode()
    assert in_order(text, "Install certificate", "Connect Plesk", "Another platform", "Connect cPanel")
    assert in_order(text, "Another platform", "orange cloud", "Universal SSL stays as it is", "Connect Cloudflare")


def test_without_a_detection_every_panel_is_offered(admin: Client, tab: str) -> None:
    text = admin.get(tab).content.decode()
    assert in_order(text, "Choose your platform", "Connect cPanel", "Connect Plesk", "Connect Cloudflare")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("cpanel", ["Security, Manage API Tokens, Create", "feature SSL/TLS", "2083"]),
        ("plesk", ["plesk bin secret_key --create", "XML API", "8443"]),
        ("cloudflare", ["Create Custom Token", "Zone, SSL and Certificates, Edit", "Full (strict)", "Universal SSL"]),
    ],
)
def test_the_form_says_where_to_click_and_which_rights_suffice(
    admin: Client, tab: str, kind: str, words: Sequence[str]
) -> None:
    text = unescape(admin.get(f"{tab}panels/add/?kind={kind}").content.decode())
    for word in words:
        assert word in text


def test_a_saved_panel_is_in_use_and_its_secret_is_never_shown(admin: Client, tab: str) -> None:
    text = add(admin, tab)
    place = PanelTarget.unscoped.get()
    assert not place.is_draft
    assert "cPanel panel.hoster.example is saved." in text
    assert "very-secret-token" not in text
    change = reverse("deploy:panel-change", args=[place.workspace_id, place.pk])
    form = admin.get(change).content.decode()
    assert "Stored, sealed" in form
    assert "very-secret-token" not in form
    assert "acmeuser" in form


def test_a_test_keeps_a_draft_and_looks(admin: Client, tab: str) -> None:
    add(admin, tab, then="test")
    place, run = PanelTarget.unscoped.get(), TargetRun.unscoped.get()
    assert (place.is_draft, run.kind, run.panel_target_id, run.label) == (
        True,
        "test",
        place.pk,
        "cPanel panel.hoster.example",
    )
    text = admin.get(tab).content.decode()
    assert "Save panel" in text
    assert 'hx-trigger="every 1s"' in text
    admin.post(reverse("deploy:panel-use", args=[place.workspace_id, place.pk]))
    place.refresh_from_db()
    assert not place.is_draft


def test_what_cannot_work_is_said_beside_its_field(admin: Client, tab: str) -> None:
    for changes, words in (
        ({"panel-host": "not a host"}, "host"),
        ({"panel-port": "99999"}, "is no port"),
        ({"fingerprint_sha256": "AB"}, "This is no certificate fingerprint"),
    ):
        text = add(admin, tab, **changes)
        assert words in text
        assert "very-secret-token" not in text
    assert not PanelAccount.unscoped.exists()


def test_another_host_wants_the_credential_again(admin: Client, tab: str) -> None:
    add(admin, tab)
    place = PanelTarget.unscoped.get()
    change = reverse("deploy:panel-change", args=[place.workspace_id, place.pk])
    typed = {**TYPED, "panel-host": "evil.example", "panel-api_token": "", "then": "save"}
    answer = admin.post(change, typed)
    assert answer.status_code == 422
    assert "The credential is needed again" in answer.content.decode()
    admin.post(change, {**TYPED, "panel-api_token": "", "then": "save"})
    assert PanelAccount.unscoped.get().config["host"] == "panel.hoster.example"


def test_an_account_on_file_serves_another_domain_without_being_typed(admin: Client, tab: str, cast: Cast) -> None:
    add(admin, tab)
    account = PanelAccount.unscoped.get()
    other = Domain.objects.create(workspace=cast.acme, host="other.example.net")
    place = reverse("deploy:panel-add", args=[cast.acme.pk, other.pk])
    assert "cPanel panel.hoster.example" in admin.get(f"{place}?kind=cpanel").content.decode()
    admin.post(f"{place}?kind=cpanel", {"account": str(account.pk), "then": "save"})
    assert PanelTarget.unscoped.filter(account=account).count() == 2


def test_a_person_pins_what_the_panel_showed(admin: Client, tab: str) -> None:
    add(admin, tab, then="test")
    PanelAccount.unscoped.update(seen_fingerprint=DIGEST)
    place = PanelTarget.unscoped.get()
    assert "Trust this certificate" in admin.get(tab).content.decode()
    admin.post(reverse("deploy:panel-trust", args=[place.workspace_id, place.pk]), {"fingerprint": DIGEST})
    assert PanelAccount.unscoped.get().fingerprint_sha256 == DIGEST
    assert "Trust this certificate" not in admin.get(tab).content.decode()


def test_somebody_elses_certificate_waits_for_a_person(admin: Client, tab: str) -> None:
    add(admin, tab)
    found = {"site": "example.net", "state": "failed", "detail": "not done", "code": "cloudflare_foreign"}
    params = {"zone": "example.net", "certificate": "f00", "names": "example.net"}
    PanelTarget.unscoped.update(sites=[{**found, "params": params}])
    assert "Replace that certificate" in admin.get(tab).content.decode()
    place = PanelTarget.unscoped.get()
    admin.post(reverse("deploy:panel-replace", args=[place.workspace_id, place.pk]), {"site": "example.net"})
    place.refresh_from_db()
    assert place.refs == {"example.net": "f00"}


OFFERED = ("Connect cPanel", "Upload certificate", "Save deployment settings", "Deploy now", "Use this mode")


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("vendor", ["shopify", "wix", "squarespace"])
def test_what_a_vendor_manages_is_offered_no_form_until_somebody_doubts_it(
    admin: Client, tab: str, domain: Domain, vendor: str, mode: Mode
) -> None:
    Domain.unscoped.update(mode=mode)
    row = detect(domain, vendor, path="monitor", vendor=vendor)
    text = unescape(admin.get(tab).content.decode())
    assert f"{PLATFORMS[vendor].label} issues and renews the certificate of this site itself" in text
    assert [offered for offered in OFFERED if offered in text] == []
    assert ("Set to Monitor only" in text) == (mode != Mode.MONITOR)
    admin.post(f"{tab}panels/doubt/")
    row.refresh_from_db()
    assert row.is_doubted
    text = admin.get(tab).content.decode()
    assert [offered for offered in OFFERED if offered not in text] == []
    assert "manages this certificate" not in text


def test_monitor_only_is_what_a_vendors_domain_is_offered(admin: Client, tab: str, domain: Domain) -> None:
    Domain.unscoped.update(mode=Mode.DNS)
    detect(domain, "shopify", path="monitor", vendor="shopify")
    (action,) = re.findall(r'action="([^"]*)">(?:(?!</form>).)*value="monitor"', admin.get(tab).content.decode())
    admin.post(action, {"mode": "monitor"})
    assert Domain.unscoped.get(pk=domain.pk).mode == Mode.MONITOR


def test_what_was_set_up_before_is_reached_below_the_vendors_reason(admin: Client, tab: str, domain: Domain) -> None:
    detect(domain, "shopify", path="monitor", vendor="shopify")
    add(admin, tab)
    text = unescape(admin.get(tab).content.decode())
    assert in_order(text, "Shopify manages this certificate", "cPanel panel.hoster.example", "Change")


@pytest.mark.parametrize("platform", ["wordpress", "drupal", "joomla", "magento"])
def test_a_site_without_an_interface_gets_the_zip_and_its_servers_steps(
    admin: Client, tab: str, domain: Domain, platform: str
) -> None:
    detect(domain, platform, "apache", path="zip")
    text = unescape(admin.get(tab).content.decode())
    assert in_order(text, "itself has no place for a certificate", "download the ZIP", "SSLCertificateKeyFile")
    assert "/etc/ssl/managemycert/privkey.pem" in text
    assert "sudo apachectl configtest" in text
    assert "Another platform" in text


def test_a_member_looks_and_changes_nothing(client: Client, cast: Cast, tab: str, domain: Domain) -> None:
    client.force_login(cast.admin)
    add(client, tab)
    place = PanelTarget.unscoped.get()
    client.force_login(cast.member)
    text = client.get(tab).content.decode()
    assert "cPanel panel.hoster.example" in text
    assert "Connect" not in text
    for name in ("panel-test", "panel-use", "panel-trust", "panel-replace", "panel-delete", "panel-change"):
        assert client.post(reverse(f"deploy:{name}", args=[place.workspace_id, place.pk])).status_code == 403


def test_removing_the_last_domain_destroys_the_credential(admin: Client, tab: str) -> None:
    add(admin, tab)
    place = PanelTarget.unscoped.get()
    url = reverse("deploy:panel-delete", args=[place.workspace_id, place.pk])
    assert "The credential is destroyed" in admin.get(url).content.decode()
    admin.post(url)
    assert not PanelAccount.unscoped.exists()


def test_what_is_connected_is_not_offered_first_any_more(admin: Client, tab: str, domain: Domain) -> None:
    detect(domain, "cpanel", path="panel")
    text = add(admin, tab)
    assert "was detected on this domain" not in text
    assert in_order(text, "cPanel panel.hoster.example", "Another platform", "Connect cPanel")


def change_url(place: PanelTarget) -> str:
    return reverse("deploy:panel-change", args=[place.workspace_id, place.pk])


def other_domain(cast: Cast, host: str = "other.example.net") -> Domain:
    return Domain.objects.create(workspace=cast.acme, host=host)


def tab_of(domain: Domain) -> str:
    return reverse("deploy:domain-deploy", args=[domain.workspace_id, domain.pk])


class TestThePin:
    def test_an_emptied_field_forgets_it(self, admin: Client, tab: str) -> None:
        add(admin, tab, fingerprint_sha256=DIGEST)
        place = PanelTarget.unscoped.get()
        assert place.account.fingerprint_sha256 == DIGEST
        kept = {**TYPED, "panel-api_token": "", "then": "save"}
        admin.post(change_url(place), {**kept, "fingerprint_sha256": DIGEST})
        assert PanelAccount.unscoped.get().fingerprint_sha256 == DIGEST
        admin.post(change_url(place), {**kept, "fingerprint_sha256": ""})
        assert PanelAccount.unscoped.get().fingerprint_sha256 == ""

    @pytest.mark.parametrize("moved", [{"panel-host": "new.hoster.example"}, {"panel-port": "2087"}])
    def test_the_old_machines_is_not_brought_along(self, admin: Client, tab: str, moved: dict[str, str]) -> None:
        add(admin, tab, fingerprint_sha256=DIGEST)
        place = PanelTarget.unscoped.get()
        admin.post(change_url(place), {**TYPED, **moved, "fingerprint_sha256": DIGEST, "then": "save"})
        account = PanelAccount.unscoped.get()
        assert (account.config["host"], account.config["port"]) != (TYPED["panel-host"], TYPED["panel-port"])
        assert account.fingerprint_sha256 == ""

    def test_one_that_is_typed_for_the_new_machine_stays(self, admin: Client, tab: str) -> None:
        add(admin, tab, fingerprint_sha256=DIGEST)
        typed = {**TYPED, "panel-host": "new.hoster.example", "fingerprint_sha256": "cd" * 32, "then": "save"}
        admin.post(change_url(PanelTarget.unscoped.get()), typed)
        assert PanelAccount.unscoped.get().fingerprint_sha256 == "cd" * 32

    def test_another_user_at_the_same_machine_keeps_it(self, admin: Client, tab: str) -> None:
        add(admin, tab, fingerprint_sha256=DIGEST)
        typed = {**TYPED, "panel-username": "other", "fingerprint_sha256": DIGEST, "then": "save"}
        admin.post(change_url(PanelTarget.unscoped.get()), typed)
        account = PanelAccount.unscoped.get()
        assert (account.config["username"], account.fingerprint_sha256) == ("other", DIGEST)


class TestAnAccountOfSeveralDomains:
    def test_its_form_says_whose_it_is_before_anything_is_saved(self, admin: Client, tab: str, cast: Cast) -> None:
        add(admin, tab)
        place = PanelTarget.unscoped.get()
        assert "used by" not in admin.get(change_url(place)).content.decode()
        for host in ("a.example.net", "b.example.net", "c.example.net"):
            other = other_domain(cast, host)
            PanelTarget.objects.create(workspace=cast.acme, domain=other, account=place.account)
        text = unescape(admin.get(change_url(place)).content.decode())
        assert "used by 4 domains: a.example.net, b.example.net, c.example.net and 1 more" in text

    def test_a_typed_credential_replaces_theirs_only_when_somebody_says_so(
        self, admin: Client, tab: str, cast: Cast
    ) -> None:
        add(admin, tab)
        account = PanelAccount.unscoped.get()
        other = other_domain(cast)
        for then in ("test", "save"):
            text = add(admin, tab_of(other), then=then, **{"panel-api_token": "another-token"})
            assert "This account is on file already" in text
            assert "1 domain: shop.example.net" in text
            assert "another-token" not in text
        assert secret_of(account) == "very-secret-token"
        assert PanelTarget.unscoped.count() == 1
        add(admin, tab_of(other), for_all="on", **{"panel-api_token": "another-token"})
        assert PanelTarget.unscoped.filter(account=account).count() == 2
        assert secret_of(PanelAccount.unscoped.get()) == "another-token"

    def test_its_own_domain_is_not_asked(self, admin: Client, tab: str) -> None:
        add(admin, tab, then="test")
        add(admin, tab, **{"panel-api_token": "another-token"})
        assert secret_of(PanelAccount.unscoped.get()) == "another-token"

    def test_accounts_are_told_apart_in_the_picker(self, admin: Client, tab: str, cast: Cast) -> None:
        add(admin, tab)
        add(admin, tab, **{"panel-username": "second"})
        add(admin, tab, **{"panel-port": "12083"})
        for zone in ("example.com", "example.org"):
            account = PanelAccount.objects.create(
                workspace=cast.acme, kind="cloudflare", sealed_secret=Sealed.of("token")
            )
            sites = [{"site": zone, "state": "installed", "detail": "installed", "code": ""}]
            domain = other_domain(cast, f"www.{zone}")
            PanelTarget.objects.create(workspace=cast.acme, domain=domain, account=account, sites=sites)
        other = tab_of(other_domain(cast))
        text = unescape(admin.get(f"{other}panels/add/?kind=cpanel").content.decode())
        for label in (
            "cPanel panel.hoster.example:2083, acmeuser, used by 1 domain: shop.example.net",
            "cPanel panel.hoster.example:2083, second, used by 1 domain: shop.example.net",
            "cPanel panel.hoster.example:12083, acmeuser, used by 1 domain: shop.example.net",
        ):
            assert text.count(label) == 1
        text = unescape(admin.get(f"{other}panels/add/?kind=cloudflare").content.decode())
        for label in (
            "Cloudflare, example.com, used by 1 domain: www.example.com",
            "Cloudflare, example.org, used by 1 domain: www.example.org",
        ):
            assert text.count(label) == 1

    def test_what_is_typed_beside_a_chosen_one_is_refused(self, admin: Client, tab: str, cast: Cast) -> None:
        add(admin, tab)
        account = PanelAccount.unscoped.get()
        other = tab_of(other_domain(cast))
        text = add(admin, other, account=str(account.pk))
        assert "Server stands beside an account on file" in text
        assert PanelTarget.unscoped.count() == 1
        admin.post(f"{other}panels/add/?kind=cpanel", {"account": str(account.pk), "panel-port": "2083"})
        assert PanelTarget.unscoped.count() == 2, "the usual port stood there already"


def test_a_panel_does_not_move_to_an_account_that_the_domain_has(admin: Client, tab: str) -> None:
    add(admin, tab)
    add(admin, tab, **{"panel-username": "second"})
    second = PanelTarget.unscoped.get(account__config__username="second")
    answer = admin.post(change_url(second), {**TYPED, "then": "save"})
    assert answer.status_code == 422
    assert "shop.example.net has the account cPanel panel.hoster.example already" in answer.content.decode()
    assert PanelTarget.unscoped.count() == PanelAccount.unscoped.count() == 2
