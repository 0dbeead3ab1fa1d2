"""Words for what this room may have to say."""

from config.lib.errors import Entry, register
from config.lib.x509 import ENTRIES

register(ENTRIES)
register(
    {
        "confirm_address_first": Entry(
            "Confirm your e-mail address to add more domains",
            "Adding makes the portal connect to a host, so an address that is not confirmed may add {most} a day.",
            "Open the link in the mail to {email}, then add the next one.",
        ),
        "domain_exists": Entry(
            "{host} is here already",
            "This workspace watches it; a host with the same port is listed once.",
            "Open it from the list, or add another port of it.",
        ),
        "port_not_allowed": Entry(
            "Port {port} is not watched",
            "Certificates are watched on 443, on the usual mail, file and directory ports, and above 1023.",
            "Correct the port.",
        ),
        "port_contradicted": Entry(
            "Two different ports",
            "The name says {written} and the port field says {port}.",
            "Give the port in one place.",
        ),
        "protocol_unknown": Entry(
            "“{protocol}” is not a protocol we speak",
            "Only TLS from the first byte is inspected.",
            "Leave the protocol out, or write tls.",
        ),
        "tag_malformed": Entry(
            "“{tag}” cannot be a tag",
            "A tag is up to 40 letters, digits, spaces, dots and hyphens, and begins with a letter or digit.",
            "Write it without other signs.",
        ),
        "too_many_tags": Entry(
            "Too many tags",
            "A domain has at most {most}.",
            "Remove some.",
        ),
        "tls_none": Entry(
            "{host} does not speak TLS there",
            "Something answers on this port, but not with TLS.",
            "Turn TLS on for this port, or correct the port.",
        ),
        "tls_handshake_failed": Entry(
            "The TLS handshake with {host} failed",
            "The server ended it: {reason}.",
            "Look into the server's log for this moment; often no certificate is configured for this name.",
        ),
        "visit_crashed": Entry(
            "The visit could not be finished",
            "The server answered in a way that the portal did not understand.",
            "Nothing to do on your side; the portal's log has the details.",
        ),
        "site_down": Entry(
            "The website of {host} is down",
            "Two looks in a row found no working front page, the latest with: {answer}. It was up before.",
            "Look at the web server and what stands behind it; the next answer below 500 ends this by itself.",
        ),
        "ownership_record_gone": Entry(
            "The ownership record is gone",
            "The name servers have not shown {name} since {since}. Renewals stop on {lapses} without it, because "
            "a domain that changed hands must not go on being issued for its former owner.",
            "Publish the TXT record again and leave it in place; it is read daily.",
            '{name}. IN TXT "{value}"',
        ),
        "ownership_missing": Entry(
            "Ownership is not proven for {names}",
            "No name server shows this workspace's record for these names, or for a name above them.",
            "Publish the TXT record that the domain's Overview shows, press 'I've added it', then try again.",
        ),
        "ownership_unclear": Entry(
            "The DNS could not say who owns {names}",
            "The name servers failed or did not answer in time, so nothing is known either way.",
            "It is tried again by itself; if it stays, check the domain's name servers.",
        ),
    }
)
