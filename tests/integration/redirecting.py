"""A domain whose web server redirects everything, and the buttons of `Fix ACME redirect`."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accounts.models import Workspace
from auditlog.events import SYSTEM
from certificates.models import Renewal
from deploy.http01.answering import Http01
from deploy.models import Server, Target, TargetRun
from deploy.redirects.starting import start_fix
from deploy.targets import Placement, save_target
from domains.models import Domain, Mode
from tests.integration.deploying import HOST, Scene, work
from tests.servers.apache import Apache
from tests.servers.child import alive, family
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx
from tests.servers.ports import wait_until
from tests.servers.sshd import Sshd

Deed = TargetRun.Deed
UNKNOWN = "/.well-known/acme-challenge/unknown"


class FixScene(Scene):
    """One domain on a web server of its own port."""

    def __init__(self, settings: Any, workspace: Workspace, web: Nginx | Apache, dns: ChallengeDns) -> None:
        super().__init__(settings, workspace, host=HOST)
        settings.DNS_RESOLVERS = ((dns.host, dns.port),)
        settings.ACME_HTTP01_PORT = web.http_port
        self.web = web

    def row(self, sshd: Sshd, *, use_sudo: bool = False, webroot: Path | None = None) -> Target:
        server: Server = self.server(sshd)
        chosen = Placement(
            [f"/etc/ssl/mmc-{uuid.uuid4().hex[:6]}"], {}, [], [], use_sudo,
            http01=Http01(str(webroot or self.web.document_root)),
        )  # fmt: skip
        return save_target(domain=self.domain, server=server, chosen=chosen, actor=SYSTEM)

    def renews(self, names: Sequence[str]) -> None:
        """Over HTTP, on its first server."""
        Domain.unscoped.filter(pk=self.domain.pk).update(mode=Mode.ACME_AUTO)
        Renewal.objects.create(workspace=self.workspace, domain=self.domain, names=list(names), names_key="x")

    def fix(self, target: Target, deed: TargetRun.Deed) -> TargetRun:
        return press(target, deed)


def press(target: Target, deed: TargetRun.Deed) -> TargetRun:
    """A button, and the workers until nothing is due."""
    run = start_fix(target=Target.unscoped.get(pk=target.pk), deed=deed, actor=SYSTEM)
    work()
    return TargetRun.unscoped.get(pk=run.pk)


def reload(web: Nginx | Apache) -> None:
    subprocess.run(web.reload_command.split(), check=True, capture_output=True)


def reload_wholly(web: Nginx | Apache) -> None:
    """Return when no worker of before is left that might answer once more."""
    assert web.child is not None
    workers = family(web.child.pid)
    del workers[web.child.pid]
    reload(web)
    wait_until(lambda: not alive(workers), seconds=15, what="the end of the old workers")


def redirect_everything(web: Nginx | Apache, way: str) -> None:
    """301 to a port to which no CA follows, in one of the ways that people write it."""
    to = f"https://{HOST}:{web.https_port}"
    (web.place / WAYS[way][0]).write_text(WAYS[way][1].replace("{to}", to) + "\n")
    reload(web)
    wait_until(lambda: asked(web) == "301", seconds=15, what="the redirect")


def add_redirected(web: Nginx | Apache, blocks: Sequence[Sequence[str]]) -> Path:
    """A file of more virtual hosts, each for its names, that redirect everything."""
    file = web.place / "sites.inc"
    known = {"at": f"{web.host}:{web.http_port}", "root": web.document_root, "to": f"https://{HOST}:{web.https_port}"}
    template = _NGINX_BLOCK if isinstance(web, Nginx) else _APACHE_BLOCK
    with file.open("a") as opened:
        opened.writelines(template.format(first=names[0], names=" ".join(names), **known) for names in blocks)
    if isinstance(web, Apache):
        shutil.copystat(web.configuration, file)
        os.chown(file, web.configuration.stat().st_uid, web.configuration.stat().st_gid)
        with web.configuration.open("a") as configuration:
            configuration.write(f"Include {file}\n")
    reload(web)
    name = blocks[-1][-1]
    wait_until(lambda: asked(web, host=name) == "301", seconds=15, what="the redirect")
    return file


_NGINX_BLOCK = """server {{
  listen {at};
  server_name {names};
  return 301 {to}$request_uri;
}}
"""
_APACHE_BLOCK = """<VirtualHost {at}>
  ServerName {first}
  ServerAlias {names}
  DocumentRoot {root}
  Redirect permanent / {to}/
</VirtualHost>
"""
WAYS: Mapping[str, tuple[str, str]] = {
    "nginx location": ("location.inc", "return 301 {to}$request_uri;"),
    "nginx return": ("before.inc", "return 301 {to}$request_uri;"),
    "nginx if": ("before.inc", "if ($request_method = GET) { return 301 {to}$request_uri; }"),
    "nginx rewrite": ("before.inc", "rewrite ^ {to}$request_uri permanent;"),
    "apache rewrite": ("before1.inc", "RewriteRule ^ {to}%{REQUEST_URI} [R=301,L]"),
    "apache redirect": ("before1.inc", "Redirect permanent / {to}/"),
    "apache match": ("before1.inc", "RedirectMatch 301 ^(.*)$ {to}$1"),
}


def asked(web: Nginx | Apache, path: str = "/", *, host: str = HOST) -> str:
    """The status of a plain request."""
    url = f"http://{web.host}:{web.http_port}{path}"
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Host: {host}", url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
