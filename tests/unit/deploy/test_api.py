"""Servers and targets over the API: flat fields, secrets that are never shown, refusals that name the field."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deploy.models import Server, Target
from deploy.ssh.keys import public_line
from deploy.unseal import login_key
from domains.models import Domain
from tests.cast import Cast
from tests.unit.deploy.test_runs import make_certificate

HOST_KEY = "SHA256:" + "a" * 43


class Api:
    def __init__(self, client: Client, cast: Cast) -> None:
        self._client = client
        self._token = cast.token(cast.admin)

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        answer = self._client.generic(
            method,
            f"/api{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self._token}"},
        )
        return answer.status_code, (answer.json() if answer.content else None)


@pytest.fixture
def api(client: Client, cast: Cast) -> Api:
    return Api(client, cast)


@pytest.fixture
def body(key_pair: tuple[str, str]) -> dict[str, Any]:
    return {
        "host": "web-01.example.net",
        "username": "mmc-deploy",
        "private_key": key_pair[0],
        "certificate_directories": ["/etc/nginx/ssl/shop"],
        "reload_commands": ["sudo -n systemctl reload nginx"],
    }


def add(api: Api, domain: Domain, body: dict[str, Any]) -> dict[str, Any]:
    status, target = api("POST", f"/domains/{domain.pk}/targets", body)
    assert status == 201, target
    return dict(target)


def test_a_target_takes_a_servers_fields_flat(
    api: Api, domain: Domain, body: dict[str, Any], key_pair: tuple[str, str]
) -> None:
    target = add(api, domain, body)
    assert target["server"]["host"] == "web-01.example.net"
    assert target["server"]["port"] == 22
    assert target["server"]["public_key"].startswith(key_pair[1])
    assert (target["position"], target["draft"], target["last_status"]) == (1, False, None)
    assert target["verify_ports"] == [443]
    assert target["file_names"]["key"] == "key.pem"
    assert target["host_key_fingerprint"] is None


def test_no_answer_holds_the_key_and_no_row_holds_it_in_clear(
    api: Api, domain: Domain, body: dict[str, Any], key_pair: tuple[str, str]
) -> None:
    target = add(api, domain, {**body, "passphrase": ""})
    line = key_pair[0].splitlines()[1]
    for path in ("/servers", f"/servers/{target['server']['id']}", f"/targets/{target['id']}"):
        assert line not in json.dumps(api("GET", path))
    assert line not in str(Server.unscoped.values("sealed_private_key").get())


def test_a_server_is_found_again_by_host_port_and_user(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    first = add(api, domain, body)
    second = add(api, domain, {**body, "private_key": "", "certificate_directories": ["/etc/haproxy/certs"]})
    assert first["server"]["id"] == second["server"]["id"]
    assert second["position"] == 2
    third = add(api, domain, {"server": first["server"]["id"], "certificate_directories": ["/srv/tls"]})
    assert third["server"]["id"] == first["server"]["id"]


def test_a_pinned_fingerprint_is_trusted_from_the_start(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    assert add(api, domain, {**body, "host_key_fingerprint": HOST_KEY})["host_key_fingerprint"] == HOST_KEY


def test_trusting_pins_and_moving_to_another_host_drops_the_pin(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    target = add(api, domain, body)
    status, trusted = api("POST", f"/targets/{target['id']}/trust", {"fingerprint": f"256 {HOST_KEY} root@x (ED25519)"})
    assert (status, trusted["host_key_fingerprint"]) == (200, HOST_KEY)
    status, moved = api("PATCH", f"/targets/{target['id']}", {"host": "web-02.example.net"})
    assert (status, moved["host_key_fingerprint"]) == (200, None)
    assert moved["server"]["has_private_key"]
    assert Server.unscoped.count() == 1


def test_a_server_that_others_use_stays_where_it_is(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    first, second = add(api, domain, body), add(api, domain, {**body, "certificate_directories": ["/srv/tls"]})
    status, moved = api("PATCH", f"/targets/{second['id']}", {**body, "host": "web-02.example.net"})
    assert status == 200
    assert moved["server"]["id"] != first["server"]["id"]
    assert api("GET", f"/targets/{first['id']}")[1]["server"]["host"] == "web-01.example.net"


def test_patching_changes_what_is_named_and_nothing_else(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    target = add(api, domain, {**body, "verify_ports": [443, 465]})
    status, changed = api("PATCH", f"/targets/{target['id']}", {"reload_commands": []})
    assert (status, changed["reload_commands"]) == (200, [])
    assert changed["certificate_directories"] == body["certificate_directories"]
    assert changed["verify_ports"] == [443, 465]
    assert api("PATCH", f"/targets/{target['id']}", {"verify_ports": []})[1]["verify_ports"] == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"host": "no host"}, "host", "host_malformed"),
        ({"host": ""}, "host", "host_malformed"),
        ({"port": 0}, "port", "ssh_port_not_allowed"),
        ({"username": "-oProxyCommand=id"}, "username", "username_not_allowed"),
        ({"private_key": "hello"}, "private_key", "ssh_key_unreadable"),
        ({"certificate_directories": ["/etc/$(id)"]}, "certificate_directories", "directory_not_allowed"),
        ({"certificate_directories": ["/etc/sudoers.d"]}, "certificate_directories", "directory_not_allowed"),
        ({"certificate_directories": []}, "certificate_directories", "target_incomplete"),
        ({"private_key": ""}, "private_key", "target_incomplete"),
        ({"file_names": {"key": "../key"}}, "file_names", "file_name_not_allowed"),
        ({"file_names": {"other": "x"}}, "file_names.other", "input_invalid"),
        ({"reload_commands": ["a\nb"]}, "reload_commands", "command_not_allowed"),
        ({"verify_ports": [70000]}, "verify_ports", "ports_not_allowed"),
        ({"host_key_fingerprint": "SHA256:short"}, "host_key_fingerprint", "fingerprint_malformed"),
        ({"chown": "root;id"}, "chown", "owner_not_allowed"),
        ({"webroot": "/var/www/$(id)"}, "webroot", "webroot_not_allowed"),
        ({"webroot": "/var/www/html/.well-known/acme-challenge"}, "webroot", "webroot_not_allowed"),
        ({"standalone_port": 70000}, "standalone_port", "listener_port_not_allowed"),
        ({"webroot": "/var/www/html", "standalone": True}, "standalone", "http01_both_ways"),
        ({"certificate_directories": "/srv"}, "certificate_directories", "input_invalid"),
    ],
)
def test_bad_input_names_its_field_and_makes_nothing(
    api: Api, domain: Domain, body: dict[str, Any], change: dict[str, Any], field: str, code: str
) -> None:
    status, problem = api("POST", f"/domains/{domain.pk}/targets", {**body, **change})
    assert (status, problem["code"], list(problem["fields"])) == (422, code, [field]), problem
    assert not Target.unscoped.exists()
    assert not Server.unscoped.exists()


def test_sudo_and_owner_are_kept_and_changed_one_by_one(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    target = add(api, domain, {**body, "use_sudo": True, "chown": "opensips:opensips"})
    assert (target["use_sudo"], target["chown"]) == (True, "opensips:opensips")
    path = f"/targets/{target['id']}"
    assert api("PATCH", path, {"use_sudo": False})[1]["chown"] == "opensips:opensips"
    assert api("PATCH", path, {"chown": ""})[1]["use_sudo"] is False


def test_a_key_pair_can_be_made_here(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    target = add(api, domain, {**body, "private_key": None, "make_key": True})
    public = target["server"]["public_key"]
    assert public.startswith("ssh-ed25519 AAAA")
    server = Server.unscoped.get()
    assert public_line(login_key(server)) == public, "the private half is on file"
    api("PATCH", f"/targets/{target['id']}", {"chown": "x"})
    assert Server.unscoped.get().public_key == public, "it is made once"


def test_a_passphrase_without_its_key_is_named(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    target = add(api, domain, body)
    status, problem = api("PATCH", f"/servers/{target['server']['id']}", {"passphrase": "secret"})
    assert (status, problem["code"], list(problem["fields"])) == (422, "ssh_key_passphrase_alone", ["passphrase"])


def test_a_draft_may_lack_what_a_deployment_needs(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    target = add(api, domain, {"host": body["host"], "username": "x", "draft": True})
    assert target["draft"]


def test_a_server_in_use_stays_and_an_unused_one_goes(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    target = add(api, domain, {**body, "host_key_fingerprint": HOST_KEY})
    path = f"/servers/{target['server']['id']}"
    status, problem = api("DELETE", path)
    assert (status, problem["code"]) == (409, "server_in_use")
    assert api("DELETE", f"/targets/{target['id']}")[0] == 204
    assert api("DELETE", path)[0] == 204
    assert not Server.unscoped.exists()


def test_deploying_without_certificate_or_target_is_refused_before_the_body_is_read(api: Api, domain: Domain) -> None:
    status, problem = api("POST", f"/domains/{domain.pk}/deployments", {"certificate": "no id"})
    assert (status, problem["code"]) == (409, "deploy_no_certificate")


def test_deploying_names_each_missing_thing(api: Api, domain: Domain, body: dict[str, Any]) -> None:
    add(api, domain, {"host": body["host"], "username": "x", "draft": True})
    add(api, domain, {**body, "host": "web-02.example.net", "draft": True})
    _, problem = api("POST", f"/domains/{domain.pk}/deployments", {})
    for missing in (
        "a certificate with its private key",
        "web-01.example.net: Private key, Certificate directories on server",
        "web-01.example.net: Test SSH, then Trust this key",
        "web-02.example.net: Save deployment settings",
        "web-02.example.net: Test SSH, then Trust this key",
    ):
        assert missing in problem["fix"]
    make_certificate(domain)
    _, problem = api("POST", f"/domains/{domain.pk}/deployments", {})
    assert problem["code"] == "deploy_no_target"
    assert "web-02.example.net: Save deployment settings" in problem["fix"]
    assert "a certificate" not in problem["fix"].split("Still missing")[1]


def test_the_button_names_each_missing_thing(client: Client, cast: Cast, domain: Domain) -> None:
    client.force_login(cast.admin)
    url = reverse("deploy:deployment-start", args=[cast.acme.pk, domain.pk])
    text = client.post(url, follow=True).content.decode()
    assert (
        "Still missing: a certificate with its private key (Let&#x27;s Encrypt tab); a server or a hosting panel"
        in text
    )
