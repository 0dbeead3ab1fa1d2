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
        "host_wildcard": Entry(
            "“{host}” stands for many names",
            "A certificate may cover them all; a look goes to one of them.",
            "Type a name that is served, such as www.{above}.",
        ),
        "domain_exists": Entry(
            "{host} is here already",
            "This workspace watches it; a host is listed once for each port and protocol.",
            "Open it from the list, or add another port of it.",
        ),
        "port_not_allowed": Entry(
            "Port {port} is not watched",
            "Certificates are watched on 443, on the usual mail, file and directory ports, and above 1023.",
            "Correct the port; further ones can be opened by the operator with EXTRA_PORTS.",
        ),
        "port_contradicted": Entry(
            "Two different ports",
            "The name says {written} and the port field says {port}.",
            "Give the port in one place.",
        ),
        "protocol_unknown": Entry(
            "“{protocol}” is not a protocol we speak",
            "What can be inspected: {known}.",
            "Choose one of them, or none: it then follows from the port.",
        ),
        "protocol_contradicted": Entry(
            "{protocol} is not what port {port} carries",
            "Port {port} is for {usual} by convention, so asking it for {protocol} would fail.",
            "Choose no protocol, or correct the port.",
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
        "finding_closed": Entry(
            "This is over: {title}",
            "It was no longer so when somebody looked last.",
            "Nothing is to be done.",
        ),
        "note_too_long": Entry(
            "The note is too long",
            "It is to say in a few lines why this stays as it is; {most} characters fit.",
            "Shorten it.",
        ),
        "notes_too_long": Entry(
            "The notes are too long",
            "They have {length} characters, and at most {most} are kept.",
            "Shorten them.",
        ),
        "tag_missing": Entry(
            "Which tag?",
            "The field beside the button is empty.",
            "Type the tag, then press the button again.",
        ),
        "nothing_chosen": Entry(
            "No domain is chosen",
            "Nothing was done.",
            "Tick the domains, or 'All that match', then press the button again.",
        ),
        "too_many_chosen": Entry(
            "Too many domains at once",
            "At most {most} are done in one go.",
            "Narrow the list by a filter, a tag or a search, and do one part after the other.",
        ),
        "domain_gone": Entry(
            "{host} is no longer here",
            "It was deleted after it had been chosen.",
            "Nothing to do.",
        ),
        "domain_kept": Entry(
            "{host} cannot be deleted now",
            "Something that must not be lost still hangs on it.",
            "Open the domain and look at what it says, then delete it there.",
        ),
        "line_twice": Entry(
            "{host} stands twice in this list",
            "Line {first} names it already.",
            "Nothing to do: it is added once.",
        ),
        "batch_empty": Entry(
            "There is nothing in this list",
            "Not one line names a host.",
            "Paste host names, one per line, or choose a file that has some.",
        ),
        "batch_too_long": Entry(
            "The list is too long",
            "At most {most} lines are taken at once.",
            "Cut it into parts and add one after the other.",
        ),
        "batch_too_large": Entry(
            "The list is too large",
            "At most {most} are taken at once.",
            "Cut it into parts and add one after the other.",
        ),
        "batch_not_utf8": Entry(
            "The file is not UTF-8",
            "Its letters cannot be read without guessing.",
            "Save it anew as “CSV UTF-8”, or paste its lines.",
        ),
        "batch_malformed": Entry(
            "Line {line} cannot be read as CSV",
            "A quotation mark is probably opened and never closed, or a cell is far too long.",
            "Correct the line; hosts alone, one per line, need no quotation marks.",
        ),
        "batch_both": Entry(
            "Two lists at once",
            "Lines and a file were given, and it is not clear which is meant.",
            "Give one of them.",
        ),
        "batches_full": Entry(
            "Too much is under way already",
            "At most {most} lists and bulk actions of a workspace wait or run at once.",
            "Wait for one to end, or discard what waits for its confirmation; the list of domains names them.",
        ),
        "batch_not_waiting": Entry(
            "This waits for no confirmation",
            "It was confirmed or discarded already, perhaps in another window.",
            "Look at its page for how far it is.",
        ),
        "batch_not_running": Entry(
            "This does not run",
            "It has ended already, perhaps in another window.",
            "Look at its page for what was done.",
        ),
        "batch_not_allowed": Entry(
            "{who} may no longer do this",
            "The role in this workspace changed after it had begun, so the rest was not done.",
            "An admin can start the rest again.",
        ),
        "checked_too_often": Entry(
            "{host} was looked at often enough for now",
            "Within a minute, one host is looked at {most} times by hand, so that the portal presses nobody's server.",
            "Ask again in a minute; monitoring goes on meanwhile.",
        ),
        "address_busy": Entry(
            "This address was asked often enough for now",
            "Many domains lead to it, and the portal presses nobody's server, so nothing is known about it this time.",
            "Check every address again in a few minutes.",
        ),
        "feeds_full": Entry(
            "Enough links for one workspace",
            "It has {most} links to badges and calendars, which is the most.",
            "Revoke one that nobody uses; the list says when each was last used.",
        ),
        "tls_none": Entry(
            "{host} does not speak TLS there",
            "Something answers on this port, but not with TLS.",
            "Turn TLS on for this port, or correct the port. Mail, directory and database servers begin without TLS: "
            "on a port of your own, add them with their protocol, such as IMAP with STARTTLS.",
        ),
        "tls_handshake_failed": Entry(
            "The TLS handshake with {host} failed",
            "The server ended it: {reason}.",
            "Look into the server's log for this moment; often no certificate is configured for this name.",
        ),
        "starttls_not_offered": Entry(
            "{host} does not offer TLS for {protocol}",
            "It speaks {protocol} there, but does not offer to change over to TLS.",
            "Turn TLS on in the server's settings and give it a certificate; until then everything goes in clear.",
        ),
        "starttls_refused": Entry(
            "{host} refused to begin TLS",
            "It speaks {protocol} there, and said: {answer}.",
            "Look into the server's log for this moment. Often the certificate could not be loaded, or the server "
            "takes no connections from the portal's address.",
        ),
        "starttls_other_protocol": Entry(
            "{host} does not speak {protocol} there",
            "Something answers on this port, but not with {protocol}.",
            "Add the domain again with another protocol or port.",
        ),
        "starttls_too_long": Entry(
            "{host} says too much before TLS begins",
            "More than {most} KB came in one piece before {protocol} could change over to TLS, so the visit was ended.",
            "Look at what answers on this port; an honest greeting is below 4 KB.",
        ),
        "starttls_in_clear": Entry(
            "{host} goes on in clear after it agreed to TLS",
            "Bytes without encryption followed the go-ahead of {protocol}, where only TLS may come. Somebody on the "
            "way may be slipping them in, or the server mixes up its answers; either way TLS was not begun.",
            "Update the server's software, and look at what stands between it and the internet.",
        ),
        "starttls_closed": Entry(
            "{host} hung up before TLS began",
            "The connection ended while {protocol} was changing over to TLS.",
            "Look into the server's log for this moment; some servers hang up on addresses that they do not know.",
        ),
        "starttls_timeout": Entry(
            "{host} did not get to TLS in time",
            "It took the connection, but {protocol} did not change over to TLS within {seconds} seconds.",
            "If the port speaks TLS at once, add the domain again with the protocol TLS; otherwise look at the load of "
            "the server and at delays of its greeting.",
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
        "certificates_alternate": Entry(
            "More than one certificate is served, in turn",
            "The servers behind this name do not all have the same: {certificates} (the beginnings of their SHA-256) "
            "were seen within the last day. What is wrong with one of them meets a part of your visitors.",
            "Press 'Check every address' on the domain's Overview to see which server has which, then install the "
            "newest everywhere. With a CDN that is replacing its certificate this passes by itself.",
        ),
        "root_is_no_authority": Entry(
            "“{name}” is not an authority",
            "It is the certificate of a server or a person (it does not say CA:TRUE), so nothing it signs is trusted.",
            "Paste the certificate that signed it: the root or the intermediate of your own authority.",
        ),
        "root_expired": Entry(
            "The authority “{name}” has expired",
            "It was valid until {not_after}, so no chain that ends there is valid.",
            "Paste the newer certificate of this authority.",
        ),
        "roots_full": Entry(
            "There is no room for so many authorities",
            "A workspace trusts at most {most} of its own.",
            "Remove those that are not needed any more.",
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
