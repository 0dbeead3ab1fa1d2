"""Settings, Servers: how each stands, what failed there, its host key, its key."""

from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from config.lib import clock
from deploy.models import Server, Target, TargetRun
from domains.models import Domain
from tests.cast import Cast
from tests.unit.deploy.test_runs import DENIED, OK, deploy, end, make_certificate, make_server, make_target

KEY = "SHA256:" + "B" * 43


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.admin)
    return client


@pytest.fixture
def target(domain: Domain) -> Target:
    make_certificate(domain)
    return make_target(domain, make_server(domain, "web-01"))


def page(server: Server, name: str = "show") -> str:
    return reverse(f"deploy:server-{name}", args=[server.workspace_id, server.pk])


def listing(admin: Client, domain: Domain) -> str:
    return admin.get(reverse("deploy:server-list", args=[domain.workspace_id])).content.decode()


@pytest.mark.both_databases
def test_the_list_says_how_each_server_stands(admin: Client, domain: Domain, target: Target) -> None:
    unused = make_server(domain, "unused")
    changed = make_server(domain, "changed")
    Server.unscoped.filter(pk=changed.pk).update(seen_host_key=KEY)
    fresh = make_server(domain, "fresh")
    Server.unscoped.filter(pk=fresh.pk).update(host_key_fingerprint="")
    text = listing(admin, domain)
    for words in ("In order", "Not used yet", "Shows another host key", "Host key not trusted yet", unused.host):
        assert words in text
    deploy(domain)
    end(target, DENIED)
    assert "1 of 1 not in order" in listing(admin, domain)


def test_its_targets_are_shown_page_by_page_and_the_lines_to_paste_are_of_all(
    admin: Client, domain: Domain, target: Target
) -> None:
    places = [f"/srv/tls-{number:02}" for number in range(51)]
    Target.unscoped.bulk_create(
        Target(
            workspace=domain.workspace,
            domain=domain,
            server=target.server,
            position=number + 2,
            is_draft=False,
            certificate_directories=[place],
        )
        for number, place in enumerate(places)
    )
    text = admin.get(page(target.server)).content.decode()
    assert "1\N{EN DASH}50 of 52" in text
    assert f"<code>{places[48]}</code>" in text
    assert f"<code>{places[49]}</code>" not in text
    assert f"-g mmc {places[50]}" in unescape(text)
    assert f"<code>{places[50]}</code>" in admin.get(page(target.server), {"page": "2"}).content.decode()


def test_the_page_shows_targets_and_what_failed_with_its_fix(admin: Client, domain: Domain, target: Target) -> None:
    deploy(domain)
    run = end(target, DENIED)
    assert run.error_code == "ssh_auth_failed"
    text = admin.get(page(target.server)).content.decode()
    assert domain.label in text
    assert "/srv/tls" in text
    assert "Lines to paste on this server" in text
    assert f'id="run-{run.pk}" open' in text
    deploy(domain)
    end(target, OK)
    assert "In order" in admin.get(page(target.server)).content.decode()


def test_a_changed_host_key_is_trusted_here_and_what_waited_goes_on(
    admin: Client, domain: Domain, target: Target
) -> None:
    deploy(domain)
    end(target, DENIED)
    Server.unscoped.filter(pk=target.server_id).update(seen_host_key=KEY, seen_host_key_at=clock.now())
    text = admin.get(page(target.server)).content.decode()
    assert "not the trusted one" in text
    admin.post(page(target.server, "trust"), {"fingerprint": KEY})
    assert Server.unscoped.get(pk=target.server_id).host_key_fingerprint == KEY
    assert TargetRun.unscoped.filter(target=target, state="waiting", run_after__lte=clock.now()).exists()
    assert "not the trusted one" not in admin.get(page(target.server)).content.decode()


def test_a_name_and_another_key_are_saved_and_the_key_is_not_shown(
    admin: Client, target: Target, key_pair: tuple[str, str]
) -> None:
    server = target.server
    answer = admin.post(page(server, "change"), {"name": "Front", "private_key": key_pair[0]}, follow=True)
    server.refresh_from_db()
    assert (server.name, server.public_key.split()[:2]) == ("Front", key_pair[1].split()[:2])
    assert key_pair[0].splitlines()[1] not in answer.content.decode()
    admin.post(page(server, "change"), {"name": "Back"})
    server.refresh_from_db()
    assert (server.name, server.public_key.split()[:2]) == ("Back", key_pair[1].split()[:2])
    wrong = admin.post(page(server, "change"), {"name": "x", "private_key": "no key"})
    assert wrong.status_code == 422
    assert "This is not a private key" in wrong.content.decode()


def test_a_server_in_use_stays_and_an_unused_one_is_forgotten(admin: Client, domain: Domain, target: Target) -> None:
    admin.post(page(target.server, "delete"))
    assert Server.unscoped.filter(pk=target.server_id).exists()
    unused = make_server(domain, "unused")
    assert "Forget" in admin.get(page(unused, "delete")).content.decode()
    admin.post(page(unused, "delete"))
    assert not Server.unscoped.filter(pk=unused.pk).exists()


def test_members_look_and_may_change_nothing(client: Client, cast: Cast, target: Target) -> None:
    client.force_login(cast.member)
    text = client.get(page(target.server)).content.decode()
    assert "Lines to paste" not in text
    assert "Another SSH private key" not in text
    for name in ("change", "trust", "delete"):
        assert client.post(page(target.server, name)).status_code == 403


def test_the_list_costs_the_same_for_many(admin: Client, domain: Domain, django_assert_max_num_queries: object) -> None:
    for number in range(60):
        make_server(domain, f"web-{number:02}")
    text = listing(admin, domain)
    assert text.count("Not used yet") == 50
    assert "50 of 60" in text


def test_old_runs_are_not_all_shown(admin: Client, domain: Domain, target: Target) -> None:
    deploy(domain)
    for _ in range(12):
        end(target, DENIED)
        TargetRun.unscoped.filter(target=target).update(created_at=clock.now() - timedelta(minutes=1))
        deploy(domain)
    assert admin.get(page(target.server)).content.decode().count('class="trail__run"') == 10
