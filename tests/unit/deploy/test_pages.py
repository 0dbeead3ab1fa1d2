"""The Renew & deploy tab: rows, drafts, what is missing; secrets go in and never come out."""

from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from auditlog.models import Event
from deploy import sudoers
from deploy.models import Deployment, Server, Target, TargetRun
from domains.models import Domain
from tests.cast import Cast
from tests.unit.deploy.test_runs import make_server, make_target


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.admin)
    return client


@pytest.fixture
def tab(domain: Domain) -> str:
    return reverse("deploy:domain-deploy", args=[domain.workspace_id, domain.pk])


def row(key_pair: tuple[str, str], key: object = "new", **changes: str) -> dict[str, str]:
    fields = {
        "host": "web-01.example.net",
        "port": "22",
        "username": "mmc-deploy",
        "private_key": key_pair[0],
        "directories": "/etc/nginx/ssl/shop\n",
        "commands": "sudo -n systemctl reload nginx",
        **changes,
    }
    return {f"t-{key}-{name}": value for name, value in fields.items()}


def test_only_looks_are_shown_live(admin: Client, domain: Domain) -> None:
    for kind, status in (("test", 200), ("detect", 200), ("deploy", 404), ("undo", 404)):
        run = TargetRun.objects.create(workspace=domain.workspace, domain=domain, kind=kind)
        url = reverse("deploy:run-live", args=[domain.workspace_id, run.pk])
        assert admin.get(url, headers={"HX-Request": "true"}).status_code == status, kind


def test_the_empty_tab_opens_with_one_row_and_names_what_is_missing(admin: Client, tab: str) -> None:
    text = admin.get(tab).content.decode()
    for label in ("Advanced", "Test SSH", "Save deployment settings", "Add server", "Deploy now", "SSH private key",
                  "Certificate directories on server", "Reload/restart commands", "Use custom file names",
                  "Files that will be written"):  # fmt: skip
        assert label in text
    assert "a server or a hosting panel" in text
    assert "a certificate with its private key" in text


def test_saving_makes_a_target_and_never_shows_the_key_again(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str]
) -> None:
    answer = admin.post(f"{tab}save/", row(key_pair), follow=True)
    target = Target.unscoped.get()
    assert not target.is_draft
    assert target.certificate_directories == ["/etc/nginx/ssl/shop"]
    text = answer.content.decode()
    assert "Deployment settings saved." in text
    assert "/etc/nginx/ssl/shop/fullchain.pem" in text
    assert key_pair[0].splitlines()[1] not in text
    assert "Stored, sealed (ed25519)" in text
    event = Event.unscoped.get(kind="target.saved")
    assert event.data["after"]["commands"] == ["sudo -n systemctl reload nginx"]


def test_sudo_shows_the_exact_lines_and_a_made_key_its_public_half(
    admin: Client, tab: str, key_pair: tuple[str, str]
) -> None:
    typed = row(key_pair, private_key="", make_key="on", use_sudo="on", owner="opensips:opensips")
    text = unescape(admin.post(f"{tab}save/", typed, follow=True).content.decode())
    target = Target.unscoped.get()
    assert (target.use_sudo, target.owner, target.is_draft) == (True, "opensips:opensips", False)
    assert target.server.public_key in text
    assert sudoers.install_rule("mmc-deploy", target) in text
    gives_away = "sudo install -d -m 755 -o mmc-deploy -g mmc-deploy /etc/nginx/ssl/shop"
    assert gives_away not in text, "the directory is root's and has to stay so"
    assert "and the directories" not in text
    again = unescape(
        admin.post(f"{tab}save/", row(key_pair, key=target.pk, private_key=""), follow=True).content.decode()
    )
    target.refresh_from_db()
    assert (target.use_sudo, target.owner) == (False, "")
    assert sudoers.install_rule("mmc-deploy", target) not in again
    assert gives_away in again


def test_lines_for_each_daemon_name_the_first_directory(admin: Client, tab: str, key_pair: tuple[str, str]) -> None:
    text = unescape(admin.post(f"{tab}save/", row(key_pair), follow=True).content.decode())
    assert "smtpd_tls_chain_files = /etc/nginx/ssl/shop/key.pem, /etc/nginx/ssl/shop/fullchain.pem" in text
    assert "sudo -n nginx -t\nsudo -n systemctl reload nginx" in text


def test_a_wrong_field_is_named_and_the_typed_key_is_not_sent_back(
    admin: Client, tab: str, key_pair: tuple[str, str]
) -> None:
    answer = admin.post(f"{tab}save/", row(key_pair, directories="/etc/../root"))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "cannot be a certificate directory" in text
    assert key_pair[0].splitlines()[1] not in text
    assert not Server.unscoped.exists()


def test_saving_names_each_part_that_a_deployment_needs(admin: Client, tab: str, key_pair: tuple[str, str]) -> None:
    answer = admin.post(f"{tab}save/", row(key_pair, private_key="", directories=""))
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "at least one directory" in text
    assert "a key to sign in with" in text


def test_testing_keeps_a_draft_and_starts_a_run(admin: Client, tab: str, key_pair: tuple[str, str]) -> None:
    answer = admin.post(f"{tab}test/", row(key_pair, directories=""))
    target = Target.unscoped.get()
    assert target.is_draft
    assert answer["Location"] == f"{tab}#server-{target.pk}"
    run = TargetRun.unscoped.get()
    assert (run.kind, run.state, run.priority) == ("test", "waiting", 0)
    text = admin.get(tab).content.decode()
    assert "Draft" in text
    assert "Certificate directories on server" in text.split("Still needed")[1].split("</ul>")[0]


def test_testing_a_saved_server_does_not_take_it_out_of_service(
    admin: Client, tab: str, key_pair: tuple[str, str]
) -> None:
    admin.post(f"{tab}save/", row(key_pair))
    target = Target.unscoped.get()
    url = reverse("deploy:target-test", args=[target.workspace_id, target.pk])
    admin.post(url, row(key_pair, key=target.pk, private_key="", commands="true"))
    target.refresh_from_db()
    assert not target.is_draft
    assert target.reload_commands == ["true"]


def test_add_server_keeps_the_first_row_and_opens_another(admin: Client, tab: str, key_pair: tuple[str, str]) -> None:
    answer = admin.post(f"{tab}add/", row(key_pair), follow=True)
    assert Target.unscoped.count() == 1
    assert "New server" in answer.content.decode()
    target = Target.unscoped.get()
    both = row(key_pair, key=target.pk, private_key="") | row(key_pair, host="web-02.example.net")
    admin.post(f"{tab}save/", both)
    assert [one.server.host for one in Target.unscoped.order_by("position")] == [
        "web-01.example.net", "web-02.example.net",
    ]  # fmt: skip


def test_a_host_key_that_nobody_trusted_is_among_what_is_missing(
    admin: Client, tab: str, key_pair: tuple[str, str]
) -> None:
    admin.post(f"{tab}save/", row(key_pair))
    assert "web-01.example.net: Test SSH, then Trust this key" in admin.get(tab).content.decode()
    Server.unscoped.update(host_key_fingerprint="SHA256:x")
    assert "Trust this key" not in admin.get(tab).content.decode()


def test_trusting_pins_the_fingerprint_that_was_shown(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str]
) -> None:
    admin.post(f"{tab}save/", row(key_pair))
    target = Target.unscoped.get()
    url = reverse("deploy:target-trust", args=[domain.workspace_id, target.pk])
    admin.post(url, {"fingerprint": "SHA256:" + "b" * 43})
    assert Server.unscoped.get().host_key_fingerprint == "SHA256:" + "b" * 43
    admin.post(url, {"fingerprint": "nonsense"})
    assert Server.unscoped.get().host_key_fingerprint == "SHA256:" + "b" * 43


def test_removing_asks_once_and_the_next_server_moves_up(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str]
) -> None:
    admin.post(f"{tab}save/", row(key_pair))
    first = Target.unscoped.get()
    admin.post(f"{tab}save/", row(key_pair, host="web-02.example.net"))
    url = reverse("deploy:target-delete", args=[domain.workspace_id, first.pk])
    assert "Remove web-01.example.net" in admin.get(url).content.decode()
    admin.post(url)
    assert [(one.server.host, one.position) for one in Target.unscoped.all()] == [("web-02.example.net", 1)]
    assert Server.unscoped.count() == 1


def test_deploying_without_anything_says_what_is_missing(admin: Client, tab: str) -> None:
    answer = admin.post(f"{tab}deploy/", follow=True)
    assert "There is no certificate to deploy" in answer.content.decode()


def test_a_member_sees_the_servers_and_no_form(
    client: Client, cast: Cast, tab: str, domain: Domain, key_pair: tuple[str, str]
) -> None:
    client.force_login(cast.admin)
    client.post(f"{tab}save/", row(key_pair))
    client.force_login(cast.member)
    text = client.get(tab).content.decode()
    assert "/etc/nginx/ssl/shop/key.pem" in text
    assert "Save deployment settings" not in text
    assert "Deploy now" not in text
    assert client.post(f"{tab}save/", row(key_pair)).status_code == 403


def test_the_lines_to_paste_carry_the_own_names(admin: Client, tab: str, key_pair: tuple[str, str]) -> None:
    admin.post(f"{tab}save/", row(key_pair))
    text = admin.get(tab).content.decode()
    assert "mmc-deploy ALL=(root) NOPASSWD: /usr/bin/systemctl reload nginx" in text
    assert "sudo install -d -m 755 -o mmc-deploy -g mmc-deploy /etc/nginx/ssl/shop" in text
    assert key_pair[1] in text


def test_the_last_deployment_can_be_undone_after_being_asked_once_more(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str]
) -> None:
    admin.post(f"{tab}save/", row(key_pair))
    target = Target.unscoped.get()
    deployment = Deployment.objects.create(
        workspace=domain.workspace, domain=domain, fingerprint_sha256="ab" * 32, state=Deployment.State.DEPLOYED
    )
    url = reverse("deploy:deployment-show", args=[domain.workspace_id, deployment.pk])
    assert "Undo last deploy" not in admin.get(url).content.decode(), "it changed nothing"
    kept = {"token": "t", "names": ["key.pem"], "kept": {"/x": {"key.pem": "kept"}}, "before": {}, "certificate": None}
    Target.unscoped.filter(pk=target.pk).update(previous={**kept, "deployment": str(deployment.pk)})
    assert f"{url}undo/" in admin.get(url).content.decode()
    assert "The files that it replaced come back" in admin.get(f"{url}undo/").content.decode()
    answer = admin.post(f"{url}undo/", follow=True)
    run = TargetRun.unscoped.get(kind="undo")
    assert run.deployment_id == deployment.pk
    for state, is_told in (("waiting", False), ("failed", False), ("succeeded", True)):
        TargetRun.unscoped.filter(pk=run.pk).update(state=state)
        assert ("the files that it had replaced came back" in admin.get(url).content.decode()) is is_told
    assert "Undone" in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [("make_key", "on"), ("owner", "root:root"), ("webroot", "/var/www"), ("ports", "993"), ("port", "2222"),
     ("use_sudo", "on"), ("nothing_to_see", "on"), ("passphrase", "secret"), ("name_key", "privkey.pem")],
)  # fmt: skip
def test_a_new_row_with_anything_in_it_is_not_dropped_in_silence(
    admin: Client, tab: str, domain: Domain, name: str, value: str
) -> None:
    untouched = {"t-new-port": "22", "t-new-standalone_port": "80", "t-new-host": " "}
    answer = admin.post(f"{tab}save/", {**untouched, f"t-new-{name}": value})
    assert answer.status_code == 422
    assert "This field is required" in answer.content.decode()
    target = make_target(domain, make_server(domain, "web-01"))
    first = {f"t-{target.pk}-{key}": text for key, text in (("host", "web-01.example.net"), ("port", "22"),
             ("username", "mmc"), ("directories", "/srv/tls"))}  # fmt: skip
    assert admin.post(f"{tab}save/", {**first, **untouched}).status_code == 302
    assert admin.post(f"{tab}save/", {**first, **untouched, f"t-new-{name}": value}).status_code == 422


def test_a_passphrase_without_its_key_is_not_ignored(
    admin: Client, tab: str, domain: Domain, key_pair: tuple[str, str]
) -> None:
    text = admin.post(f"{tab}save/", row(key_pair, private_key="", make_key="on", passphrase="secret"))
    assert text.status_code == 422
    assert "The passphrase came without its private key" in text.content.decode()
    server = make_server(domain, "web-01")
    page = reverse("deploy:server-change", args=[domain.workspace_id, server.pk])
    text = admin.post(page, {"name": "web", "passphrase": "secret"})
    assert text.status_code == 422
    assert "The passphrase came without its private key" in text.content.decode()
