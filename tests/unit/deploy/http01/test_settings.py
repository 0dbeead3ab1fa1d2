"""Webroot and listener of a target: what may be typed, where it is kept, and who is told that it counts."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from auditlog.models import Event
from config.lib.errors import NeedsUser
from deploy.http01.answering import Http01, check_listener_port, check_webroot, http01_of
from deploy.models import Target
from domains.models import Domain
from tests.cast import Cast
from tests.unit.deploy.test_pages import row


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("  /var/www/html/ ", "/var/www/html"),
        ("/usr/share/nginx/html", "/usr/share/nginx/html"),
        ("/home/mmc-deploy/acme-webroot", "/home/mmc-deploy/acme-webroot"),
        ("/srv/www/shop.example.com/current", "/srv/www/shop.example.com/current"),
        ("/" + "a" * 199, "/" + "a" * 199),
    ],
)
def test_ordinary_webroots_are_taken_as_they_are(text: str, path: str) -> None:
    assert check_webroot(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "/", "//", "var/www", "~/www", "/etc", "/etc/nginx", "/root", "/home", "/tmp", "/var", "/proc/self", "/run/x",
        "/dev/shm", "/home/a/.ssh", "/usr/bin", "/var/www/..", "/var/./www", "/var//www", "/var/www/.well-known",
        "/var/www/.well-known/acme-challenge", "/var/www/.mmc-stage-x", "/var/www/*", "/var/www/$(id)", "/var/a b",
        "/var/a\nb", "/var/a\0b", "/var/é", "/" + "a" * 200,
    ],
)  # fmt: skip
def test_tricks_and_system_folders_are_refused(text: str) -> None:
    with pytest.raises(NeedsUser, match="webroot_not_allowed") as caught:
        check_webroot(text)
    assert caught.value.params["path"].isprintable()


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_is_a_port(port: int) -> None:
    assert check_listener_port(8080) == 8080
    with pytest.raises(NeedsUser, match="listener_port_not_allowed"):
        check_listener_port(port)


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.admin)
    return client


@pytest.fixture
def tab(domain: Domain) -> str:
    return reverse("deploy:domain-deploy", args=[domain.workspace_id, domain.pk])


def test_the_form_keeps_both_ways_and_tells_whom_it_concerns(
    admin: Client, tab: str, key_pair: tuple[str, str]
) -> None:
    admin.post(f"{tab}save/", row(key_pair, webroot="/var/www/html/"))
    first = Target.unscoped.get()
    assert http01_of(first) == Http01("/var/www/html")
    assert Event.unscoped.get(kind="target.saved").data["after"]["http01"]["webroot"] == "/var/www/html"
    typed = row(
        key_pair, key=first.pk, private_key="", standalone="on", standalone_port="8080", standalone_use_sudo="on"
    )
    page = admin.post(f"{tab}save/", typed, follow=True)
    first.refresh_from_db()
    assert http01_of(first) == Http01("", standalone=True, port=8080, use_sudo=True)
    assert "This is the first server, so it answers the CA" in page.content.decode()
    more = admin.get(f"{tab}?add=1").content.decode()
    assert "Only the first server answers the CA." in more


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"webroot": "/var/www/$(id)"}, "/var/www/$(id) cannot be the webroot"),
        ({"standalone": "on", "standalone_port": "0"}, "0 is no port"),
        ({"standalone": "on", "webroot": "/var/www/html"}, "A webroot and the standalone listener exclude each other"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    admin: Client, tab: str, key_pair: tuple[str, str], typed: dict[str, Any], said: str
) -> None:
    answer = admin.post(f"{tab}save/", row(key_pair, **typed))
    assert answer.status_code == 422
    assert said in unescape(answer.content.decode())
    assert not Target.unscoped.exists()
