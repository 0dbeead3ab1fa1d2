"""The platform's own mail as a worker sends it: rendered from what the outbox holds, when it is sent."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string

from accounts.chores import forget_some
from accounts.models import PlatformMail
from accounts.outbox import late
from config.lib import clock, egress, jobs
from config.lib.errors import ExpectedError, Permanent, Transient

log = logging.getLogger("mail")

SECONDS = 30
# Links in mails die, so a mail that could not be sent for a day is not worth sending.
GIVE_UP_AFTER = timedelta(days=1)


def send_queued(batch: Sequence[PlatformMail]) -> None:
    """Render and send; at least once, under one Message-ID, so that a doubled mail can be told."""
    for mail in batch:
        template, context = mail.template, json.loads(mail.sealed_context.reveal_text())
        if template in late:
            template, context = late.get(template)(context)
        subject, text, html = render_mail(template, context)
        mail.renew_lease(2 * SECONDS)
        try:
            send_platform_mail(to=mail.to, subject=subject, text=text, html=html, message_id=str(mail.pk))
        except Transient as error:
            if clock.now() - mail.created_at > GIVE_UP_AFTER:
                raise Permanent(error.code, **error.params) from error
            raise
        # The context has done its work, and may hold a link that lets people in.
        mail.finish(state=PlatformMail.State.SENT, sent_at=clock.now(), error_code="", sealed_context="")


def give_up_mail(mail: PlatformMail, error: ExpectedError) -> None:
    log.error("mail.failed", extra={"mail": str(mail.pk), "template": mail.template, "code": error.code})
    mail.finish(
        state=PlatformMail.State.FAILED,
        error_code=error.code,
        error_params=jobs.storable(error.params),
        sealed_context="",
    )


def forget_old_mails() -> bool:
    """A chore: what was sent or given up KEEP_MAILS_DAYS ago. A bounded piece."""
    limit = clock.now() - timedelta(days=settings.KEEP_MAILS_DAYS)
    rows = PlatformMail.objects.filter(created_at__lt=limit, run_after=None, lease_token=None)
    return forget_some(rows.exclude(state=PlatformMail.State.WAITING))


def render_mail(template: str, context: Mapping[str, Any]) -> tuple[str, str, str]:
    """Subject, text and HTML of one of our own mails."""
    base = f"accounts/mail/{template}"
    values = {**context, "site_name": settings.SITE_NAME, "site_url": settings.SITE_URL}
    subject = " ".join(render_to_string(f"{base}_subject.txt", values).split())
    values["subject"] = subject
    return subject, render_to_string(f"{base}.txt", values), render_to_string(f"{base}.html", values)


def send_platform_mail(*, to: str, subject: str, text: str, html: str, message_id: str) -> str:
    """Hand one mail to the operator's server, or to VAR_DIR/mail without one. Blocks up to 30 s.

    `message_id` must stay the same when a mail is sent again. Answers the server's last reply, or the
    file's name. Raises the ExpectedErrors of `egress.smtp_send`.
    """
    message = compose(to=to, subject=subject, text=text, html=html, message_id=message_id)
    if settings.EMAIL_URL:
        return egress.smtp_send(settings.EMAIL_URL, message, egress.Deadline(SECONDS), operator=True)
    return _write(message, message_id)


def compose(*, to: str, subject: str, text: str, html: str, message_id: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = settings.DEFAULT_FROM_EMAIL
    message["To"] = to
    message["Subject"] = " ".join(subject.split())
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{message_id}@{urlsplit(settings.SITE_URL).hostname}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices in return
    message.set_content(text.strip() + "\n")
    message.add_alternative(html, subtype="html")
    return message


def _write(message: EmailMessage, message_id: str) -> str:
    """A file per mail, whole or not there: renamed into place. Only the portal's user may read it."""
    folder: Path = settings.VAR_DIR / "mail"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{clock.now():%Y%m%d-%H%M%S}-{message_id}.eml"
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(bytes(message))
    part.replace(path)
    log.info("mail.written", extra={"file": path.name, "to": str(message["To"])})
    return path.name
