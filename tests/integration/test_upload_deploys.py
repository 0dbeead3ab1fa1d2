"""An upload reaches the servers by itself: from pasted text to what nginx serves, over a real OpenSSH."""

from typing import Any

import pytest
from django.test import Client

from auditlog.models import Event
from certificates.models import Certificate
from deploy.models import Deployment
from tests.cast import Cast, make_cast
from tests.integration.deploying import HOST, Scene, run_of, told, work
from tests.servers.nginx import Nginx
from tests.servers.sshd import Sshd

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def scene(settings: Any, web_server: Nginx, cast: Cast) -> Scene:
    return Scene(settings, cast.acme, port=web_server.https_port)


@pytest.mark.both_databases
def test_what_is_uploaded_is_served_without_another_click(
    scene: Scene, cast: Cast, ssh_server: Sshd, web_server: Nginx
) -> None:
    scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    first = scene.ca.issue([HOST])
    body = {"pem": (first.key_pem + first.chain_pem + first.cert_pem).decode()}
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'write')}"}
    path = f"/api/domains/{scene.domain.pk}/certificates"
    assert Client().post(path, body, content_type="application/json", headers=headers).status_code == 201
    deployment = Deployment.unscoped.get()
    work()
    run = run_of(deployment)
    assert run.outcome == "serving", told(run)
    assert web_server.fingerprint(HOST) == first.fingerprint
    started = Event.unscoped.get(kind="deployment.started")
    assert started.actor_kind == "token"

    later = scene.ca.issue([HOST])
    body = {"pem": (later.fullchain_pem + later.key_pem).decode()}
    Client().post(path, body, content_type="application/json", headers=headers)
    work()
    assert web_server.fingerprint(HOST) == later.fingerprint
    assert Certificate.unscoped.count() == 2, "the older version stays"
