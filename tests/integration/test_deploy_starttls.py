"""A deployment to a mail server is proven by what it serves after STARTTLS. In `make test`."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from domains.models import Domain
from tests.cast import make_cast
from tests.corpus.asking import SMTP
from tests.corpus.serving import Handler, asks_first, served, talks_tls
from tests.integration.deploying import Scene, run_of, told
from tests.servers.sshd import Sshd

pytestmark = pytest.mark.django_db(transaction=True)


def _serves(directory: Path) -> Handler:
    """SMTP that reads its files anew for each connection, so that no reload is needed."""
    before = asks_first(SMTP, None, leaves=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await before(reader, writer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "fullchain.pem", directory / "key.pem")
        await talks_tls(reader, writer, context)

    return serve


def test_a_mail_servers_certificate_is_seen_through_its_own_protocol(settings: Any, ssh_server: Sshd) -> None:
    directory = ssh_server.user.home / "tls"
    with served([_serves(directory)]) as (port,):
        scene = Scene(settings, make_cast().acme, port=port)
        Domain.unscoped.filter(pk=scene.domain.pk).update(protocol="smtp")
        scene.certificate()
        scene.target(scene.server(ssh_server), [directory])
        run = run_of(scene.deploy())
        assert run.outcome == "serving", told(run)
