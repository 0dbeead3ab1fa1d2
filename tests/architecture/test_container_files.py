"""What can be said about the container files without an engine at hand."""

import re

from tests.servers.places import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = dict(re.findall(r"^  ([a-z]+):\n((?:    .*\n|\n)+)", COMPOSE.partition("\nservices:\n")[2], re.MULTILINE))


def test_every_role_has_a_service() -> None:
    assert set(SERVICES) == {"migrate", "web", "worker", "inspect", "beat", "dns", "postgres", "redis"}


def test_only_those_who_need_the_key_get_it() -> None:
    assert {name for name, body in SERVICES.items() if "*secrets" in body} == {"migrate", "web", "worker"}
    for name in ("inspect", "beat", "dns"):
        assert "SECRETS_ENCRYPTION_KEY" not in SERVICES[name]
    assert "SECRETS_ENCRYPTION_KEY" not in COMPOSE.partition("x-settings")[2].partition("x-secrets")[0]


def test_services_that_answer_have_a_health_check() -> None:
    with_check = {name for name, body in SERVICES.items() if "healthcheck:" in body}
    assert with_check == {"web", "worker", "inspect", "dns", "postgres", "redis"}


def test_the_image_runs_as_nobody_special_from_the_hashed_lock() -> None:
    final_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER portal$", final_stage, re.MULTILINE)
    assert "--require-hashes" in DOCKERFILE
    assert "requirements-dev" not in DOCKERFILE


def test_the_image_contains_every_app_and_nothing_that_is_only_for_tests() -> None:
    kept = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert apps | {"templates", "static", "docs", "manage.py", "requirements.lock"} <= kept
    assert "tests" not in kept
