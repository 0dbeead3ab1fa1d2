"""`Detect platform` on real servers: what it suggests is taken over as it is, and a deployment with it is served."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditlog.events import SYSTEM
from auditlog.models import Event
from deploy.detection.suggesting import fill_in
from deploy.models import Target, TargetRun
from deploy.targets import Placement, save_target, start_detection
from tests.cast import make_cast
from tests.integration.deploying import HOST, Scene, run_of, steps_of, told, work
from tests.servers.apache import Apache, apache
from tests.servers.nginx import Nginx, nginx
from tests.servers.sshd import Sshd, sshd

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["nginx", "apache"])
def web(request: pytest.FixtureRequest, ssh_server: Sshd) -> Iterator[Nginx | Apache]:
    start = nginx if request.param == "nginx" else apache
    with start(ssh_server.user, [HOST]) as server:
        yield server


def detect(scene: Scene, target: Target) -> Target:
    run = start_detection(target=target, actor=SYSTEM)
    work()
    run.refresh_from_db()
    assert run.state == "succeeded", told(run)
    return Target.unscoped.select_related("server", "domain").get(pk=target.pk)


def test_what_is_suggested_is_what_serves(settings: Any, ssh_server: Sshd, web: Nginx | Apache) -> None:
    scene = Scene(settings, make_cast().acme, port=web.https_port)
    target = detect(scene, scene.target(scene.server(ssh_server), [], draft=True))
    fits = target.detected["suggestion"]
    assert fits["directories"] == [str(web.certificates)], told(TargetRun.unscoped.get(target=target))
    assert fits["webroot"] == str(web.document_root)
    assert fits["use_sudo"] is False
    assert target.server.platform["system"]
    assert target.is_draft, "looking saves nothing"
    assert fill_in(target)
    chosen = Placement(target.certificate_directories, target.file_names, target.reload_commands, None)
    save_target(domain=scene.domain, server=target.server, chosen=chosen, actor=SYSTEM, target=target)
    certificate = scene.certificate()
    run = run_of(scene.deploy())
    assert run.outcome == "serving", told(run)
    assert web.fingerprint(HOST) == certificate.fingerprint_sha256
    assert Event.unscoped.filter(kind="target.detected").count() == 1


def test_an_account_without_a_shell_says_what_it_could_not_see(settings: Any) -> None:
    with sshd(extra=["ForceCommand internal-sftp"]) as server:
        scene = Scene(settings, make_cast().acme, port=443)
        target = detect(scene, scene.target(scene.server(server), [], draft=True))
    assert target.detected["system"]
    assert any("no shell" in one for one in target.detected["unseen"])
    assert target.detected["sudo"] == []


def test_detection_leaves_nothing_behind(settings: Any, ssh_server: Sshd, web: Nginx | Apache) -> None:
    scene = Scene(settings, make_cast().acme, port=web.https_port)
    (web.document_root / "wp-config.php").write_text("<?php // secret-of-the-site\n")
    places = [Path(ssh_server.user.home), web.certificates, web.document_root]
    before = [sorted(place.rglob("*")) for place in places]
    target = detect(scene, scene.target(scene.server(ssh_server), [web.certificates], draft=True))
    assert [sorted(place.rglob("*")) for place in places] == before
    assert target.detected["wordpress"] == [str(web.document_root)]
    run = TargetRun.unscoped.get(target=target)
    assert "secret-of-the-site" not in told(run) + str(target.detected)
    assert ("Look for WordPress", "succeeded") in steps_of(run)
