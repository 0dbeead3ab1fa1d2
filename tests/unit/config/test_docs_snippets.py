"""Snippets of the documentation: a button on each, and the reader's own names in them."""

import pytest
from django.test import Client
from pytest_django import Settings

from config.docs_snippets import DOMAIN, HOST, USER, dress, fill
from deploy.models import Server
from domains.models import Domain
from tests.cast import make_cast

NAMES = {DOMAIN: "www.acme.example", HOST: "web7.acme.example", USER: "deployer"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("/etc/nginx/ssl/shop.example.com/key.pem", "/etc/nginx/ssl/www.acme.example/key.pem"),
        ("-f ./mmc-deploy-ed25519", "-f ./mmc-deploy-ed25519"),
        ("ssh mmc-deploy@web-01.example.com", "ssh deployer@web7.acme.example"),
        ("_acme-challenge.shop.example.com.", "_acme-challenge.www.acme.example."),
        ("/home/mmc-deploy/.ssh", "/home/deployer/.ssh"),
    ],
)
def test_whole_names_are_filled_in(text: str, filled: str) -> None:
    assert fill(text, NAMES) == filled


def test_a_snippet_is_escaped_and_can_be_copied() -> None:
    shown = dress('<pre><code class="language-sh">echo &quot;$A&quot; &lt; f\n</code></pre>', {})
    assert 'data-copy="echo &quot;$A&quot; &lt; f"' in shown
    assert ">echo &quot;$A&quot; &lt; f</pre>" in shown


@pytest.mark.django_db
def test_everybody_finds_this_portal_in_the_operators_guide(client: Client, settings: Settings) -> None:
    settings.SITE_URL, settings.SITE_HOST = "https://certs.acme.example", "certs.acme.example"
    shown = client.get("/docs/operating/").content.decode()
    assert "server_name certs.acme.example;" in shown
    assert "static_configs: [{targets: [&quot;certs.acme.example&quot;]}]" in shown
    assert "SITE_URL=https://certs.acme.example\n" in client.get("/docs/google/").content.decode()


@pytest.mark.django_db
def test_a_reader_finds_own_names_and_a_stranger_the_examples(client: Client) -> None:
    cast = make_cast()
    assert "mmc-deploy@" not in client.get("/docs/deploy-ssh/").content.decode()
    assert "/home/mmc-deploy/.ssh" in client.get("/docs/deploy-ssh/").content.decode()
    Domain.unscoped.create(workspace=cast.acme, host="www.acme.example")
    Server.unscoped.create(workspace=cast.acme, host="web7.acme.example", username="deployer")
    Server.unscoped.create(workspace=cast.other, host="foreign.example", username="foreigner")
    client.force_login(cast.member)
    shown = client.get("/docs/deploy-ssh/").content.decode()
    assert "/home/deployer/.ssh" in shown
    assert "/etc/nginx/ssl/www.acme.example" in shown
    assert "foreign" not in shown
