"""The main job through the running portal, by script and with curl alone; each test in a workspace of its own."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.demo.client import Client, RefusedError
from tests.demo.habitat import HOST, NAMES, SSH_HOST, Habitat, habitat
from tests.demo.walk import STEPS, Walk, WalkError, run_steps, see_served
from tests.servers.places import ROOT, plain_environment

pytestmark = pytest.mark.timeout(180)


def _quiet(*_text: str) -> None:
    return


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Habitat]:
    with habitat(tmp_path_factory.mktemp("walk")) as made:
        yield made


@pytest.fixture
def token(world: Habitat, request: pytest.FixtureRequest) -> str:
    """Of a new workspace, named after the test."""
    return str(world.portal.bootstrap("ada@northwind.example", request.node.name, "--api-token")["api_token"])


@pytest.fixture
def walk(world: Habitat, token: str) -> Iterator[Walk]:
    with closing(Client(world.portal.url, token)) as client:
        yield Walk(world, client)


def test_a_script_walks_the_main_job(walk: Walk) -> None:
    before = walk.habitat.pebble.issued_count()
    run_steps(walk, _quiet, _quiet)
    assert walk.habitat.pebble.issued_count() == before + 1
    assert walk.habitat.web.fingerprint(HOST) == walk.certificate["fingerprint_sha256"]


def test_curl_alone_walks_the_main_job(world: Habitat, token: str, tmp_path: Path) -> None:
    key = tmp_path / "deploy_key"
    key.write_text(world.ssh.user.private_key)
    publish = tmp_path / "publish"
    record = '{\\"host\\": \\"$1.\\", \\"value\\": \\"$2\\"}'
    publish.write_text(f'#!/bin/sh\nexec curl -sf -o /dev/null -d "{record}" {world.dns.management_url}/set-txt\n')
    publish.chmod(0o755)
    environment = plain_environment(
        PORTAL=world.portal.url,
        TOKEN=token,
        SITE=HOST,
        PORT=str(world.web.https_port),
        NAMES=" ".join(NAMES[1:]),
        SSH_HOST=SSH_HOST,
        SSH_PORT=str(world.ssh.port),
        SSH_USER=world.ssh.user.name,
        SSH_KEY_FILE=str(key),
        CERT_DIR=str(world.web.certificates),
        RELOAD=world.web.reload_command,
        HOST_KEY=world.ssh.fingerprint,
        PUBLISH_TXT=str(publish),
    )
    script = ROOT / "docs" / "walk.sh"
    answer = subprocess.run([script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=150)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == world.web.fingerprint(HOST)
    assert token not in answer.stderr


def test_nothing_is_written_before_the_host_key_is_trusted(walk: Walk) -> None:
    """One untrusted target refuses nothing: it is that target's failure, and nobody signed in there."""
    world = walk.habitat
    served, sign_ins = world.web.fingerprint(HOST), world.ssh.log().count("Accepted publickey")
    for title, step in STEPS[: [title for title, _ in STEPS].index("Test SSH")]:
        _quiet(title, step(walk))
    deployment = walk.client.post(f"{walk.domain_path}/deployments")
    ended = walk.client.wait(f"/deployments/{deployment['id']}", lambda row: row["state"] != "running")
    assert ended["state"] == "failed"
    assert ended["targets"][0]["error"]["code"] == "ssh_host_key_untrusted"
    assert world.web.fingerprint(HOST) == served
    assert world.ssh.log().count("Accepted publickey") == sign_ins


def test_the_walk_fails_when_another_certificate_is_served(walk: Walk) -> None:
    """The proof of the demo can fail: it asks nginx, not the portal."""
    walk.certificate = {"fingerprint_sha256": "0" * 64}
    with pytest.raises(WalkError, match=walk.habitat.web.fingerprint(HOST)):
        see_served(walk)


def test_another_workspace_finds_nothing_of_it(walk: Walk) -> None:
    run_steps(walk, _quiet, _quiet)
    portal = walk.habitat.portal
    other = portal.bootstrap("eve@elsewhere.example", "Elsewhere", "--api-token")["api_token"]
    paths = [
        walk.domain_path,
        f"/issuances/{walk.issuance['id']}",
        f"/certificates/{walk.certificate['id']}",
        f"/certificates/{walk.certificate['id']}/bundle.zip",
        f"/targets/{walk.target['id']}",
        f"/deployments/{walk.deployment['id']}",
    ]
    with closing(Client(portal.url, other)) as stranger:
        for path in paths:
            with pytest.raises(RefusedError) as refusal:
                stranger.send("GET", path)
            assert refusal.value.status == 404, path
