"""Every kind of event there is, in one table: its severity, its sentence, and whether it alerts.

Sentences are `str.format_map` templates over the event's data; `{actor}` and `{domain}` are
always there. An alerting kind makes notifications act (`PendingReaction`): tell people, or look again at the rules
of its domain.
"""

from dataclasses import dataclass
from typing import Literal

type Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True)
class EventKind:
    sentence: str
    severity: Severity = "info"
    alerts: bool = False


# The person's own, in no workspace's log.
OF_NO_WORKSPACE = frozenset(
    {
        *("user.google_linked", "user.google_unlinked", "user.sessions_ended"),
        *("user.exported", "user.deleted", "user.lapsed"),
    }
)
KINDS: dict[str, EventKind] = {
    # accounts
    "user.signed_up": EventKind("{actor} signed up"),
    "user.signed_in": EventKind("{actor} signed in"),
    "user.password_changed": EventKind("{actor} changed the password", "warning"),
    "user.email_changed": EventKind("{actor} changed the e-mail address from {from_email} to {to_email}", "warning"),
    "user.email_taken_back": EventKind(
        "The change of the e-mail address was undone: {to_email} again instead of {from_email}", "critical"
    ),
    "user.second_factor_added": EventKind("{actor} added {factor} to the sign-in", "warning"),
    "user.second_factor_removed": EventKind("{actor} removed {factor} from the sign-in", "warning"),
    "user.google_linked": EventKind("{actor} connected the Google account {email}", "warning"),
    "user.google_unlinked": EventKind("{actor} disconnected the Google account {email}", "warning"),
    "user.sessions_ended": EventKind("{actor} ended {count} of {email}"),
    "user.exported": EventKind("{actor} downloaded their own data"),
    "user.deleted": EventKind("{actor} deleted the account", "warning"),
    "user.lapsed": EventKind("The account {email} was never confirmed and is gone after 30 days", "warning"),
    "log.exported": EventKind("{actor} exported the audit log as {form}: {filters}", "warning"),
    "log.keeping_changed": EventKind("{actor} set how long events are kept: {after} instead of {before}", "warning"),
    "log.archived": EventKind("Events {first} to {last}, up to {until}, left the log for an archive"),
    "workspace.created": EventKind("{actor} made the workspace {name}"),
    "workspace.changed": EventKind("{actor} changed the workspace settings: {changes}"),
    "workspace.closing": EventKind("{actor} asked to delete the workspace {name} and everything in it", "critical"),
    "workspace.closed": EventKind("The workspace {name} is deleted: {removed}. Left undone: {left}", "warning"),
    "workspace.root_added": EventKind(
        "{actor} trusted the authority {subject} ({fingerprint_sha256}) for this workspace's domains", "warning"
    ),
    "workspace.root_removed": EventKind(
        "{actor} no longer trusts the authority {subject} ({fingerprint_sha256}) for this workspace's domains",
        "warning",
    ),
    "member.added": EventKind("{email} joined as {role}"),
    "member.invited": EventKind("{actor} invited {email} as {role}", "warning"),
    "member.invited_again": EventKind("{actor} sent the invitation of {email} again"),
    "member.uninvited": EventKind("{actor} revoked the invitation of {email}", "warning"),
    "member.role_changed": EventKind("{actor} made {email} {role} instead of {before}", "warning"),
    "member.removed": EventKind("{actor} removed {email}", "warning"),
    "member.left": EventKind("{email} left the workspace", "warning"),
    "token.created": EventKind("{actor} made the API token {name} ({prefix}…)", "warning"),
    "token.revoked": EventKind("{actor} revoked the API token {name}", "warning"),
    "staff.changed": EventKind("{actor}, staff, on the {what} {label}: {change}", "warning"),
    # certificates
    "issuance.started": EventKind("{actor} started a DNS challenge for {names}"),
    "issuance.over_http": EventKind("{actor} started an HTTP-01 challenge for {names}"),
    "renewal.requested": EventKind("{actor} asked to renew {names} now"),
    "renewal.refused": EventKind("The renewal for {names} could not be begun: {error}", "warning", alerts=True),
    "issuance.challenge_shown": EventKind("The CA asked for {records} TXT records for {names}"),
    "issuance.requested": EventKind("{actor} asked for the certificate for {names}"),
    "issuance.cancelled": EventKind("{actor} cancelled the challenge for {names}"),
    "issuance.failed": EventKind("No certificate for {names}: {error}", "warning", alerts=True),
    "delegation.added": EventKind("{actor} asked to renew {host} without hands, by a CNAME at {name}"),
    "delegation.found": EventKind("The CNAME at {name} leads to this portal; {host} renews without hands"),
    "delegation.removed": EventKind("{actor} ended renewing {host} by a CNAME at {name}", "warning"),
    "dns_provider.saved": EventKind("{actor} gave the credentials of {provider} for the zone {zone}", "warning"),
    "dns_provider.removed": EventKind("{actor} removed the credentials of {provider} for the zone {zone}", "warning"),
    "ca.added": EventKind("{actor} added {ca} as a certificate authority", "warning"),
    "ca.changed": EventKind("{actor} changed how {ca} is used"),
    "ca.removed": EventKind("{actor} removed {ca}; the account there is being closed", "warning"),
    "ca.forgotten": EventKind("The account at {ca} is closed and its key destroyed"),
    "ca.key_change_asked": EventKind("{actor} asked for a new key of the account at {ca}"),
    "ca.key_changed": EventKind("The account at {ca} has a new key; the old one is destroyed"),
    "ca.key_change_failed": EventKind("The account at {ca} keeps its key: {error}", "warning"),
    "certificate.issued": EventKind(
        "A certificate for {names} was issued by {issuer}, valid until {until}", alerts=True
    ),
    "certificate.uploaded": EventKind(
        "{actor} uploaded a certificate for {names}, issued by {issuer}, valid until {until}"
    ),
    "certificate.revocation_asked": EventKind(
        "{actor} asked to revoke the certificate for {names} (until {until}): {reason}", "warning"
    ),
    "certificate.revoked": EventKind(
        "The certificate for {names} (until {until}) was revoked at its CA: {reason}", "warning", alerts=True
    ),
    "certificate.revocation_failed": EventKind(
        "The certificate for {names} could not be revoked: {error}", "critical", alerts=True
    ),
    "certificate.downloaded": EventKind(
        "{actor} downloaded the certificate for {names} with its private key", "warning", alerts=True
    ),
    "replacement.started": EventKind(
        "{actor} began to replace {count} certificates {what}: {reason}", "warning", alerts=True
    ),
    "replacement.replaced": EventKind("The certificate for {names} was replaced, {before} by {after}: {reason}"),
    "replacement.failed": EventKind("The certificate for {names} could not be replaced: {error}", "warning"),
    "replacement.tried_again": EventKind("{actor} had the certificates {what} tried again that were not replaced"),
    "replacement.stopped": EventKind(
        "{actor} stopped replacing the certificates {what}; {left} were not replaced", "warning"
    ),
    "replacement.ended": EventKind("All {count} certificates {what} are replaced"),
    "pull.created": EventKind(
        "{actor} lets {name} fetch the certificate for {names} with its private key", "warning", alerts=True
    ),
    "pull.revoked": EventKind("{actor} revoked the pull token of {name} for {names}", "warning"),
    "pull.fetched": EventKind("{name} fetched the certificate for {names} with its private key"),
    "certificate.deleted": EventKind(
        "{actor} deleted the certificate for {names} (until {until}) and destroyed its private key", "warning"
    ),
    # domains
    "domain.added": EventKind("{actor} added {domain}"),
    "domain.deleted": EventKind("{actor} deleted {domain}", "warning", alerts=True),
    "domain.purged": EventKind("{domain} was never verified and is gone after 7 days"),
    "domain.automation_changed": EventKind("{actor} set {domain} to {mode}, renewed {renews}", alerts=True),
    "domain.changed": EventKind("{actor} changed {domain}: {changes}", alerts=True),
    "domain.inspection_asked": EventKind("{actor} asked to look at {domain} now"),
    "domain.verification_asked": EventKind("{actor} asked to look for the ownership record of {domain}"),
    "domain.detection_asked": EventKind("{actor} asked to detect the hosting of {domain} again"),
    "domain.detection_doubted": EventKind("{actor} said that the detected hosting of {domain} is wrong"),
    "domain.detection_trusted": EventKind("{actor} went back to the detected hosting of {domain}"),
    "domain.hosting_changed": EventKind("{domain} is hosted on {after}; before it was {before}"),
    "domain.verified": EventKind("Ownership of {domain} is proven", alerts=True),
    "domain.certificate_seen": EventKind("{domain} serves a certificate of {issuer}, until {not_after}", alerts=True),
    "domain.certificate_changed": EventKind(
        "{domain} serves another certificate: {issuer}, until {not_after}", alerts=True
    ),
    "domain.certificates_alternate": EventKind(
        "{domain} serves more than one certificate, in turn; now that of {issuer}, until {not_after}",
        "warning",
        alerts=True,
    ),
    "domain.addresses_asked": EventKind("{actor} asked to look at every address of {domain}"),
    "batch.begun": EventKind("{actor} began to {what} {count} domains"),
    "batch.ended": EventKind("What {actor} began is over, {what}: {done} done, {failed} not"),
    "batch.stopped": EventKind("Stopped by {actor}, {what}: {left} were not done", "warning"),
    "feed.created": EventKind("{actor} made the {what} link {name} ({prefix}…)", "warning"),
    "feed.renewed": EventKind(
        "{actor} made a new link for the {what} {name} ({prefix}…); the old one is dead", "warning"
    ),
    "feed.revoked": EventKind("{actor} revoked the {what} link {name}", "warning"),
    "finding.opened": EventKind("{domain}: {title}", "warning", alerts=True),
    "finding.closed": EventKind("{domain}: no longer so: {title}", alerts=True),
    "finding.acknowledged": EventKind("{actor} acknowledged on {domain}: {title}"),
    "finding.unacknowledged": EventKind("{actor} asked to be reminded again on {domain}: {title}"),
    # deploy
    "server.saved": EventKind("{actor} changed the server {address}: {changes}"),
    "server.deleted": EventKind("{actor} removed the server {address}", "warning"),
    "server.trusted": EventKind("{actor} trusted the host key {fingerprint} of {address}", "warning"),
    "server.host_key_changed": EventKind(
        "{host} showed the host key {seen} instead of the trusted {expected}", "critical", alerts=True
    ),
    "server.token_left": EventKind(
        "{count} challenge files of ours stay in {folder} on {server}, which could not be reached for weeks: {error}",
        "warning",
    ),
    "target.saved": EventKind("{actor} changed the deployment settings of {domain} on {server}", "warning"),
    "target.deleted": EventKind("{actor} removed {server} from the deployment of {domain}", "warning"),
    "target.tested": EventKind("SSH to {server} was tested: {state}"),
    "target.detected": EventKind("The platform of {server} was looked at: {state}"),
    "target.rehearsed": EventKind("The next renewal of {domain} was rehearsed on {server}: {state}"),
    "readiness.asked": EventKind("{actor} asked to rehearse the next renewal of {domain}"),
    "readiness.switched": EventKind("{actor} turned the rehearsals of {domain} {state}"),
    "panel.saved": EventKind("{actor} changed how certificates of {domain} get to {panel}: {changes}", "warning"),
    # `before` and `after` have the fields that changed, a credential never.
    "panel.changed": EventKind("{actor} changed the account {panel}: {changes}", "warning"),
    "panel.deleted": EventKind("{actor} removed {panel} from the deployment of {domain}", "warning"),
    "panel.trusted": EventKind("{actor} pinned the certificate {fingerprint} of {panel}", "warning"),
    "panel.certificate_changed": EventKind(
        "{panel} showed the certificate {seen} instead of the pinned {expected}", "critical", alerts=True
    ),
    "panel.tested": EventKind("{panel} was tested: {state}"),
    "target.redirect_looked": EventKind("Fix ACME redirect on {server} only looked: {state}"),
    "target.redirect_asked": EventKind("{actor} asked for Fix ACME redirect of {domain} on {server}", "warning"),
    "target.redirect_fixed": EventKind("Fix ACME redirect on {server}: {state}. Changed: {file}", "warning"),
    "target.redirect_undo_asked": EventKind(
        "{actor} asked to undo Fix ACME redirect of {domain} on {server}", "warning"
    ),
    "target.redirect_undone": EventKind(
        "Fix ACME redirect on {server} was undone: {state}. Changed: {file}", "warning"
    ),
    "deployment.started": EventKind("{actor} started to deploy the certificate for {names} to {domain}"),
    # An outcome's data is what its mail tells: `deployment`, `names`, `issuer`, `not_before` and `not_after`
    # (RFC 3339), `fingerprint_sha256`, `summary` ("2 of 3 targets serve it") and `targets`, each `{server, state:
    # serving|installed|failed, files: [path], commands: [{command, exit_code}], code, params}` (code "": no error).
    "deployment.succeeded": EventKind("The certificate for {names} was deployed to {domain}: {summary}", alerts=True),
    "deployment.partial": EventKind(
        "The certificate for {names} was deployed to {domain} only in part: {summary}", "warning", alerts=True
    ),
    "deployment.failed": EventKind(
        "The certificate for {names} was not deployed to {domain}: {summary}", "critical", alerts=True
    ),
    "deployment.undone": EventKind("{actor} undid the last deployment to {domain}", "warning"),
    # billing
    "billing.top_up_started": EventKind("{actor} began to add {amount} to the balance"),
    "billing.topped_up": EventKind("{amount} was added to the balance by {by}; it is {balance} now", alerts=True),
    "billing.auto_topped_up": EventKind(
        "{amount} was added to the balance from the saved card; it is {balance} now", alerts=True
    ),
    "billing.auto_top_up_failed": EventKind(
        "The automatic top-up of {amount} failed: {error}", "critical", alerts=True
    ),
    "billing.payment_held_back": EventKind(
        "A payment of {amount} was made and not credited: {payment} is not what was asked for", "critical", alerts=True
    ),
    "billing.balance_low": EventKind(
        "The balance is low: {balance}. Automation waits below {minimum}", "warning", alerts=True
    ),
    "billing.refunded": EventKind("{amount} was refunded to the card; the balance is {balance} now", "warning"),
    "billing.disputed": EventKind(
        "A payment of {amount} is disputed at the bank; the balance is {balance} now", "critical"
    ),
    "billing.card_saved": EventKind("{by} saved another card: {card}", "warning"),
    "billing.card_removed": EventKind("{actor} removed the saved card: {card}", "warning"),
    "billing.auto_on": EventKind("{actor} turned automatic top-ups on: {amount} at {threshold} or below", "warning"),
    "billing.auto_off": EventKind("{actor} turned automatic top-ups off", "warning"),
    # notifications
    "template.created": EventKind("{actor} made the alert template {name} for {channel}"),
    "template.changed": EventKind("{actor} changed the alert template {name} for {channel}", "warning"),
    "template.deleted": EventKind("{actor} deleted the alert template {name} for {channel}", "warning"),
    "rule.created": EventKind("{actor} made the alert rule {name}: {says}"),
    "rule.changed": EventKind("{actor} changed the alert rule {name}: {says}", "warning"),
    "rule.paused": EventKind("{actor} paused the alert rule {name}", "warning"),
    "rule.resumed": EventKind("{actor} resumed the alert rule {name}"),
    "rule.deleted": EventKind("{actor} deleted the alert rule {name}: {says}", "warning"),
    "gateway.created": EventKind("{actor} added the {channel} gateway {name}", "warning"),
    "gateway.changed": EventKind("{actor} changed the {channel} gateway {name}", "warning"),
    "gateway.paused": EventKind("{actor} paused the {channel} gateway {name}", "warning"),
    "gateway.resumed": EventKind("{actor} resumed the {channel} gateway {name}"),
    "gateway.deleted": EventKind("{actor} deleted the {channel} gateway {name}", "warning"),
    "gateway.disabled": EventKind(
        "The {channel} gateway {name} is switched off, because the other side refuses it: {error}",
        "critical",
        alerts=True,
    ),
    "delivery.capped": EventKind("Alerts are not sent for the rest of the day: {error}", "critical", alerts=True),
    "delivery.failed": EventKind("The message to {to} about “{about}” could not be delivered: {error}", "warning"),
}
