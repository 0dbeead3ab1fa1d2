"""Deployments to a real OpenSSH and nginx, judged by a TLS client that is not the portal's."""

import base64
import stat
from pathlib import Path
from typing import Any

import pytest

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib.errors import NeedsUser
from deploy.deployments import start_deployment
from deploy.models import Deployment, Server, Target
from deploy.reconcile import last_deployment, reconcile_target
from deploy.servers import trust_server
from deploy.undoing import can_undo, start_undo
from domains.models import Finding, Visit
from tests.cast import make_cast
from tests.integration.deploying import HOST, Scene, run_of, steps_of, told, work
from tests.servers.ca import key_pem, new_key
from tests.servers.nginx import Nginx, nginx
from tests.servers.ports import free_port
from tests.servers.sshd import Sshd, sshd

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene(settings: Any, web_server: Nginx) -> Scene:
    return Scene(settings, make_cast().acme, port=web_server.https_port)


def files_in(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir() if path.is_file()}


def attempts(server: Sshd) -> int:
    return sum("publickey" in line or "Failed" in line for line in server.whole_log().splitlines())


def connections(server: Sshd) -> int:
    return server.whole_log().count("Connection from")


def test_the_new_certificate_is_installed_reloaded_and_seen_being_served(
    scene: Scene, ssh_server: Sshd, web_server: Nginx
) -> None:
    certificate = scene.certificate()
    target = scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    assert web_server.fingerprint(HOST) == web_server.old.fingerprint
    deployment = scene.deploy()
    run = run_of(deployment)
    assert (deployment.state, run.outcome) == ("deployed", "serving"), told(run)
    assert web_server.fingerprint(HOST) == certificate.fingerprint_sha256
    assert run.served_fingerprint_sha256 == certificate.fingerprint_sha256
    assert files_in(web_server.certificates) == {
        "cert.pem": 0o644, "key.pem": 0o600, "chain.pem": 0o644, "fullchain.pem": 0o644,
    }  # fmt: skip
    assert run.files == [
        f"{web_server.certificates}/{name}" for name in ("chain.pem", "fullchain.pem", "cert.pem", "key.pem")
    ]
    assert run.commands[0]["exit_code"] == 0
    kept = Target.unscoped.get(pk=target.pk)
    assert (kept.last_status, kept.installed_certificate_id, kept.journal) == ("ok", certificate.pk, None)
    kinds = Event.unscoped.filter(kind__startswith="deployment.").order_by("at").values_list("kind", flat=True)
    assert list(kinds) == ["deployment.started", "deployment.succeeded"]
    assert Visit.unscoped.get().asked_at is not None
    assert not Finding.unscoped.filter(closed_at=None).exists()


def test_a_second_deployment_of_the_same_certificate_touches_nothing(
    scene: Scene, ssh_server: Sshd, web_server: Nginx
) -> None:
    scene.certificate()
    scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    scene.deploy()
    before = {path: path.stat().st_mtime_ns for path in web_server.certificates.iterdir()}
    run = run_of(scene.deploy())
    assert (run.state, run.outcome, run.files, run.commands) == ("succeeded", "serving", [], []), told(run)
    assert {path: path.stat().st_mtime_ns for path in web_server.certificates.iterdir()} == before


def test_a_server_that_nobody_trusted_is_not_even_greeted(scene: Scene, ssh_server: Sshd, web_server: Nginx) -> None:
    scene.certificate()
    scene.target(scene.server(ssh_server, trust=False), [web_server.certificates], [web_server.reload_command])
    before = connections(ssh_server)
    run = run_of(scene.deploy())
    assert (run.outcome, run.error_code) == ("failed", "ssh_host_key_untrusted"), told(run)
    assert connections(ssh_server) == before
    assert web_server.fingerprint(HOST) == web_server.old.fingerprint


def test_a_changed_host_key_stops_before_any_authentication_and_alerts_once(
    scene: Scene, ssh_server: Sshd, web_server: Nginx
) -> None:
    scene.certificate()
    scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    ssh_server.rotate_host_key()
    before = attempts(ssh_server)
    for _ in range(2):
        run = run_of(scene.deploy())
        assert (run.outcome, run.error_code) == ("failed", "ssh_host_key_changed"), told(run)
    assert attempts(ssh_server) == before
    alert = Event.unscoped.get(kind="server.host_key_changed")
    assert alert.run_id in Deployment.unscoped.values_list("pk", flat=True), "it leads to its run"


def test_a_host_key_that_was_seen_before_another_one_was_pinned_alerts_too(
    scene: Scene, ssh_server: Sshd, web_server: Nginx
) -> None:
    """`Test SSH` met an impostor; the right fingerprint then came from somebody who knows it."""
    scene.certificate()
    server = scene.server(ssh_server, trust=False)
    target = scene.target(server, [web_server.certificates], [web_server.reload_command], draft=True)
    assert scene.test(target).host_key_fingerprint == ssh_server.fingerprint
    trust_server(server=Server.unscoped.get(pk=server.pk), fingerprint="SHA256:" + "y" * 43, actor=SYSTEM)
    Target.unscoped.update(is_draft=False)
    for _ in range(2):
        run = run_of(scene.deploy())
        assert run.error_code == "ssh_host_key_changed", told(run)
    assert Event.unscoped.get(kind="server.host_key_changed").data["seen"] == ssh_server.fingerprint


def test_trusting_the_server_completes_what_waited_for_it(scene: Scene, ssh_server: Sshd, web_server: Nginx) -> None:
    certificate = scene.certificate()
    server = scene.server(ssh_server, trust=False)
    scene.target(server, [web_server.certificates], [web_server.reload_command])
    deployment = scene.deploy()
    assert deployment.state == "failed"
    assert Finding.unscoped.get(closed_at=None).code == "partial_deploy"
    trust_server(server=server, fingerprint=ssh_server.fingerprint, actor=SYSTEM)
    work()
    assert web_server.fingerprint(HOST) == certificate.fingerprint_sha256
    assert Deployment.unscoped.get(pk=deployment.pk).state == "deployed"
    assert not Finding.unscoped.filter(closed_at=None).exists()


def test_a_key_of_another_certificate_is_refused_before_anything_is_connected(
    scene: Scene, ssh_server: Sshd, web_server: Nginx
) -> None:
    scene.certificate(key=key_pem(new_key("rsa")))
    scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    before = connections(ssh_server)
    run = run_of(scene.deploy())
    assert (run.outcome, run.error_code) == ("failed", "key_mismatch"), told(run)
    assert connections(ssh_server) == before
    assert web_server.fingerprint(HOST) == web_server.old.fingerprint


def test_a_failed_reload_brings_the_old_certificate_back(scene: Scene, ssh_server: Sshd, web_server: Nginx) -> None:
    scene.certificate()
    old = {path.name: path.read_bytes() for path in web_server.certificates.iterdir()}
    both = f"{web_server.test_command} && {web_server.reload_command}"
    target = scene.target(scene.server(ssh_server), [web_server.certificates], [both])
    web_server.break_configuration()
    run = run_of(scene.deploy())
    assert (run.state, run.outcome, run.error_code) == ("failed", "failed", "reload_failed"), told(run)
    assert "no_such_directive" in run.error_params["output"]
    assert ("Put the previous files back", "succeeded") in steps_of(run)
    assert {path.name: path.read_bytes() for path in web_server.certificates.iterdir() if path.is_file()} == old
    assert web_server.fingerprint(HOST) == web_server.old.fingerprint
    assert Target.unscoped.get(pk=target.pk).journal is None
    web_server.mend_configuration()
    assert scene.deploy().state == "deployed"


def test_a_reload_that_takes_the_site_down_is_undone(scene: Scene, ssh_server: Sshd, web_server: Nginx) -> None:
    """The reload succeeds and what was served is gone: rc 0 is no proof of anything."""
    scene.certificate()
    conf = web_server.configuration
    bad = f"sed -i 's/{web_server.https_port} ssl/{free_port()} ssl/' {conf} && {web_server.reload_command}"
    scene.target(scene.server(ssh_server), [web_server.certificates], [bad])
    run = run_of(scene.deploy())
    assert (run.outcome, run.error_code) == ("failed", "served_got_worse"), told(run)
    assert (web_server.certificates / "fullchain.pem").read_bytes() == web_server.old.fullchain_pem


def test_while_the_vhost_names_other_files_they_stay_and_the_line_to_change_is_shown(
    scene: Scene, ssh_server: Sshd, web_server: Nginx
) -> None:
    certificate = scene.certificate()
    elsewhere = ssh_server.user.home / "tls" / HOST
    scene.target(scene.server(ssh_server), [elsewhere], [web_server.reload_command])
    deployment = scene.deploy()
    run = run_of(deployment)
    assert (deployment.state, run.state, run.outcome) == ("partial", "partial", "installed"), told(run)
    assert run.error_code == "installed_other_served"
    assert run.error_params["fullchain"] == f"{elsewhere}/fullchain.pem"
    assert f"ssl_certificate {elsewhere}/fullchain.pem;" in run.error_params["configure"]
    assert web_server.fingerprint(HOST) == web_server.old.fingerprint
    text = web_server.configuration.read_text().replace(str(web_server.certificates), str(elsewhere))
    web_server.configuration.write_text(text)
    assert scene.deploy().state == "deployed"
    assert web_server.fingerprint(HOST) == certificate.fingerprint_sha256


def test_where_there_is_nothing_to_look_at_installed_is_deployed(scene: Scene, ssh_server: Sshd) -> None:
    scene.certificate()
    scene.target(scene.server(ssh_server), [ssh_server.user.home / "tls"], ports=[])
    deployment = scene.deploy()
    assert (deployment.state, run_of(deployment).outcome) == ("deployed", "installed")


def test_a_server_that_cannot_be_seen_from_outside_is_proven_through_ssh(settings: Any) -> None:
    """SSH answers at a second address too, the web server only at the first."""
    with sshd(extra=["ListenAddress 127.0.0.2"]) as server, nginx(server.user, [HOST]) as web:
        scene = Scene(settings, make_cast().acme, port=web.https_port)
        certificate = scene.certificate()
        row = scene.server(server)
        scene.target(row, [web.certificates], [web.reload_command])
        Server.unscoped.filter(pk=row.pk).update(host="127.0.0.2")
        run = run_of(scene.deploy())
        assert run.outcome == "serving", told(run)
        proof = run.steps.get(name="Look at what is served now")
        assert proof.data["seen_from"] == {str(web.https_port): "inside"}
        assert web.fingerprint(HOST) == certificate.fingerprint_sha256


def test_one_dead_server_stops_no_other_and_is_tried_again_by_itself(
    scene: Scene, ssh_server: Sshd, web_server: Nginx
) -> None:
    certificate = scene.certificate()
    alive = scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    server = scene.server(ssh_server)
    dead = Server.objects.create(
        workspace=scene.workspace, host="127.0.0.1", port=free_port(), username="deploy",
        sealed_private_key=server.sealed_private_key, public_key=server.public_key,
        host_key_fingerprint=ssh_server.fingerprint,
    )  # fmt: skip
    other = scene.target(dead, ["/srv/tls"])
    deployment = scene.deploy()
    assert deployment.state == "partial"
    assert run_of(deployment, alive).outcome == "serving"
    assert run_of(deployment, other).error_code == "ssh_refused"
    assert web_server.fingerprint(HOST) == certificate.fingerprint_sha256
    retry = other.runs.get(state="waiting")
    assert retry.run_after
    assert retry.run_after > retry.created_at
    assert Event.unscoped.filter(kind="deployment.partial").count() == 1


def test_a_directory_of_root_is_named_with_the_line_to_paste(scene: Scene, ssh_server: Sshd, web_server: Nginx) -> None:
    scene.certificate()
    target = scene.target(scene.server(ssh_server), ["/etc/mmc-nobody-makes-this/tls"], [web_server.reload_command])
    run = run_of(scene.deploy())
    assert (run.outcome, run.error_code) == ("failed", "mkdir_denied"), told(run)
    assert run.error_params["username"] == ssh_server.user.name
    assert run.commands == []
    assert Target.unscoped.get(pk=target.pk).journal is None


def test_files_of_two_directories_change_together_or_not_at_all(
    scene: Scene, ssh_server: Sshd, web_server: Nginx
) -> None:
    scene.certificate()
    directories = [web_server.certificates, "/etc/mmc-nobody-makes-this/tls"]
    scene.target(scene.server(ssh_server), directories, [web_server.reload_command])
    run = run_of(scene.deploy())
    assert run.outcome == "failed"
    assert (web_server.certificates / "fullchain.pem").read_bytes() == web_server.old.fullchain_pem
    assert not list(web_server.certificates.glob(".mmc-stage-*"))


def test_the_private_keys_appear_in_nothing_that_is_kept(scene: Scene, ssh_server: Sshd, web_server: Nginx) -> None:
    certificate = scene.certificate()
    hidden = base64.b64encode(ssh_server.user.private_key.encode()).decode()[:400]
    leak = f"cat {web_server.certificates}/key.pem; echo {hidden} | base64 -d"
    scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command, leak])
    run = run_of(scene.deploy())
    kept = told(run) + str(list(Event.unscoped.values_list("data", flat=True))) + str(run.commands)
    assert certificate.private_key
    for line in certificate.private_key.sealed_pem.reveal_text().splitlines()[1:-1]:
        assert line not in kept
    assert ssh_server.user.private_key.splitlines()[1] not in kept
    assert "[hidden]" in kept


def test_undo_brings_back_what_was_replaced_and_counts_it_as_wanted(
    scene: Scene, ssh_server: Sshd, web_server: Nginx
) -> None:
    target = scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    first = scene.certificate()
    deployments = [scene.deploy(first)]
    second = scene.certificate()
    deployments.append(scene.deploy(second))
    assert web_server.fingerprint(HOST) == second.fingerprint_sha256
    assert not can_undo(deployments[0]), "a later one has been there"
    (run,) = start_undo(deployment=deployments[1], actor=SYSTEM)
    work()
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("succeeded", ""), told(run)
    assert web_server.fingerprint(HOST) == run.served_fingerprint_sha256 == first.fingerprint_sha256
    kept = Target.unscoped.get(pk=target.pk)
    assert (kept.installed_certificate_id, kept.previous, kept.journal, kept.last_status) == (
        first.pk,
        None,
        None,
        "ok",
    )
    wanted = last_deployment(scene.domain.pk)
    assert wanted
    assert wanted.pk == deployments[0].pk
    assert reconcile_target(kept) is None, "nothing is deployed again by itself"
    with pytest.raises(NeedsUser, match="undo_nothing_kept"):
        start_undo(deployment=deployments[1], actor=SYSTEM)


def test_undo_of_the_first_deployment_brings_back_files_that_were_never_ours(
    scene: Scene, ssh_server: Sshd, web_server: Nginx
) -> None:
    target = scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    before = {path.name: path.read_bytes() for path in web_server.certificates.iterdir() if path.is_file()}
    (web_server.certificates / "chain.pem").unlink()
    before.pop("chain.pem")
    scene.certificate()
    deployment = scene.deploy()
    start_undo(deployment=deployment, actor=SYSTEM)
    work()
    after = {path.name: path.read_bytes() for path in web_server.certificates.iterdir() if path.is_file()}
    assert after == before, "also what was not there is gone again"
    assert web_server.fingerprint(HOST) == web_server.old.fingerprint
    kept = Target.unscoped.get(pk=target.pk)
    assert (kept.installed_certificate_id, kept.last_status) == (None, "")
    assert last_deployment(scene.domain.pk) is None
    assert Event.unscoped.filter(kind="deployment.undone").count() == 1


def test_an_undo_whose_reload_fails_says_so(scene: Scene, ssh_server: Sshd, web_server: Nginx) -> None:
    target = scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    scene.certificate()
    deployment = scene.deploy()
    web_server.break_configuration()
    try:
        (run,) = start_undo(deployment=deployment, actor=SYSTEM)
        work()
    finally:
        web_server.mend_configuration()
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("partial", "reload_failed"), told(run)
    assert Target.unscoped.get(pk=target.pk).last_status == "partial"


def test_while_a_deployment_runs_nothing_is_undone(scene: Scene, ssh_server: Sshd, web_server: Nginx) -> None:
    scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    scene.certificate()
    deployment = scene.deploy()
    start_deployment(domain=scene.domain, certificate=scene.certificate(), actor=SYSTEM)
    with pytest.raises(NeedsUser, match="undo_while_running"):
        start_undo(deployment=deployment, actor=SYSTEM)
