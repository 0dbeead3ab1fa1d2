"""A portal's database with something in every sealed column, made by a process with that portal's settings."""

import json
import secrets
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.servers.ca import TestCa
from tests.servers.migrated import SQLITE, migrated_postgres, migrated_sqlite
from tests.servers.portal import Portal
from tests.servers.postgres import Postgres

EMAIL = "ann@acme.test"
HOST = "www.forge.org"
# Names the secret in every spelling that a test looks for.
SECRET = "kanarien-Vogel-7e41c9-im-Tresor"
DUE_MAIL = "account_exists"

_FILL = """
import django, json
django.setup()
from tests.integration.full_portal import fill
print(json.dumps(fill()))
"""
_SIGN_IN = """
import django
django.setup()
from tests.integration.full_portal import new_session
print(new_session())
"""


def portal_of(postgres: Postgres | None, place: Path, **settings: str) -> Portal:
    """A portal that does not run yet, with an empty database of its own, on PostgreSQL where one is given."""
    name = f"portal{secrets.token_hex(4)}"
    if postgres is not None:
        settings["DATABASE_URL"] = migrated_postgres(postgres, name)
    portal = Portal(place / name, settings)
    portal.var_dir.mkdir(mode=0o700)
    if postgres is None:
        (portal.var_dir / SQLITE).write_bytes(migrated_sqlite())
    return portal


def filled(portal: Portal) -> dict[str, Any]:
    """Fill it; the JSON of `bootstrap_workspace`."""
    made = portal.bootstrap(EMAIL, "Acme", "--api-token")
    return {**made, **json.loads(portal.run_python(_FILL))}


def fill() -> dict[str, str]:
    """A row of every model with a sealed column, SECRET in each of them, a second factor, a session, one due mail.

    And a certificate with its key, whose id, fingerprint and key are what it answers; events are sealed.
    """
    from allauth.mfa.models import Authenticator  # Django is set up by then
    from allauth.mfa.totp.internal.auth import TOTP

    from accounts.models import User, Workspace
    from accounts.outbox import queue_mail
    from auditlog.chain import seal_settled
    from auditlog.events import SYSTEM
    from config.lib import clock
    from config.sealed_places import places
    from domains.add import add_domain
    from tests.rows import Rows, owned_models

    user, workspace = User.objects.get(), Workspace.objects.get()
    domain = add_domain(workspace=workspace, actor=SYSTEM, hostname=HOST)
    rows = Rows(workspace, user, shared=[domain])
    for model in {place.model for place in places()} & set(owned_models()):
        _seal_all(rows.of(model))
    TOTP.activate(user, SECRET)
    assert Authenticator.objects.get().data["secret"] != SECRET
    new_session()
    queue_mail(to=EMAIL, template=DUE_MAIL, context={"url": f"http://localhost/{SECRET}"})
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        seal_settled()
    return _certificate(domain)


def _certificate(domain: Any) -> dict[str, str]:
    from certificates.models import Certificate, PrivateKey
    from certificates.store import keep_names
    from config.lib.sealed import Sealed

    issued, workspace = TestCa().issue([HOST]), domain.workspace
    key = PrivateKey.objects.create(workspace=workspace, domain=domain, sealed_pem=Sealed.of(issued.key_pem))
    row = Certificate.objects.create(
        workspace=workspace,
        domain=domain,
        names=[HOST],
        leaf_pem=issued.cert_pem.decode(),
        chain_pem=issued.chain_pem.decode(),
        fingerprint_sha256=issued.fingerprint,
        not_before=issued.certificate.not_valid_before_utc,
        not_after=issued.certificate.not_valid_after_utc,
        private_key=key,
    )
    keep_names(row)
    return {"certificate": str(row.pk), "key": issued.key_pem.decode()}


def sign_in(portal: Portal) -> dict[str, str]:
    """The cookie of a new session of the one person there is, as a browser sends it."""
    return {"session": portal.run_python(_SIGN_IN).strip()}


def new_session() -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from accounts.models import User
    from accounts.sessions import SessionStore

    user, session = User.objects.get(), SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "accounts.backends.EmailBackend"
    session.save(must_create=True)
    return str(session.session_key)


def _seal_all(row: Any) -> None:
    from config.lib.sealed import Sealed, SealedField

    fields = [field.attname for field in row._meta.concrete_fields if isinstance(field, SealedField)]
    for name in fields:
        setattr(row, name, Sealed.of(SECRET))
    if fields:
        row.save(update_fields=fields)


_OPEN = """
import django, json
django.setup()
from tests.integration.full_portal import opened
print(json.dumps(opened()))
"""


def read_secrets(portal: Portal) -> dict[str, list[str]]:
    """What every sealed place of the portal's database opens to, by the place's name."""
    return dict(json.loads(portal.run_python(_OPEN)))


def opened() -> dict[str, list[str]]:
    from config.sealed_places import places, replaced  # Django is set up by then

    found: dict[str, list[str]] = {}
    for place in places():
        for row in (row for batch in place.batches() for row in batch):
            keep = partial(_keep, found.setdefault(str(place), []), place.context(row))
            replaced(place.value(row), keep)
    return found


def _keep(texts: list[str], context: bytes, blob: str) -> str:
    from config.lib.sealed import unseal

    texts.append(unseal(blob, context=context).decode())
    return blob
