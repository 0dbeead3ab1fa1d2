"""When a workspace is deleted: what people see of this room before, and what is settled with CAs."""

from accounts.closing import Content, closing_steps, contents
from certificates.models import Certificate
from config.lib.later import later

contents.add(
    "certificates",
    Content(Certificate, "1 certificate with its private key", "{} certificates with their private keys", 20),
)
closing_steps.add("certificates", later("certificates.leaving.deactivate_accounts"))
