"""The main job, step by step, over the REST API: from a host name to a certificate seen being served."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.demo.client import Client, Json
from tests.demo.habitat import HOST, NAMES, SSH_HOST, Habitat

EMAIL = "ada@northwind.example"
PASSWORD = "a walk along the harbour"
WORKSPACE = "Northwind"


class WalkError(Exception):
    """A step did not have the outcome it promises."""


def expect(condition: object, message: str) -> None:
    if not condition:
        raise WalkError(message)


@dataclass
class Walk:
    """What the walk has gained so far; the API answers as they came."""

    habitat: Habitat
    client: Client
    names: tuple[str, ...] = NAMES
    domain: Json = field(default_factory=dict)
    issuance: Json = field(default_factory=dict)
    certificate: Json = field(default_factory=dict)
    target: Json = field(default_factory=dict)
    host_key: str = ""
    bundle: dict[str, bytes] = field(default_factory=dict, repr=False)
    deployment: Json = field(default_factory=dict)
    patience: float = 60

    @property
    def domain_path(self) -> str:
        return f"/domains/{self.domain['id']}"


def sign_in(habitat: Habitat) -> Client:
    """A workspace and a token, as an operator makes them."""
    made = habitat.portal.bootstrap(EMAIL, WORKSPACE, "--password", PASSWORD, "--api-token")
    return Client(habitat.portal.url, made["api_token"])


def add_domain(walk: Walk) -> str:
    """The visit runs at once and shows the certificate that is served now."""
    walk.domain = walk.client.post("/domains", {"hostname": HOST, "port": walk.habitat.web.https_port})
    walk.domain = walk.client.wait(walk.domain_path, lambda domain: bool(domain["inspection"]), seconds=walk.patience)
    seen = walk.domain["inspection"]
    expect(seen["fingerprint_sha256"] == walk.habitat.web.fingerprint(HOST), f"the visit saw {seen}")
    left = datetime.fromisoformat(seen["not_after"]) - datetime.fromisoformat(seen["checked_at"])
    issuer = seen["issuer"].rpartition("CN=")[2]
    return f"serves a certificate by {issuer} with {left.days} days left"


def verify_domain(walk: Walk) -> str:
    """Before the record exists the answer is no, with what was looked for; then yes."""
    txt = walk.domain["verification"]["txt"]
    before = walk.client.post(f"{walk.domain_path}/verify")
    expect(not before["verified"], "ownership was granted before the record existed")
    walk.habitat.dns.set_txt(txt["name"], txt["value"])
    walk.client.post(f"{walk.domain_path}/verify")
    walk.domain = walk.client.wait(walk.domain_path, lambda domain: bool(domain["verified"]), seconds=walk.patience)
    return f"TXT {txt['name']}"


def start_issuance(walk: Walk) -> str:
    """Two names and a wildcard: the records to publish are shown."""
    walk.issuance = walk.client.post(f"{walk.domain_path}/issuances", {"names": list(walk.names)})
    walk.issuance = walk.client.wait(
        f"/issuances/{walk.issuance['id']}",
        lambda issuance: bool(issuance["records"]) or issuance["state"] not in ("draft", "pending_challenge"),
        seconds=walk.patience,
    )
    expect(walk.issuance["state"] != "failed", f"the order failed: {walk.issuance['error']}")
    return f"{', '.join(walk.issuance['names'])}"


def publish_records(walk: Walk) -> str:
    """One TXT per name, at the name that the portal shows."""
    for record in walk.issuance["records"]:
        walk.habitat.dns.set_txt(record["fqdn"], record["value"])
    return f"{len(walk.issuance['records'])} TXT records"


def issue(walk: Walk) -> str:
    """The CA validates and signs; the certificate has exactly the names asked for."""
    path = f"/issuances/{walk.issuance['id']}"
    if walk.issuance["state"] not in ("validating", "finalizing", "issued"):
        walk.client.post(f"{path}/issue")
    walk.issuance = walk.client.wait(
        path, lambda issuance: issuance["state"] in ("issued", "failed", "cancelled"), seconds=walk.patience
    )
    expect(walk.issuance["state"] == "issued", f"issuance {walk.issuance['state']}: {walk.issuance['error']}")
    found = walk.issuance["certificate"]
    walk.certificate = walk.client.get(f"/certificates/{found['id'] if isinstance(found, dict) else found}")
    expect(set(walk.certificate["names"]) == set(walk.names), f"the certificate names {walk.certificate['names']}")
    return f"SHA-256 {walk.certificate['fingerprint_sha256'][:16]}…, until {walk.certificate['not_after'][:10]}"


def download_bundle(walk: Walk) -> str:
    """The ZIP holds a key that fits the certificate that was issued."""
    answer = walk.client.send("GET", f"/certificates/{walk.certificate['id']}/bundle.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        walk.bundle = {info.filename.rpartition("/")[2]: archive.read(info) for info in archive.infolist()}
        private = next(info for info in archive.infolist() if info.filename.endswith("privkey.pem"))
    expect((private.external_attr >> 16) & 0o777 == 0o600, "privkey.pem in the ZIP is readable by others")
    leaf = x509.load_pem_x509_certificate(walk.bundle["cert.pem"])
    key = load_pem_private_key(walk.bundle["privkey.pem"], password=None)
    expect(leaf.fingerprint(hashes.SHA256()).hex() == walk.certificate["fingerprint_sha256"], "another certificate")
    expect(key.public_key() == leaf.public_key(), "the key in the ZIP does not fit its certificate")
    return ", ".join(sorted(walk.bundle))


def add_target(walk: Walk) -> str:
    """Where the certificate goes: the pasted key, a directory, a reload command."""
    habitat = walk.habitat
    walk.target = walk.client.post(
        f"{walk.domain_path}/targets",
        {
            "host": SSH_HOST,
            "port": habitat.ssh.port,
            "username": habitat.ssh.user.name,
            "private_key": habitat.ssh.user.private_key,
            "certificate_directories": [str(habitat.web.certificates)],
            "reload_commands": [habitat.web.reload_command],
            "verify_ports": [habitat.web.https_port],
        },
    )
    return f"{habitat.ssh.user.name}@{SSH_HOST}:{walk.habitat.web.certificates}"


def _run(walk: Walk, path: str, body: Json | None = None) -> Json:
    """Start a target run and wait for its end."""
    answer = walk.client.send("POST", path, body or {})
    run = dict(answer.json())
    if run.get("state") in (None, "waiting", "running"):
        url = run.get("url") or f"/runs/{run['id']}"
        run = walk.client.wait(url, lambda row: row["state"] not in ("waiting", "running"), seconds=walk.patience)
    return run


def check_target(walk: Walk) -> str:
    """The test shows the host key and pins nothing."""
    run = _run(walk, f"/targets/{walk.target['id']}/test")
    walk.host_key = run["host_key_fingerprint"]
    expect(walk.host_key == walk.habitat.ssh.fingerprint, f"the test shows host key {walk.host_key}: {run}")
    pinned = walk.client.get(f"/targets/{walk.target['id']}")["host_key_fingerprint"]
    expect(not pinned, "the test pinned the host key")
    return f"host key {walk.host_key}"


def trust_target(walk: Walk) -> str:
    """A person compares the fingerprint and pins it; then the whole test passes."""
    walk.client.post(f"/targets/{walk.target['id']}/trust", {"fingerprint": walk.host_key})
    run = _run(walk, f"/targets/{walk.target['id']}/test")
    expect(run["ok"], f"the test failed: {run['error']} {run['steps']}")
    return f"{len(run['steps'])} checks passed"


def deploy(walk: Walk) -> str:
    """Files, reload, and the served certificate compared by the portal itself."""
    walk.deployment = walk.client.post(f"{walk.domain_path}/deployments")
    walk.deployment = walk.client.wait(
        f"/deployments/{walk.deployment['id']}",
        lambda deployment: deployment["state"] != "running",
        seconds=walk.patience,
    )
    expect(walk.deployment["state"] == "deployed", f"{walk.deployment['state']}: {walk.deployment['targets']}")
    return f"{len(walk.deployment['targets'])} target serving"


def see_served(walk: Walk) -> str:
    """Fetched from nginx over TLS by the standard library, with nothing of the portal in between."""
    served = walk.habitat.web.fingerprint(HOST)
    issued = walk.certificate["fingerprint_sha256"]
    expect(served == issued, f"nginx serves {served}, issued was {issued}")
    reported = walk.deployment["targets"][0]["served_fingerprint_sha256"]
    expect(reported == served, f"the portal reports {reported}, nginx serves {served}")
    return f"SHA-256 {served[:16]}… is the issued one"


def read_mail(walk: Walk) -> str:
    """The outcome reaches the workspace's admins, with the certificate it is about."""
    shown = walk.certificate["fingerprint_sha256"][:16]
    mail = walk.habitat.mail.wait_for("certificate deployed", recipient=EMAIL, text_part=shown, seconds=walk.patience)
    expect(HOST in mail.subject, f"the mail is about {mail.subject}")
    return f"“{mail.subject}” to {mail.recipients[0]}"


type Step = tuple[str, Callable[[Walk], str]]

STEPS: tuple[Step, ...] = (
    ("Add the domain; it is visited at once", add_domain),
    ("Prove ownership by TXT", verify_domain),
    ("Start an issuance", start_issuance),
    ("Publish what the CA wants to see", publish_records),
    ("Issue the certificate", issue),
    ("Download it as ZIP", download_bundle),
    ("Add the server to deploy to", add_target),
    ("Test SSH", check_target),
    ("Trust the host key", trust_target),
    ("Deploy", deploy),
    ("See it being served", see_served),
    ("Read the mail about it", read_mail),
)


def run_steps(walk: Walk, before: Callable[[str], None], after: Callable[[str, str], None]) -> None:
    """All steps in order; the first that fails raises."""
    for title, step in STEPS:
        before(title)
        after(title, step(walk))
