"""`Fix ACME redirect`: the place in configurations as people write them, the button, the API."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deploy.models import Server, Target, TargetRun
from deploy.redirects import apache, nginx
from deploy.redirects.vhost import ExactReader, with_block, without_blocks
from domains.models import Domain
from tests.cast import Cast
from tests.unit.deploy.test_api import Api
from tests.unit.deploy.test_detection import Files

HOST = "shop.example.net"


def changed(texts: dict[str, str], finder: str, main: str) -> tuple[str, str]:
    """The file that is found, and its text with the change."""
    files: object = Files(texts)
    reader = ExactReader(files, [HOST])  # type: ignore[arg-type]
    found = (nginx.find_vhosts if finder == "nginx" else apache.find_vhosts)(reader, main, [HOST], 80)[HOST]
    text = without_blocks(texts[found.file], [HOST])
    return found.file, with_block(text, HOST, found.opens, found.block("/var/www"))


NGINX = {
    "/etc/nginx/nginx.conf": "http { include sites-enabled/*; }",
    "/etc/nginx/sites-enabled/a": "server { listen 80 default_server; return 444; }\n",
    "/etc/nginx/sites-enabled/b": "server { listen 443 ssl; server_name shop.example.net; }\n"
    "server {\n\tlisten 80;\n\tserver_name shop.example.net; # }\n\tlocation / { return 301 https://$host; }\n}\n",
}


def test_nginx_by_its_name_and_behind_the_brace() -> None:
    file, text = changed(NGINX, "nginx", "/etc/nginx/nginx.conf")
    assert file == "/etc/nginx/sites-enabled/b"
    assert text == (
        "server { listen 443 ssl; server_name shop.example.net; }\n"
        "server {\n"
        "    # managemycert: the ACME challenge of shop.example.net begins (Fix ACME redirect)\n"
        "    location ^~ /.well-known/acme-challenge/ {\n"
        "        root /var/www;\n"
        "        default_type text/plain;\n"
        "        allow all;\n        auth_basic off;\n"
        "    }\n"
        "    # managemycert: the ACME challenge of shop.example.net ends\n"
        "\tlisten 80;\n\tserver_name shop.example.net; # }\n\tlocation / { return 301 https://$host; }\n}\n"
    )
    again, same = changed({**NGINX, file: text}, "nginx", "/etc/nginx/nginx.conf")
    assert (again, same) == (file, text)


def test_nginx_takes_the_default_where_no_name_fits_and_a_return_of_the_block_is_overtaken() -> None:
    file, text = changed({**NGINX, "/etc/nginx/sites-enabled/b": ""}, "nginx", "/etc/nginx/nginx.conf")
    assert file == "/etc/nginx/sites-enabled/a"
    assert "    rewrite ^/\\.well-known/acme-challenge/ $uri last;\n    location ^~" in text
    assert changed({**NGINX, "/etc/nginx/sites-enabled/b": "", file: text}, "nginx", "/etc/nginx/nginx.conf")[1] == text


def test_a_location_of_somebody_else_is_not_doubled() -> None:
    own = "http { server { listen 80; location ^~ /.well-known/acme-challenge/ { root /srv; } } }"
    files: object = Files({"/n.conf": own})
    found = nginx.find_vhosts(ExactReader(files, [HOST]), "/n.conf", [HOST], 80)[HOST]  # type: ignore[arg-type]
    assert found.is_taken


APACHE = {
    "/etc/apache2/apache2.conf": "Include sites/*.conf\n",
    "/etc/apache2/sites/a.conf": "<VirtualHost *:80>\r\n  ServerName other.example.net\r\n</VirtualHost>\r\n"
    "# <VirtualHost *:80>\r\n<VirtualHost *:80>\r\n  ServerAlias *.example.net\r\n  Redirect / https://x/\r\n"
    "</VirtualHost>\r\n",
}


def test_apache_by_an_alias_with_the_line_ends_that_are_there() -> None:
    file, text = changed(APACHE, "Apache", "/etc/apache2/apache2.conf")
    before, _, after = text.partition("  ServerAlias")
    assert before.count("\r\n") == before.count("\n") == 18
    assert before.splitlines()[5].endswith("shop.example.net begins (Fix ACME redirect)")
    assert after.endswith("</VirtualHost>\r\n")
    assert changed({**APACHE, file: text}, "Apache", "/etc/apache2/apache2.conf")[1] == text


@pytest.fixture
def target(domain: Domain) -> Target:
    server = Server.objects.create(workspace=domain.workspace, host="web-01.example.net", username="mmc-deploy")
    return Target.objects.create(workspace=domain.workspace, domain=domain, server=server, webroot="/var/www")


@pytest.mark.both_databases
def test_the_api_starts_one_run_at_a_time(settings: Any, cast: Cast, client: Client, target: Target) -> None:
    settings.ANSWER_WITHIN_SECONDS = 0
    api = Api(client, cast)
    for deed, body in (("look", {}), ("apply", {"apply": True}), ("apply", {"apply": True})):
        status, answer = api("POST", f"/targets/{target.pk}/fix-redirect", body)
        run = TargetRun.unscoped.get(pk=answer["id"])
        assert (status, run.kind, run.deed) == (202, "fix_redirect", deed)
    assert TargetRun.unscoped.count() == 2
    assert api("POST", f"/targets/{target.pk}/fix-redirect/undo")[1]["code"] == "redirect_nothing_kept"
    Target.unscoped.update(webroot="")
    status, answer = api("POST", f"/targets/{target.pk}/fix-redirect", {"apply": True})
    assert (status, answer["code"]) == (409, "redirect_needs_webroot")


def test_the_row_shows_the_change_then_apply_and_undo(client: Client, cast: Cast, target: Target) -> None:
    client.force_login(cast.admin)
    tab = reverse("deploy:domain-deploy", args=[target.workspace_id, target.domain_id])
    assert "Fix ACME redirect" in client.get(tab).content.decode()
    run = TargetRun.objects.create(
        workspace=target.workspace, kind="fix_redirect", deed="look", state="partial", domain=target.domain,
        target=target, server=target.server, label="web-01", error_code="http01_redirected", error_params={},
    )  # fmt: skip
    data = {"diff": "--- a\n+++ b\n+<location>", "rule": "mmc ALL=x", "backup": "/var/backups/managemycert/a"}
    run.steps.create(workspace=target.workspace, position=0, name="What would change", detail="/etc/a", data=data)
    text = client.get(tab).content.decode()
    assert "+&lt;location&gt;" in text
    assert reverse("deploy:redirect-apply", args=[target.workspace_id, target.pk]) in text
    undo = reverse("deploy:redirect-undo", args=[target.workspace_id, target.pk])
    assert undo not in text
    Target.unscoped.update(redirect_fix={"phase": "in_place", "file": "/etc/a"})
    assert undo in client.get(tab).content.decode()
    assert client.post(reverse("deploy:redirect-apply", args=[target.workspace_id, target.pk])).status_code == 302
    assert TargetRun.unscoped.filter(deed="apply").count() == 1
