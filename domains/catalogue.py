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
        "checked_too_often": Entry(
            "{host} was looked at often enough for now",
            "Within a minute, one host is looked at {most} times by hand, so that the portal presses nobody's server.",
            "Ask again in a minute; monitoring goes on meanwhile.",
        ),
        "feeds_full": Entry(
            "Enough links for one workspace",
            "It has {most} links to badges and calendars, which is the most.",
            "Revoke one that nobody uses; the list says when each was last used.",
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
        "hosting_blocked": Entry(
            "{host} does not show its page to robots",
            "It answered with HTTP {status} or a page that tells people and robots apart, so what is behind it is "
            "unknown.",
            "Nothing has to be changed: choose the path yourself, and 'Detect again' once the portal is let through.",
        ),
        "hosting_parked": Entry(
            "{host} is parked",
            "A page of its registrar or of an advertiser stands there, and says nothing about a site.",
            "'Detect again' once the site is there.",
        ),
        "hosting_default_page": Entry(
            "{host} shows the server's default page",
            "The server answers, but no site is set up for this name yet.",
            "Set the site up for this name, then 'Detect again'.",
        ),
        "hosting_no_page": Entry(
            "{host} has no front page",
            "It answered with HTTP {status}, so only the server and what stands in front of it can be recognised.",
            "If there should be a page, look into the site's log; otherwise nothing has to be done.",
        ),
        "hosting_elsewhere": Entry(
            "{host} redirects to {target}",
            "That is another registered domain, so only the server that redirects was looked at; its certificate "
            "is the one that visitors of {host} meet first.",
            "Add {target} as well if it is yours.",
        ),
        "hosting_dns_at_cloudflare": Entry(
            "The DNS of {host} is at Cloudflare, but Cloudflare does not stand in front of it",
            "Visitors reach the server directly and see its own certificate; one uploaded to Cloudflare would be "
            "seen by nobody.",
            "Install the certificate on the server, or turn the proxy on for this name in Cloudflare's DNS settings.",
        ),
        "hosting_cloudflare_is_vendors": Entry(
            "The Cloudflare in front of {host} belongs to the site's vendor",
            "Site builders put Cloudflare in front of their customers' sites; the DNS of {host} is not at Cloudflare.",
            "Nothing to do there: the vendor's settings decide about the certificate.",
        ),
        "hosting_partner_differs": Entry(
            "{partner} is hosted elsewhere",
            "Visitors of {host} get their certificate from {here}, those of {partner} from {there}.",
            "A certificate for both names has to be installed in both places; watch both.",
        ),
        "hosting_families_differ": Entry(
            "IPv4 and IPv6 of {host} lead to different places",
            "Over IPv4 the certificate comes from {four}, over IPv6 from {six}.",
            "If that is not meant, correct the A and AAAA records; otherwise renew in both places.",
        ),
    }
)
