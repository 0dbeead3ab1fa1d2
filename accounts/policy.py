"""The one table that says who may do what. Pages, API and tasks ask it; the access test checks it.

Actions are `room.verb`. Members look; admins do everything else. An action that is not in the
table is allowed to nobody.
"""

EVERYBODY = frozenset({"admin", "member"})
ADMINS = frozenset({"admin"})

POLICY: dict[str, frozenset[str]] = {
    # workspace and people
    "workspace.view": EVERYBODY,
    "workspace.edit": ADMINS,
    "workspace.secure": ADMINS,
    "workspace.leave": EVERYBODY,
    "workspace.delete": ADMINS,
    "member.view": EVERYBODY,
    "member.invite": ADMINS,
    "member.edit": ADMINS,
    "token.view": ADMINS,
    "token.edit": ADMINS,
    # domains
    "domain.view": EVERYBODY,
    "domain.add": ADMINS,
    "domain.edit": ADMINS,
    "domain.delete": ADMINS,
    "domain.inspect": ADMINS,
    "domain.verify": ADMINS,
    "authority.view": ADMINS,
    "authority.edit": ADMINS,
    "feed.view": ADMINS,
    "feed.edit": ADMINS,
    # certificates
    "certificate.view": EVERYBODY,
    "certificate.issue": ADMINS,
    "certificate.cancel": ADMINS,
    "certificate.upload": ADMINS,
    "certificate.download": ADMINS,
    "certificate.delete": ADMINS,
    "certificate.revoke": ADMINS,
    "replacement.view": EVERYBODY,
    "replacement.edit": ADMINS,
    "pull.edit": ADMINS,
    "ca.view": ADMINS,
    "ca.edit": ADMINS,
    "dns_provider.view": ADMINS,
    "dns_provider.edit": ADMINS,
    # servers and deployment
    "server.view": EVERYBODY,
    "server.edit": ADMINS,
    "server.trust": ADMINS,
    "target.view": EVERYBODY,
    "target.edit": ADMINS,
    "target.test": ADMINS,
    "panel.view": EVERYBODY,
    "panel.edit": ADMINS,
    "panel.test": ADMINS,
    "deploy.view": EVERYBODY,
    "deploy.run": ADMINS,
    # money
    "billing.view": ADMINS,
    "billing.edit": ADMINS,
    # what is said of it
    "rule.view": EVERYBODY,
    "rule.edit": ADMINS,
    "template.view": ADMINS,
    "template.edit": ADMINS,
    "finding.acknowledge": ADMINS,
    "gateway.view": ADMINS,
    "gateway.edit": ADMINS,
    "delivery.view": ADMINS,
    # what happened
    "log.view": EVERYBODY,
    "log.export": ADMINS,
    "log.keep": ADMINS,
}

# What reaches other people's servers or a CA, or outlives a session, waits until the address is proven.
ACTIONS_NEEDING_VERIFIED_EMAIL = frozenset(
    {
        "member.invite",
        "token.edit",
        "domain.inspect",
        "domain.verify",
        "feed.edit",
        "certificate.issue",
        "certificate.upload",
        "certificate.revoke",
        "replacement.edit",
        "pull.edit",
        "ca.edit",
        "dns_provider.edit",
        "server.edit",
        "server.trust",
        "target.edit",
        "target.test",
        "panel.edit",
        "panel.test",
        "deploy.run",
        "billing.edit",
        "rule.edit",
        "template.edit",
        "gateway.edit",
    }
)


def is_allowed(role: str, action: str) -> bool:
    """Whether `role` may do `action`; unknown roles and unknown actions may nothing."""
    return role in POLICY.get(action, frozenset())


def lower_role(one: str, other: str) -> str:
    """The weaker of two roles: a token never outranks whoever made it."""
    return "admin" if one == other == "admin" else "member"
