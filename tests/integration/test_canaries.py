"""After the whole walk no private key, password or token is to be found in clear anywhere."""

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.demo.habitat import HOST, Habitat, habitat
from tests.demo.walk import EMAIL, PASSWORD, Walk, run_steps, sign_in
from tests.integration.canaries import (
    Canaries,
    Leak,
    every_page,
    leaks,
    sign_in_as_a_person,
    spellings,
)
from tests.servers.ca import TestCa, key_pem, new_key
from tests.servers.child import family
from tests.servers.migrated import migrated_postgres
from tests.servers.postgres import Postgres
from tests.servers.redis import redis_server

pytestmark = pytest.mark.timeout(240)


UPLOADED, EXPORTED = "Zwetschgenkuchen-44", "Quittengelee-2027-x"


def _quiet(*_text: str) -> None:
    return


def _canaries(walk: Walk) -> Canaries:
    environment = walk.habitat.portal.environment
    return {
        "issued private key": walk.bundle["privkey.pem"],
        "SSH private key": walk.habitat.ssh.user.private_key.encode(),
        "password": PASSWORD.encode(),
        "API token": walk.client.token.encode(),
        "encryption key": bytes.fromhex(environment["SECRETS_ENCRYPTION_KEY"]),
        "SECRET_KEY": environment["SECRET_KEY"].encode(),
    }


def _upload_and_export(walk: Walk) -> Canaries:
    """A pair and a PKCS#12 from elsewhere, one of them wrong; and the issued one as PFX. Passwords come with them."""
    issued = TestCa().issue([HOST], age_days=-2)  # not valid yet, or it would be deployed in the issued one's place
    walk.client.post(f"{walk.domain_path}/certificates", {"pem": (issued.fullchain_pem + issued.key_pem).decode()})
    wrong, form = TestCa().issue(["elsewhere.example.net"]), BestAvailableEncryption(UPLOADED.encode())
    made = pkcs12.serialize_key_and_certificates(b"x", wrong.key, wrong.certificate, None, form)
    body = {"pfx_base64": base64.b64encode(made).decode(), "password": UPLOADED}
    assert walk.client.ask("POST", f"{walk.domain_path}/certificates", body).status_code == 422
    walk.client.send("POST", f"/certificates/{walk.certificate['id']}/export", {"format": "pfx", "password": EXPORTED})
    return {
        "uploaded key": issued.key_pem,
        "refused key": wrong.key_pem,
        "password of an upload": UPLOADED.encode(),
        "password of a PFX": EXPORTED.encode(),
    }


def _database(walk: Walk, postgres: Postgres | None) -> Iterator[tuple[str, bytes]]:
    if postgres is not None:
        yield "database dump", postgres.dump("canaries").encode()
        return
    path = walk.habitat.portal.var_dir / "portal.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        yield "database dump", "\n".join(connection.iterdump()).encode()
    for file in path.parent.glob("portal.sqlite3*"):
        yield f"database file {file.name}", file.read_bytes()


def _command_lines(world: Habitat) -> bytes:
    pids = {pid for name in world.portal.pids().values() for pid in family(name)}
    return b"\n".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


def _pages(world: Habitat) -> Iterator[tuple[str, bytes]]:
    with httpx.Client(base_url=world.portal.url, follow_redirects=True, timeout=30, trust_env=False) as client:
        sign_in_as_a_person(client, EMAIL, PASSWORD)
        yield from every_page(client, most=150)


def _answers(walk: Walk) -> Iterator[tuple[str, bytes]]:
    rows = ["/me", "/domains", "/servers", walk.domain_path, f"/targets/{walk.target['id']}", "/logs"]
    rows += [f"{walk.domain_path}/{kind}" for kind in ("issuances", "certificates", "targets", "deployments")]
    rows += [f"/certificates/{walk.certificate['id']}", f"/deployments/{walk.deployment['id']}"]
    for path in rows:
        answer = walk.client.ask("GET", path)
        yield f"GET {path}", answer.content


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.proof)])
def test_the_main_job_leaves_no_canary_anywhere(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    postgres: Postgres | None = request.getfixturevalue("postgres_server") if database == "postgres" else None
    settings = {"DATABASE_URL": migrated_postgres(postgres, "canaries")} if postgres else {}
    with (
        redis_server() as redis,
        redis.overheard() as said,
        habitat(tmp_path, settings={"REDIS_URL": redis.url, **settings}) as world,
        closing(sign_in(world)) as client,
    ):
        walk = Walk(world, client)
        run_steps(walk, _quiet, _quiet)
        canaries = {**_canaries(walk), **_upload_and_export(walk)}
        places = dict(_database(walk, postgres))
        places["command lines"] = _command_lines(world)
        places |= dict(_answers(walk)) | dict(_pages(world))
        assert world.web.fingerprint(HOST) == walk.certificate["fingerprint_sha256"]
        places["mails"] = b"\n".join(mail.message.as_bytes() for mail in world.mail.mails)
        places["logs"] = world.portal.logs().encode()
        places["queue messages"] = said.read_bytes()
    found = [leak for place, content in places.items() for leak in leaks(canaries, place, content)]
    assert found == []
    _assert_the_search_could_have_found_them(places)


def _assert_the_search_could_have_found_them(places: dict[str, bytes]) -> None:
    """Each place has what it is about, and the pages were those of somebody who is signed in."""
    assert HOST.encode() in places["database dump"]
    assert b"drain" in places["queue messages"]
    assert b"gunicorn" in places["command lines"]
    assert HOST.encode() in places["mails"]
    assert len(places["logs"]) > 1000
    pages = [url for url in places if url.startswith("http")]
    assert len(pages) > 10
    assert any(HOST.encode() in places[url] for url in pages)


SECRET = key_pem(new_key())


@pytest.mark.parametrize("around", [b"", b"x", b"xy"])
def test_the_search_knows_the_spellings_of_a_leak(around: bytes) -> None:
    for content in (
        SECRET,
        SECRET.hex().encode(),
        base64.b64encode(around + SECRET + around),
        repr(SECRET).encode(),
        SECRET.splitlines()[1],
    ):
        assert leaks({"key": SECRET}, "here", b"before " + content + b" after") == [Leak("key", "here")]
    assert leaks({"key": SECRET}, "here", b"something else") == []
    assert SECRET in spellings(SECRET)


def test_the_public_half_in_a_certificate_is_no_leak() -> None:
    """One length of the name in three lets a whole line of the key's PEM stand in the certificate's."""
    ca, key = TestCa(), new_key()
    pem = key_pem(key)
    seen = [ca.issue([f"{'a' * n}.example"], key=key).cert_pem for n in (1, 2, 3)]
    assert sum(pem.splitlines()[3] in each.replace(b"\n", b"") for each in seen) == 1
    assert [leak for each in seen for leak in leaks({"key": pem}, "here", each)] == []
