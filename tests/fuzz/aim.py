"""Generated requests, led to where they get far: at rows that exist, with values that are more than well-formed."""

import json
import re
import uuid
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from schemathesis import APIOperation, Case

from tests.fuzz.scene import HOST, Scene, picked
from tests.servers.people import new_ssh_key
from tests.unit.domains.forge import Authority

ELSEWHERE = "blog.acme-tools.net"
KEY = new_ssh_key()[0]
HOST_KEY = "SHA256:" + "a" * 43
# Values beyond the document's own examples, whose host names are reserved and whose key is no key.
PLAUSIBLE: dict[str, list[Any]] = {
    "hostname": [ELSEWHERE, f"{ELSEWHERE}:8443", "bücher.acme-tools.net", HOST, "10.0.0.1"],
    "host": ["web-01.acme-tools.net", "192.0.2.7", "[2001:db8::1]"],
    "names": [[HOST], [f"*.{HOST}", HOST], [ELSEWHERE]],
    "private_key": [KEY],
    "passphrase": [""],
    "host_key_fingerprint": [HOST_KEY],
    "fingerprint": [HOST_KEY],
    "pem": [Authority("Fuzz Root").certificate.public_bytes(Encoding.PEM).decode()],
    "format": ["haproxy", "pfx"],
    "port": [None, 443],
    "challenge": ["", "dns-01"],
    "key_type": ["", "ecdsa-p384"],
    "ca": [""],
    "use_sudo": [False],
    "chown": [""],
    "webroot": [""],
    "standalone": [False],
    "standalone_use_sudo": [False],
}


def aim(case: Case, scene: Scene) -> None:
    """Ids become those of rows, most of the time; a body that is well-formed becomes plausible."""
    for name, value in list(case.path_parameters.items()):
        if _is_id(value) and picked([True] * 7 + [False], value):
            case.path_parameters[name] = str(scene.rows.called(_word_before(case.path, name)).pk)
    if _is_id(case.query.get("domain_id")):
        case.query["domain_id"] = str(scene.rows.called("domain").pk)
    make_plausible(case, scene)


def make_plausible(case: Case, scene: Scene) -> None:
    if _is_id(case.query.get("workspace")):
        case.query["workspace"] = str(scene.cast.acme.pk)
    if isinstance(case.body, dict) and not (case.meta and case.meta.generation.mode.is_negative):
        case.body = _plausible(case.body, _properties(case), scene)


def best_case(operation: APIOperation, scene: Scene) -> Case:
    """The request that should succeed if any does."""
    names = re.findall(r"{(\w+)}", operation.path)
    ids = {name: str(scene.rows.called(_word_before(operation.path, name)).pk) for name in names}
    case: Case = operation.Case(path_parameters=ids, media_type="application/json")
    if "requestBody" in operation.definition.raw:
        given = {name: PLAUSIBLE[name][0] for name in _properties(case) if PLAUSIBLE.get(name)}
        case.body = {**_examples(_properties(case)), **given}
    return case


def _examples(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: schema["examples"][0] for name, schema in properties.items() if schema.get("examples")}


def _plausible(body: dict[str, Any], properties: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """Half of the bodies get all the values that we know to fit, the others some of them."""
    is_whole = picked([True, False], body)
    known = [name for name, schema in properties.items() if PLAUSIBLE.get(name) or schema.get("examples")]
    given = {**dict.fromkeys(known), **body} if is_whole else body
    return {name: _value(name, value, properties.get(name, {}), scene, is_whole) for name, value in given.items()}


def _value(name: str, value: Any, schema: dict[str, Any], scene: Scene, is_whole: bool) -> Any:
    if "uuid" in json.dumps(schema):
        return str(scene.rows.called(name).pk) if _is_id(value) else value
    known = PLAUSIBLE.get(name) or schema.get("examples", [])
    return picked([*known] if is_whole and known else [*known, value], (name, value))


def _properties(case: Case) -> dict[str, Any]:
    definition = case.operation.definition.raw
    schema = definition["requestBody"]["content"]["application/json"]["schema"]
    return dict(schema.get("properties", {}))


def _word_before(path: str, name: str) -> str:
    """`/domains/{id}` speaks of a domain."""
    found = re.search(rf"([\w-]+)/{{{name}}}", path)
    assert found, f"{path} does not say what {name} is"
    return found[1].removesuffix("s")


def _is_id(value: object) -> bool:
    try:
        return bool(uuid.UUID(str(value)))
    except ValueError:
        return False
