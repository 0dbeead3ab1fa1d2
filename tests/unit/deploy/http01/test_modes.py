"""The four modes, what Enable auto-renew lacks, and Renew now."""

from datetime import timedelta
from html import unescape

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from auditlog.models import Event
from certificates.models import Certificate, Issuance, PrivateKey, Renewal, names_key
from config.lib import clock
from config.lib.sealed import Sealed
from deploy.models import Server, Target
from domains.models import Domain, Mode, Ownership, Visit
from tests.cast import Cast
from tests.unit.deploy.test_api import Api
from tests.unit.deploy.test_pages import row

pytestmark = pytest.mark.both_databases
HOST = "shop.acme-tools.net"
HOST_KEY = "SHA256:" + "a" * 43


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.admin)
    return client


@pytest.fixture
def domain(cast: Cast) -> Domain:
    """Of a name that exists in public, or no CA would be asked for it."""
    made = Domain.objects.create(workspace=cast.acme, host=HOST, verified_at=clock.now(), state="ok")
    Visit.objects.create(workspace=cast.acme, domain=made)
    return made


@pytest.fixture
def tab(domain: Domain) -> str:
    return reverse("deploy:domain-deploy", args=[domain.workspace_id, domain.pk])


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(Client(), cast)


def said(client: Client, url: str, **typed: str) -> str:
    return unescape(client.post(url, typed, follow=True).content.decode())


def test_four_cards_say_what_each_needs_and_keep_what_the_others_stored(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str]
) -> None:
    admin.post(f"{tab}save/", row(key_pair, webroot="/var/www/html"))
    page = unescape(admin.get(tab).content.decode())
    for label in ("Monitor only", "Let's Encrypt (DNS)", "Auto-renew (SSH)", "Upload & deploy"):
        assert page.count(f"<b>{label}</b>") == 1
    for mode in ("upload", "acme_auto", "dns", "monitor"):
        assert f"The mode is {Mode(mode).label} from now on." in said(admin, f"{tab}mode/", mode=mode)
        domain.refresh_from_db()
        assert domain.mode == mode
    assert Target.unscoped.get().webroot == "/var/www/html"
    assert "Choose one of the four modes." in said(admin, f"{tab}mode/", mode="magic")


def test_each_missing_thing_has_a_message_of_its_own(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str]
) -> None:
    admin.post(f"{tab}mode/", {"mode": "acme_auto"})
    Domain.unscoped.update(verified_at=None)
    page = said(admin, f"{tab}auto-renew/on/")
    for missing in (
        "proof that the domain is yours",
        "the SSH host",
        "the SSH username",
        "the SSH private key",
        "a certificate directory",
        "a webroot or the standalone listener on the first server",
        "the server's host key trusted (Test SSH, then Trust this key)",
    ):
        assert f"Auto-renew (SSH) still needs {missing}." in page
    assert not Renewal.unscoped.exists()


def ready(admin: Client, tab: str, key_pair: tuple[str, str], cast: Cast, domain: Domain) -> None:
    Ownership.objects.create(workspace=cast.acme, host=domain.host, proven_at=clock.now())
    admin.post(f"{tab}save/", row(key_pair, webroot="/var/www/html"))
    Server.unscoped.update(host_key_fingerprint=HOST_KEY)
    admin.post(f"{tab}mode/", {"mode": "acme_auto"})


def test_what_is_missing_goes_one_by_one_until_it_can_be_enabled(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str], cast: Cast
) -> None:
    ready(admin, tab, key_pair, cast, domain)
    target = Target.unscoped.get()
    Server.unscoped.update(host_key_fingerprint="")
    page = said(admin, f"{tab}auto-renew/on/")
    assert page.count("Auto-renew (SSH) still needs") == 1
    assert "host key trusted" in page
    Server.unscoped.update(host_key_fingerprint=HOST_KEY)
    Target.unscoped.update(webroot="", is_draft=True)
    assert said(admin, f"{tab}auto-renew/on/").count("Auto-renew (SSH) still needs") == 2
    Target.unscoped.filter(pk=target.pk).update(webroot="/var/www/html", is_draft=False)
    assert "*.shop.acme-tools.net" in said(
        admin, f"{tab}auto-renew/on/", names="*.shop.acme-tools.net shop.acme-tools.net"
    )
    assert not Renewal.unscoped.exists()
    page = said(admin, f"{tab}auto-renew/on/", names="shop.acme-tools.net www.shop.acme-tools.net")
    assert "It renews by itself from now on." in page
    renewal = Renewal.unscoped.get()
    assert renewal.names == ["shop.acme-tools.net", "www.shop.acme-tools.net"]
    assert renewal.run_after is not None
    assert renewal.run_after <= clock.now()
    assert "Nobody renews it by itself any more" in said(admin, f"{tab}auto-renew/off/")
    assert not Renewal.unscoped.exists()


def test_one_that_renews_and_lost_its_settings_says_what_is_missing(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str], cast: Cast
) -> None:
    ready(admin, tab, key_pair, cast, domain)
    admin.post(f"{tab}auto-renew/on/")
    Renewal.unscoped.update(renew_at=clock.now() + timedelta(days=20))
    issue = reverse("certificates:domain-issue", args=[domain.workspace_id, domain.pk])
    for url in (tab, issue):
        page = unescape(admin.get(url).content.decode())
        assert ("Renews by itself" in page, "Cannot renew yet" in page) == (True, False)
    Target.unscoped.update(webroot="")
    for url in (tab, issue):
        page = unescape(admin.get(url).content.decode())
        assert ("Renews by itself" in page, "Cannot renew yet" in page) == (False, True)
        assert "a webroot or the standalone listener on the first server" in page
    admin.post(f"{tab}auto-renew/off/")
    stored(domain, 60)
    page = unescape(admin.get(issue).content.decode())
    assert "The portal can renew it over HTTP, on the first server, once its settings are complete." in page


def test_why_the_ca_wants_it_replaced_is_a_link_on_both_tabs(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str], cast: Cast
) -> None:
    ready(admin, tab, key_pair, cast, domain)
    admin.post(f"{tab}auto-renew/on/")
    why = "https://ca.example.net/incident"
    Renewal.unscoped.update(renew_at=clock.now(), why="ari_past", explanation_url=why)
    for url in (tab, reverse("certificates:domain-issue", args=[domain.workspace_id, domain.pk])):
        page = unescape(admin.get(url).content.decode())
        assert "since the CA wants it replaced at once" in page
        assert f'href="{why}"' in page


def seen_at(cast: Cast, host: str, address: str) -> None:
    domain, _ = Domain.unscoped.get_or_create(workspace=cast.acme, host=host, defaults={"verified_at": clock.now()})
    Visit.unscoped.update_or_create(
        workspace=cast.acme, domain=domain, defaults={"address": address, "visited_at": clock.now()}
    )


def test_a_name_that_was_seen_elsewhere_is_named_with_both_addresses_and_refuses_nothing(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str], cast: Cast
) -> None:
    ready(admin, tab, key_pair, cast, domain)
    seen_at(cast, HOST, "192.0.2.7")
    seen_at(cast, f"www.{HOST}", "192.0.2.9")
    seen_at(cast, f"same.{HOST}", "192.0.2.7")
    seen_at(cast, f"six.{HOST}", "2001:db8::9")
    names = " ".join([HOST, *(f"{one}.{HOST}" for one in ("www", "same", "six", "unknown"))])
    page = said(admin, f"{tab}auto-renew/on/", names=names)
    assert "It renews by itself from now on." in page
    assert page.count("may lead elsewhere") == 1
    assert f"www.{HOST} may lead elsewhere" in page
    assert f"It was last seen at 192.0.2.9, and {HOST} at 192.0.2.7." in page
    seen_at(cast, f"www.{HOST}", "192.0.2.7")
    assert "may lead elsewhere" not in unescape(admin.get(tab).content.decode())


def stored(domain: Domain, days_left: int) -> Certificate:
    key = PrivateKey.objects.create(
        workspace=domain.workspace, domain=domain, sealed_pem=Sealed.of(b"x"), key_type="ecdsa-p256"
    )
    now = clock.now()
    return Certificate.objects.create(
        workspace=domain.workspace,
        domain=domain,
        names=[domain.host],
        names_key=names_key([domain.host]),
        leaf_pem="x",
        fingerprint_sha256="ab" * 32,
        serial="1",
        issuer="Test",
        key_type="ecdsa-p256",
        directory_url=settings.ACME_DIRECTORY_URL,
        not_before=now - timedelta(days=90 - days_left),
        not_after=now + timedelta(days=days_left),
        private_key=key,
    )


def test_renew_now_asks_once_before_its_time(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str], cast: Cast
) -> None:
    ready(admin, tab, key_pair, cast, domain)
    assert "Nobody renews shop.acme-tools.net by itself" in said(admin, f"{tab}renew/")
    admin.post(f"{tab}auto-renew/on/", {"names": domain.host})
    stored(domain, days_left=80)
    page = said(admin, f"{tab}renew/")
    assert "uses 1 of 5 this week" in page
    assert "Deploy now" in page
    assert Renewal.unscoped.get().asked_as is None
    page = said(admin, f"{tab}renew/", force="1")
    assert "It is being renewed now" in page
    assert ("Being renewed now" in page, "Renews by itself" in page) == (True, False)
    renewal = Renewal.unscoped.get()
    assert (renewal.asked_as is not None, renewal.is_forced) == (True, True)
    assert Event.unscoped.get(kind="renewal.requested").data["names"] == domain.host


def test_the_api_renews_by_force_only_before_its_time(
    api: Api, admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str], cast: Cast
) -> None:
    url = f"/domains/{domain.pk}/renew"
    assert api("POST", url, {})[1]["code"] == "renewal_is_off"
    ready(admin, tab, key_pair, cast, domain)
    status, problem = api("PUT", f"/domains/{domain.pk}/automation", {"mode": "acme_auto", "auto_renew": True})
    assert status == 200, problem
    stored(domain, days_left=80)
    status, problem = api("POST", url, {})
    assert (status, problem["code"]) == (409, "issuance_window")
    status, run = api("POST", url, {"force": True})
    assert (status, run["kind"], run["state"], run["issuance"]) == (202, "renew", "waiting", None)
    assert [event["kind"] for event in run["events"]] == ["renewal.requested"]
    assert domain.host in run["events"][0]["text"]
    assert api("POST", url, {"force": True})[1]["id"] == run["id"]
    assert api("GET", f"/runs/{run['id']}")[1]["state"] == "waiting"
    assert api("GET", f"/runs/{domain.pk}")[0] == 404


def test_the_api_tells_of_one_that_somebody_has_begun_by_hand(
    api: Api, admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str], cast: Cast
) -> None:
    ready(admin, tab, key_pair, cast, domain)
    api("PUT", f"/domains/{domain.pk}/automation", {"mode": "acme_auto", "auto_renew": True})
    begun = Issuance.objects.create(
        workspace=domain.workspace,
        domain=domain,
        names=[domain.host],
        names_key=names_key([domain.host]),
        directory_url=settings.ACME_DIRECTORY_URL,
        state=Issuance.State.PENDING_CHALLENGE,
        step=Issuance.Step.CHECK_RECORDS,
    )
    status, run = api("POST", f"/domains/{domain.pk}/renew", {"force": True})
    assert (status, run["id"], run["issuance"], run["state"]) == (202, str(begun.pk), str(begun.pk), "running")
    assert api("GET", f"/runs/{begun.pk}")[1]["state"] == "running"


def test_the_api_names_all_that_is_missing(
    api: Api, admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str], cast: Cast
) -> None:
    url, wanted = f"/domains/{domain.pk}/automation", {"mode": "acme_auto", "auto_renew": True}
    status, problem = api("PUT", url, wanted)
    assert (status, problem["code"]) == (409, "auto_renew_incomplete")
    assert "the SSH host, the SSH username" in problem["detail"]
    ready(admin, tab, key_pair, cast, domain)
    status, problem = api("PUT", url, {**wanted, "names": [f"*.{domain.host}"]})
    assert (status, problem["code"]) == (409, "http01_wildcard")
    assert api("PUT", url, wanted)[1]["auto_renew"] is True


def test_the_domain_is_always_among_the_names(
    api: Api, admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str], cast: Cast
) -> None:
    ready(admin, tab, key_pair, cast, domain)
    www = f"www.{domain.host}"
    wanted = {"mode": "acme_auto", "auto_renew": True, "names": [www]}
    assert api("PUT", f"/domains/{domain.pk}/automation", wanted)[1]["names"] == [domain.host, www]
    wanted["names"] = [www, domain.host]
    assert api("PUT", f"/domains/{domain.pk}/automation", wanted)[1]["names"] == [www, domain.host]
