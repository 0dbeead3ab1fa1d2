"""Words for what the outside may answer, and for host names that are none.

Beside the room and not in it: whoever words an error that is stored need not load what opens connections.
"""

from config.lib.errors import Entry, register

register(
    {
        "host_malformed": Entry(
            "“{host}” is not a host name",
            "A host name consists of letters, digits and hyphens in parts that are separated by dots.",
            "Type the name alone, such as www.example.com.",
        ),
        "host_is_ip": Entry(
            "“{host}” is an IP address",
            "Certificates are watched and issued for host names.",
            "Type the host name that leads to this address.",
        ),
        "host_single_label": Entry(
            "“{host}” has no domain",
            "A name without a dot means something else on every network.",
            "Type the full name, such as {host}.your-company.com.",
        ),
        "host_public_suffix": Entry(
            "“{host}” belongs to everybody",
            "It is a public suffix: strangers register names below it, so nobody can prove to own it.",
            "Type the name that was registered below it, such as yourname.{host}.",
        ),
        "host_reserved": Entry(
            "“{host}” is a reserved name",
            "Names that end in .{suffix} do not exist on the public internet.",
            "Type a public host name; for one's own network the operator sets EGRESS_ALLOW_CIDRS.",
        ),
        "url_malformed": Entry(
            "This is not a usable URL",
            "It has to begin with https:// or http://, name a host, and contain no user, password or spaces.",
            "Correct the URL.",
        ),
        "egress_refused": Entry(
            "The portal does not connect to {host}",
            "The name leads, or redirects, to an address or port that is not on the public internet.",
            "Let it point to a public address; for one's own network the operator sets EGRESS_ALLOW_CIDRS.",
        ),
        "dns_nxdomain": Entry(
            "{host} does not exist",
            "The DNS says that there is no such name.",
            "Check the spelling, and that the record was published at the domain's DNS provider.",
        ),
        "dns_no_address": Entry(
            "{host} has no address",
            "The name exists in the DNS, but has neither an A nor an AAAA record.",
            "Add an A or AAAA record for {host}.",
        ),
        "dns_failed": Entry(
            "The DNS did not answer for {host}",
            "Its name servers failed or did not answer in time.",
            "This often passes by itself; if it stays, check the domain's name servers and DNSSEC.",
        ),
        "connect_refused": Entry(
            "{host} refused the connection on port {port}",
            "The host is up, but nothing listens on port {port}, or its firewall rejects it.",
            "Start the service, or correct the port.",
        ),
        "connect_timeout": Entry(
            "{host} did not answer on port {port}",
            "No connection came about in time; usually a firewall drops the packets or the host is down.",
            "Open port {port} in the firewall for the portal, and check that the host is up.",
        ),
        "connect_unreachable": Entry(
            "{host} cannot be reached",
            "There is no route to its address.",
            "Check the address that {host} points to, and the host's network.",
        ),
        "deadline_exceeded": Entry(
            "It took longer than {seconds} seconds",
            "The other side answered too slowly or stopped in the middle.",
            "Try again; if it stays, look at the load of the other side.",
        ),
        "too_large": Entry(
            "The answer was too large",
            "The other side sent more than the portal reads.",
            "Check that the address leads to the service that is meant.",
        ),
        "tls_failed": Entry(
            "No trusted TLS connection to {host}",
            "The handshake failed: {reason}.",
            "Give {host} a certificate that is valid for its name. "
            "For a private authority the operator sets TLS_EXTRA_CA_BUNDLE.",
        ),
        "tls_other_certificate": Entry(
            "{host} shows another certificate than the pinned one",
            "Pinned is {expected}, it showed {seen}. Either its certificate was renewed, or something between it and "
            "the portal answers in its place. Nothing was sent.",
            "Compare the fingerprint with what the server itself shows; only if they are the same pin the new one.",
        ),
        "http_failed": Entry(
            "{host} broke off the HTTP exchange",
            "The connection was closed early, or what came was not HTTP.",
            "Check that the address and port lead to the service that is meant.",
        ),
        "email_url_malformed": Entry(
            "The mail server's address is not usable",
            "It has the form smtp://user:password@host:port/?tls=starttls, implicit or none.",
            "Correct it; special characters in user and password are percent-encoded.",
        ),
        "smtp_failed": Entry(
            "{host} broke off the SMTP exchange",
            "The connection was closed early, or what came was not SMTP.",
            "Check host, port and the kind of TLS.",
        ),
        "smtp_deferred": Entry(
            "{host} does not take the mail now",
            "It answered: {answer}.",
            "It is tried again by itself.",
        ),
        "smtp_refused": Entry(
            "{host} refused the mail",
            "It answered: {answer}.",
            "Check the recipient's address and whether the server may send for this sender.",
        ),
        "smtp_login_refused": Entry(
            "{host} refused the login",
            "User and password were not accepted ({answer}).",
            "Enter the user and password again; many providers demand an app password.",
        ),
        "smtp_no_starttls": Entry(
            "{host} offers no STARTTLS",
            "User, password and mail would travel in clear.",
            "Use the port with TLS from the start (tls=implicit, usually 465).",
        ),
    }
)
