"""Words of the codes about hands-free DNS."""

from config.lib.errors import Entry, register

register(
    {
        "dns_zone_missing": Entry(
            "This portal has no zone of its own",
            "Renewing by a CNAME needs ACME_DNS_ZONE, and it is not set.",
            "Whoever runs this portal sets it; docs/certificates.md says how. Until then, publish the records by hand.",
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
        "delegation_gone": Entry(
            "The CNAME at {names} is gone",
            "It was there before, and renewals without hands depend on it. The certificate that is served goes on "
            "working until its end.",
            "Publish it again; it is looked for every hour, and this ends by itself.",
            "{paste}",
        ),
    }
)
