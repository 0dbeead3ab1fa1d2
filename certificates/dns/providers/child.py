"""One visit to a DNS provider, in a process of its own: job on stdin as JSON, outcome on stdout as JSON.

It knows nothing of the portal: no settings, no database, no environment. Names resolve only to the addresses in
its job, all of which the portal judged; its time, memory and CPU are limited. The providers' modules have no
timeouts of their own and log what they send, so both is seen to here.
"""

import json
import logging
import os
import resource
import socket
import sys
from typing import Any

CPU_SECONDS = 20
MEMORY = 1024 * 1024 * 1024
FILES = 8 * 1024 * 1024
HTTP_SECONDS = 20
WORDS = 500


def limit() -> None:
    """Before anything is imported that could need more."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILES, FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)


def pin_names(addresses: dict[str, list[str]]) -> None:
    """Nothing resolves but what the portal resolved and judged."""
    resolve = socket.getaddrinfo

    def pinned(host: Any, port: Any, family: int = 0, kind: int = 0, proto: int = 0, flags: int = 0) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        found: list[Any] = []
        for address in addresses.get(name.lower().rstrip("."), []):
            found += resolve(address, port, 0, kind, proto, socket.AI_NUMERICHOST)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, f"{name} is not a host of this provider")
        return found

    socket.getaddrinfo = pinned  # type: ignore[assignment]


def bound_requests(bundle: str) -> None:
    """A timeout for each request, no proxies, and the operator's own roots beside the public ones."""
    import certifi
    import requests

    plain = requests.Session.request
    roots = certifi.where()
    if bundle:
        joined = os.path.join(os.getcwd(), "roots.pem")  # noqa: PTH109, PTH118  (the private directory it runs in)
        with open(joined, "wb") as out:  # noqa: PTH123
            for path in (roots, bundle):
                with open(path, "rb") as part:  # noqa: PTH123
                    out.write(part.read() + b"\n")
        roots = joined

    def bounded(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.trust_env = False
        kwargs["timeout"] = HTTP_SECONDS
        kwargs.setdefault("verify", roots)
        return plain(self, *args, **kwargs)

    requests.Session.request = bounded  # type: ignore[method-assign]


def client(job: dict[str, Any]) -> Any:
    from lexicon.client import Client
    from lexicon.config import ConfigResolver

    settings = {
        "provider_name": job["module"],
        "domain": job["zone"],
        # Whatever the library makes of the name by its list of suffixes: this is the zone.
        "delegated": job["zone"],
        "ttl": job["ttl"],
        job["module"]: job["values"],
    }
    return Client(ConfigResolver().with_dict(settings))  # type: ignore[no-untyped-call]


def work(job: dict[str, Any]) -> None:
    """Every record of the job in one session, since each session signs in."""
    with client(job) as operations:
        for record in job["records"]:
            if job["action"] == "create":
                operations.create_record("TXT", record["name"], record["value"])
            elif job["action"] == "delete":
                delete(operations, record)
            else:
                try_out(operations, record)


def delete(operations: Any, record: dict[str, str]) -> None:
    """With its value, or every TXT record of the name would go; one that is gone already is no error."""
    found = operations.list_records("TXT", record["name"])
    if any(same(one, record) for one in found):
        operations.delete_record(rtype="TXT", name=record["name"], content=record["value"])


def same(found: dict[str, Any], record: dict[str, str]) -> bool:
    return str(found.get("content", "")).strip('"') == record["value"]


def try_out(operations: Any, record: dict[str, str]) -> None:
    operations.create_record("TXT", record["name"], record["value"])
    try:
        if not any(same(one, record) for one in operations.list_records("TXT", record["name"])):
            raise LookupError("The record was taken, and is not listed.")
    finally:
        operations.delete_record(rtype="TXT", name=record["name"], content=record["value"])


def told(error: Exception) -> dict[str, Any]:
    """The error in plain words and figures; its kind decides what the portal says of it."""
    response = getattr(error, "response", None)
    names = [kind.__name__ for kind in type(error).__mro__]
    text = getattr(response, "text", "") or str(error) or names[0]
    return {
        "ok": False,
        "kinds": names[:4],
        "status": int(getattr(response, "status_code", 0) or 0),
        "retry_after": str(getattr(response, "headers", {}).get("Retry-After", ""))[:40],
        "text": f"{text}"[:WORDS],
    }


def main() -> None:
    limit()
    job = json.loads(sys.stdin.read())
    pin_names(job["addresses"])
    try:
        bound_requests(job["bundle"])
        work(job)
        outcome: dict[str, Any] = {"ok": True}
    except Exception as error:  # noqa: BLE001  (the modules raise whatever they like)
        outcome = told(error)
    sys.stdout.write(json.dumps(outcome))


if __name__ == "__main__":
    main()
