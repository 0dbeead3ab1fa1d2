"""Pull tokens: made, shown once, revoked, found again by their secret; and which certificate each stands for."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction

from accounts.models import User
from auditlog.events import Actor, record
from certificates.models import Certificate, PullToken
from config.lib import clock
from config.lib.errors import NeedsUser
from domains.models import Domain

# Scanners for leaked secrets, and our own log's redactor, recognise it.
PREFIX = "mmcp_"
SHOWN = 12
TOKENS_AT_MOST = 50
# Newer ones without the token's names are passed over; further back there is nothing that is still valid.
LOOKED_AT = 100
# Whoever asks every minute changes no row each time, and leaves one event an hour.
NOTED_EVERY, TOLD_EVERY = timedelta(minutes=1), timedelta(hours=1)


def tokens_for(certificate: Certificate) -> list[PullToken]:
    """Those of its domain that it satisfies, the newest first."""
    rows = PullToken.objects.for_workspace(certificate.workspace_id).filter(domain=certificate.domain_id)
    rows = rows.select_related("created_by", "last_certificate").order_by("-created_at", "-id")
    return [row for row in rows if set(row.names) <= set(certificate.names)]


def make_pull_token(
    *, certificate: Certificate, name: str, actor: Actor, user: User | None = None
) -> tuple[PullToken, str]:
    """The row and its secret, which is kept nowhere.

    Raises NeedsUser: no_bundle_for_uploads, no_private_key, pull_tokens_full.
    """
    if certificate.source != Certificate.Source.ACME:
        raise NeedsUser("no_bundle_for_uploads")
    if certificate.private_key_id is None:
        raise NeedsUser("no_private_key")
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        # One at a time, or the limit would be none.
        Domain.objects.for_workspace(certificate.workspace_id).select_for_update(no_key=True).get(
            pk=certificate.domain_id
        )
        rows = PullToken.objects.for_workspace(certificate.workspace_id).filter(domain=certificate.domain_id)
        if rows.count() >= TOKENS_AT_MOST:
            raise NeedsUser("pull_tokens_full", most=TOKENS_AT_MOST)
        token = PullToken.unscoped.create(
            workspace_id=certificate.workspace_id,
            domain=certificate.domain,
            names=certificate.names,
            name=name,
            prefix=secret[:SHOWN],
            digest=_digest(secret),
            created_by=user,
        )
        _record("pull.created", token, actor)
    return token, secret


def revoke_pull_token(*, token: PullToken, actor: Actor) -> None:
    """At once and for good; repeatable."""
    with transaction.atomic():
        if PullToken.objects.for_workspace(token.workspace_id).filter(pk=token.pk).delete()[0]:
            _record("pull.revoked", token, actor)


def find_pull_token(secret: str) -> PullToken | None:
    """The live token of this secret, with its domain; everything else is None."""
    if not secret.startswith(PREFIX):
        return None
    rows = PullToken.unscoped.select_related("domain")  # unscoped: the digest alone says whose it is
    return rows.filter(digest=_digest(secret), workspace__closing_at=None).first()


def certificate_of(token: PullToken) -> Certificate | None:
    """The newest that is valid now, was issued here and has every name that the token stands for."""
    now = clock.now()
    rows = Certificate.objects.for_workspace(token.workspace_id).filter(
        domain=token.domain_id,
        source=Certificate.Source.ACME,
        private_key__isnull=False,
        revoked_at=None,
        not_before__lte=now,
        not_after__gt=now,
    )
    newest = rows.select_related("private_key").order_by("-created_at", "-id")[:LOOKED_AT]
    return next((row for row in newest if set(token.names) <= set(row.names)), None)


def note_pull(*, token: PullToken, certificate: Certificate, ip: str | None, is_given: bool) -> None:
    """Who was here and what they got. An event where the key left: the first time, from elsewhere, or after an hour."""
    now = clock.now()
    with transaction.atomic():
        rows = PullToken.objects.for_workspace(token.workspace_id).select_for_update(no_key=True, of=("self",))
        last = rows.filter(pk=token.pk).first()
        if last is None:
            return
        is_other = (last.last_certificate_id, last.last_pulled_ip) != (certificate.pk, ip)
        since = now - last.last_pulled_at if last.last_pulled_at else TOLD_EVERY
        if is_given and (is_other or since >= TOLD_EVERY):
            actor = Actor("token", id=token.pk, label=f"pull token {token.name}", ip=ip)
            _record("pull.fetched", token, actor, certificate=str(certificate.pk))
        if is_other or since >= NOTED_EVERY:
            rows.filter(pk=token.pk).update(last_pulled_at=now, last_pulled_ip=ip, last_certificate=certificate)


def _record(kind: str, token: PullToken, actor: Actor, **more: str) -> None:
    record(
        kind,
        workspace_id=token.workspace_id,
        actor=actor,
        domain_id=token.domain_id,
        domain_label=token.domain.label,
        data={"name": token.name, "prefix": token.prefix, "names": ", ".join(token.names), **more},
    )


def _digest(secret: str) -> str:
    """SHA-256 suffices: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
