"""Many TLS hosts on loopback, each with an address, a name and a certificate of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.ca import TestCa
from tests.servers.child import Child
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import accepts, free_port

_HEAD = """\
daemon off;
pid {place}/nginx.pid;
error_log {place}/error.log warn;
worker_processes 1;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache off;
  ssl_session_tickets off;
  ssl_ecdh_curve X25519;
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
"""
_HOST = """\
  server {{
    listen {address}:{port} ssl;
    server_name {name};
    ssl_certificate {place}/{name}.pem;
    ssl_certificate_key {place}/key.pem;
    return 200 "It works.\\n";
  }}
"""


@dataclass(frozen=True)
class Farm:
    """`hosts` are (name, address) pairs, all on one port, all under the one root in `ca_bundle`."""

    hosts: tuple[tuple[str, str], ...]
    port: int
    ca_bundle: Path


def _write(place: Path, count: int, port: int) -> Farm:
    authority = TestCa("Farm")
    ca_bundle = place / "root.pem"
    ca_bundle.write_bytes(authority.root_pem)
    hosts = tuple((f"host{n}.farm.example", f"127.1.{n // 250}.{n % 250 + 1}") for n in range(count))
    first = authority.issue(["farm.example"])
    (place / "key.pem").write_bytes(first.key_pem)
    blocks = [_HEAD.format(place=place)]
    for name, address in hosts:
        # One key for all: a certificate of its own is what each host needs, and keys cost nothing here.
        issued = authority.issue([name, address], key=first.key)
        (place / f"{name}.pem").write_bytes(issued.fullchain_pem)
        blocks.append(_HOST.format(address=address, port=port, name=name, place=place))
    (place / "nginx.conf").write_text("".join([*blocks, "}\n"]))
    return Farm(hosts, port, ca_bundle)


@contextmanager
def farm(count: int) -> Iterator[Farm]:
    """Start nginx with `count` hosts."""
    with private_directory("farm", shared=True) as place:
        made = _write(place, count, free_port())
        argv = ["nginx", "-c", str(place / "nginx.conf"), "-e", str(place / "boot.log")]
        child = Child("nginx", argv, log=place / "output.log", env=plain_environment())
        try:
            child.wait_ready(lambda: accepts(made.port, made.hosts[-1][1]))
            yield made
        finally:
            child.stop()
