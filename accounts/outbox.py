"""Where the platform's own mail is queued: a template's name and a sealed context. mail.py sends it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from accounts.models import PlatformMail
from config.lib import clock, jobs
from config.lib.registry import Registry
from config.lib.sealed import Sealed

# Mails whose template and context are worked out only when they are sent, by name in place of a template.
late: Registry[Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]]]] = Registry("mails worked out late")
RESET_ASKED = "reset_asked"


def queue_mail(*, to: str, template: str, context: Mapping[str, Any]) -> PlatformMail:
    """One row in the outbox, inside the caller's transaction; `context` must be JSON, and is sealed.

    `template` names `templates/accounts/mail/<template>{_subject.txt,.txt,.html}`.
    """
    mail = PlatformMail.objects.create(
        to=to,
        template=template,
        sealed_context=Sealed.of(json.dumps(dict(context))),
        run_after=clock.now(),
        priority=jobs.INTERACTIVE,
    )
    jobs.ring("platform_mail", interactive=True)
    return mail
