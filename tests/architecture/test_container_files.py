"""What can be said about the container files without an engine at hand."""

import re

from tests.servers.places import ROOT
from tests.servers.portal import documented_settings

COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# What the compose file decides itself.
DECIDED = {
    "VAR_DIR": "the image names the volume",
    "BIND": "the image listens on every address of its container, and the file publishes it on loopback",
    "DATABASE_URL": "its own PostgreSQL, by POSTGRES_PASSWORD",
    "REDIS_URL": "its own Redis",
    "ROLE": "each service has its own",
    "ACME_DNS_BIND": "the dns service publishes its port",
    "DEBUG": "an image is not for developing",
}
SERVICES = dict(re.findall(r"^  ([a-z]+):\n((?:    .*\n|\n)+)", COMPOSE.partition("\nservices:\n")[2], re.MULTILINE))


def test_every_role_has_a_service() -> None:
    assert set(SERVICES) == {"migrate", "web", "worker", "inspect", "beat", "dns", "postgres", "redis"}


def test_only_those_who_need_the_key_get_it() -> None:
    assert {name for name, body in SERVICES.items() if "*secrets" in body} == {"migrate", "web", "worker"}
    for name in ("inspect", "beat", "dns"):
        assert "SECRETS_ENCRYPTION_KEY" not in SERVICES[name]
    assert "SECRETS_ENCRYPTION_KEY" not in COMPOSE.partition("x-settings")[2].partition("x-secrets")[0]


def test_every_documented_setting_reaches_the_containers() -> None:
    passed = set(re.findall(r"\$\{([A-Z0-9_]+)[:}]", COMPOSE))
    assert passed == set(documented_settings()) - set(DECIDED)
    assert set(DECIDED) <= set(documented_settings())


def test_a_setting_has_its_own_name_in_the_container() -> None:
    pairs = re.findall(r"^  ([A-Z0-9_]+): \$\{([A-Z0-9_]+)[:}]", COMPOSE, re.MULTILINE)
    assert len(pairs) > 30
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


def test_the_image_has_the_database_programs_of_the_server_that_is_started() -> None:
    server = re.search(r"image: postgres:(\d+)", COMPOSE)
    client = re.search(r"postgresql-client-(\d+)", DOCKERFILE.rpartition("\nFROM ")[2])
    assert server
    assert client
    assert client[1] == server[1]


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
