"""Words of the codes about hands-free DNS."""

from config.lib.errors import Entry, register

register(
    {
        "dns_zone_missing": Entry(
            "This portal has no zone of its own",
            "Renewing by a CNAME needs ACME_DNS_ZONE, and it is not set.",
            "Whoever runs this portal sets it; docs/hands-free-dns.md says how. Until then publish them by hand.",
        ),
        "delegations_full": Entry(
            "There are {most} delegations on this domain's page already",
            "More are not kept for one domain.",
            "Remove those that no certificate needs any more.",
        ),
        "delegation_missing": Entry(
            "No CNAME to this portal for {names}",
            "The records of these names were to be published by the portal, and it has no place for them any more.",
            "Add the names under 'Renew without your hands' and publish the CNAME, then start a fresh challenge.",
        ),
        "dns_provider_missing": Entry(
            "No DNS provider for {names}",
            "Their records were to be written at a provider, and none that works is on file for their zone.",
            "Add the provider under Settings, DNS providers, and test it; then start a fresh challenge.",
        ),
        "dns_provider_unknown": Entry(
            "No such DNS provider: {kind}",
            "This portal writes at {known}.",
            "Use one of these, or hand the name over by a CNAME, which works with every provider.",
        ),
        "dns_provider_value_missing": Entry(
            "{field} is missing", "The provider's interface does not open without it.", "Fill it in."
        ),
        "dns_provider_value": Entry(
            "{field} cannot be right",
            "It is too long, holds characters that cannot be typed, or is none of the choices.",
            "Copy it again from the provider's page.",
        ),
        "dns_provider_url": Entry(
            "{url} is no address of an API",
            "It has to be an http or https address without user name and query.",
            "Write it as https://host:port.",
        ),
        "dns_providers_full": Entry(
            "There are {most} DNS providers already", "A workspace keeps no more.", "Remove those that are not used."
        ),
        "dns_provider_in_use": Entry(
            "A certificate is being issued with records in {zone}",
            "They are removed when it ends, for which the credentials are needed.",
            "Wait for its end, or cancel it.",
        ),
        "dns_provider_refused": Entry(
            "{provider} refused the credentials for {zone}",
            "It answered: {detail}",
            "Check that the key is complete, still valid, and may edit DNS records of this zone; then test it again.",
        ),
        "dns_provider_no_zone": Entry(
            "{provider} knows no zone {zone} for these credentials",
            "It answered: {detail}",
            "Check the zone's spelling, and that it is in the account that the key belongs to.",
        ),
        "dns_provider_busy": Entry(
            "{provider} takes no more requests just now",
            "It answered: {detail}",
            "Nothing is lost: the portal tries again by itself.",
        ),
        "dns_provider_unreachable": Entry(
            "{provider} could not be reached for {zone}",
            "The connection or the answer did not come through ({detail}).",
            "Nothing is lost: the portal tries again by itself. If it lasts, look at the provider's status page.",
        ),
        "dns_provider_failed": Entry(
            "{provider} did not do what was asked of it for {zone}",
            "It answered: {detail}",
            "Test the provider on its page; if it stays, publish by hand or hand the name over by a CNAME.",
        ),
        "dns_zone_busy": Entry(
            "Somebody else is writing in the zone {zone}",
            "Changes of one zone are made one after the other, so that none is lost.",
            "The portal tries again by itself.",
        ),
        "delegation_gone": Entry(
            "The CNAME at {names} is gone",
            "It was there before, and renewals without hands depend on it. The certificate that is served goes on "
            "working until its end.",
            "Publish it again; it is looked for every hour, and this ends by itself.",
            "{paste}",
        ),
    }
)
