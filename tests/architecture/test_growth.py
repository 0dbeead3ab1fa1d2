"""No table grows without bound: each says what keeps it small. A new model has to say so too."""

from django.apps import apps

from accounts.chores import chores
from tests.servers.places import ROOT

# What people make, one by one, and delete again; or a row for each of such.
MADE_BY_PEOPLE = {
    *("account.EmailAddress", "account.EmailConfirmation", "mfa.Authenticator"),
    *("accounts.User", "accounts.Workspace", "accounts.Membership", "accounts.Invitation", "accounts.ApiToken"),
    *("accounts.GoogleIdentity", "accounts.WorkspaceClosing"),
    *("domains.Domain", "domains.DomainTag", "domains.WorkspaceRoot", "domains.Feed"),
    *("domains.AddressCheck", "domains.Hosting", "domains.Ownership", "domains.Visit"),
    *("notifications.Gateway", "notifications.AlertTemplate", "notifications.Rule"),
    *("notifications.Watch", "notifications.Digest"),
    *("certificates.AcmeAccount", "certificates.Delegation", "certificates.DnsProvider", "certificates.PullToken"),
    *("certificates.Replacement", "certificates.ReplacedCertificate", "deploy.Readiness"),
    *("certificates.Renewal", "certificates.Advice"),
    *("deploy.Server", "deploy.Target", "deploy.PanelAccount", "deploy.PanelTarget"),
    *("billing.Account", "auditlog.Keeping", "auth.Permission", "auth.Group", "contenttypes.ContentType"),
}
# What is kept for good, and why.
KEPT = {
    "certificates.Certificate": "somebody's certificate, until they delete it",
    "certificates.CertificateName": "goes with its certificate",
    "certificates.PrivateKey": "goes with its certificate or domain",
    "certificates.Revocation": "one for each revoked certificate",
    "billing.Entry": "money",
    "billing.Charge": "money",
    "billing.TopUp": "money",
    "auditlog.Seal": "the chain's heads, one for many events",
    "auditlog.Archive": "a line for thousands of events, emptied by the chore 'emptying of old archives'",
    "admin.LogEntry": "what staff changed by hand",
}
# A chore that takes what is old.
CHORES = {
    "auditlog.Event": "archiving of old events",
    "auditlog.PendingReaction": "worked reactions",
    "accounts.Session": "old sessions",
    "accounts.PlatformMail": "old mails",
    "domains.Finding": "old findings",
    "domains.Inspection": "old inspections",
    "billing.StripeEvent": "old messages of Stripe",
    "notifications.Alarm": "old alarms",
    "notifications.Delivery": "old deliveries",
    "notifications.Ticket": "old tickets",
    "certificates.Issuance": "old issuances",
    "certificates.Authorization": "old issuances",
    "certificates.DnsLook": "old issuances",
    "deploy.Deployment": "old deployments",
    "deploy.TargetRun": "old looks at servers",
    "deploy.RunStep": "old deployments",
}
# What its own work takes away, by the function that does.
BY_ITS_WORK = {
    "domains.Batch": "domains/batches/working.py",
    "domains.BatchLine": "domains/batches/working.py",
    "domains.ProbeHour": "domains/uptime/filing.py",
    "domains.ProbeDay": "domains/uptime/filing.py",
    "domains.RevocationWatch": "domains/revocation/watching.py",
    "domains.RevocationList": "domains/revocation/fetching.py",
    "certificates.CaEntry": "certificates/cas/ledger.py",
    "certificates.CaOutage": "certificates/cas/outages.py",
    "certificates.ChallengeValue": "certificates/dns/delegations.py",
    "certificates.ProviderRecord": "certificates/dns/providers/solving.py",
    "deploy.HttpAnswer": "deploy/http01/solver.py",
    "billing.OldCard": "billing/old_cards.py",
    "auditlog.Retention": "auditlog/keeping.py",
}
# A fixed number of rows: one, or one for each chore, queue or outcome.
FEW = {"config.Pause", "config.Heartbeat", "accounts.Chore", "domains.VisitTally", "billing.Look"}


def test_every_model_says_what_bounds_it() -> None:
    told = [*MADE_BY_PEOPLE, *KEPT, *CHORES, *BY_ITS_WORK, *FEW]
    assert sorted(told) == sorted(model._meta.label for model in apps.get_models())


def test_the_chores_are_there_and_the_work_deletes() -> None:
    assert [name for name in CHORES.values() if name not in chores] == []
    assert [path for path in BY_ITS_WORK.values() if "delete(" not in (ROOT / path).read_text()] == []
