"""Words of the codes about hosting panels."""

from config.lib.errors import Entry, register

RETRIED = "The portal tries again by itself."
AT_THE_PANEL = "The panel answered: {answer}"

VALUES = {
    "panel_value_missing": Entry("{field} is missing", "The panel does not open without it.", "Fill it in."),
    "panel_value_malformed": Entry(
        "{field} cannot be right",
        "It is too long or holds characters that cannot be typed.",
        "Copy it again from the panel's page, without line breaks.",
    ),
    "panel_unknown": Entry("There is no panel {kind}", "Known are {known}.", "Choose one of them."),
    "panel_field_unknown": Entry(
        "{panel} has no field {field}", "It would be ignored.", "Leave it out; the panel's form names its fields."
    ),
    "panel_secret_again": Entry(
        "The credential is needed again",
        "{field} is another one than before, and a credential goes nowhere but where it was given for.",
        "Enter it as well.",
    ),
    "panels_full": Entry(
        "{host} has {most} panels already", "More of them are not kept for one domain.", "Remove one that is not used."
    ),
    "panel_there_already": Entry(
        "{host} has the account {panel} already",
        "One domain goes to one account once, and this change would make it twice.",
        "Remove this panel; the other one of the domain is that account.",
    ),
    "panel_account_alone": Entry(
        "{field} stands beside an account on file",
        "An account on file is used as it is, so what was entered beside it would be ignored.",
        "Choose the account and leave the other fields as they were, or enter another one in full.",
    ),
    "panel_account_shared": Entry(
        "This account is on file already",
        "It is used by {domains}. The credential that you entered would take the place of theirs at once.",
        "Choose the account above to use it as it is; or enter the credential again and confirm that it is replaced "
        "for all of them.",
    ),
    "panel_nothing_to_replace": Entry(
        "There is nothing to replace in {site}",
        "The last run has found no certificate of somebody else there.",
        "Press Deploy now to look again.",
    ),
    "panel_port_malformed": Entry(
        "{port} is no port", "Ports are numbers from 1 to 65535.", "cPanel listens on 2083, Plesk on 8443."
    ),
    "panel_fingerprint_malformed": Entry(
        "This is no certificate fingerprint",
        "It has to be a SHA-256: 64 hexadecimal digits, with or without colons.",
        "The test shows the panel's; compare it with what the server itself prints.",
        "openssl s_client -connect HOST:PORT </dev/null | openssl x509 -noout -fingerprint -sha256",
    ),
    "panel_no_names": Entry(
        "The certificate names no host",
        "It has no DNS name among its alternative names, so it belongs to no site.",
        "Install one that names the site.",
    ),
    "panel_key_kind": Entry(
        "Panels do not take this kind of key",
        "They take RSA and ECDSA keys.",
        "Issue a certificate with an RSA or ECDSA key.",
    ),
}

CONNECTION = {
    "panel_certificate_untrusted": Entry(
        "The certificate of {host} cannot be verified",
        "{reason}. Nothing was sent. {panel} often shows a certificate that it made itself; its SHA-256 is {seen}",
        "Open the panel under the name that its certificate is for, or compare the fingerprint with what the server "
        "itself prints, and pin it only if they are the same.",
        "openssl s_client -connect {host}:PORT </dev/null | openssl x509 -noout -fingerprint -sha256",
    ),
    "panel_certificate_changed": Entry(
        "{host} shows another certificate than the pinned one",
        "Pinned is {expected}, it showed {seen}. Either the panel renewed its own certificate, or something between it "
        "and the portal answers in its place. Nothing was sent.",
        "Compare the fingerprint with what the server itself prints; only if they are the same pin the new one.",
        "openssl s_client -connect {host}:PORT </dev/null | openssl x509 -noout -fingerprint -sha256",
    ),
    "panel_unsure": Entry(
        "{host} did not answer after it was told",
        "The request had gone out, so {panel} may have done it or not.",
        "The portal looks at what is installed and repeats what is missing.",
    ),
    "panel_busy": Entry("{panel} takes no more requests just now", AT_THE_PANEL, "Nothing is lost. " + RETRIED),
    "panel_failing": Entry(
        "{panel} on {host} is out of order (HTTP {status})",
        AT_THE_PANEL,
        "Nothing is lost. " + RETRIED + " If it lasts, ask the hoster.",
    ),
    "panel_garbled": Entry(
        "What {host} answered makes no sense",
        "It is not what {panel} answers, or only a part of it came.",
        RETRIED + " If it stays, check that host and port are the panel's.",
    ),
    "panel_not_an_api": Entry(
        "{host} answered with a web page",
        "Port {port} has something else than the interface of {panel}, or a proxy or a log-in page stands in front.",
        "Check host and port: cPanel 2083, Plesk 8443.",
    ),
    "panel_redirects": Entry(
        "{host} sends the portal elsewhere (HTTP {status})",
        "A credential follows no redirect: where it leads decides whoever answers.",
        "Enter the host and the port at which the panel itself answers.",
    ),
    "panel_not_there": Entry(
        "There is no {panel} on port {port} of {host} (HTTP {status})",
        AT_THE_PANEL,
        "Check host and port: cPanel 2083, Plesk 8443.",
    ),
}

REFUSALS = {
    "panel_login_refused": Entry(
        "{panel} refused the credential",
        AT_THE_PANEL + " It is not tried again by itself, since panels lock accounts after several refusals.",
        "Check the user name, make a new token or password and enter it; a token may have expired.",
    ),
    "panel_login_waits": Entry(
        "The credential for {panel} was refused before",
        "It is not tried again by itself, since panels lock accounts after several refusals. Nothing was sent.",
        "Enter the credential anew, or press Test once you have put it right at the panel.",
    ),
    "panel_forbidden": Entry(
        "{panel} does not let this account in (HTTP 403)",
        AT_THE_PANEL + " The feature may be off, or the server blocks the portal's address.",
        "Ask the hoster to switch on SSL/TLS and remote access for the account, and to let this portal's address in.",
    ),
    "panel_feature_off": Entry(
        "SSL/TLS is switched off for this account",
        AT_THE_PANEL,
        "Ask the hoster to switch on the feature SSL/TLS; where the server has no web role, the panel cannot do it.",
    ),
    "panel_wrong_door": Entry(
        "Port {port} of {host} is another door of {panel}",
        AT_THE_PANEL + " WHM and webmail answer like this.",
        "Use the port of cPanel itself, usually 2083.",
    ),
    "panel_refused": Entry(
        "{panel} did not do it",
        AT_THE_PANEL,
        "Do what it says; if it stays, install the certificate by hand from the ZIP.",
    ),
    "panel_no_site": Entry(
        "No site of this account fits the certificate",
        "The certificate is for {names}. The account has: {found}. Nothing was sent.",
        "Use the account that has the site, or a certificate that covers it.",
    ),
}

AFTERWARDS = {
    "panel_pending": Entry(
        "{panel} has the certificate and does not serve it yet",
        "For {site} it is not active; that takes some minutes.",
        "The portal asks again by itself.",
    ),
    "panel_other_certificate": Entry(
        "{panel} tells of another certificate on {site}",
        "It took the new one and has another one there now. Something else installs certificates there, such as "
        "AutoSSL, or it has not come to it yet.",
        "Switch off what replaces it; the portal installs it again by itself.",
    ),
    "panel_other_served": Entry(
        "{panel} has the certificate, and {host} serves another one",
        "It is installed for {sites}. A visitor of {host} on port {port} still gets another one ({seen}…): the name "
        "leads to another machine, or the panel needs longer than usual.",
        "The portal looks again by itself for nearly a day. Check where the name leads; at Cloudflare the orange cloud "
        "has to be on. Deploy now looks at once.",
    ),
    "panel_nothing_served": Entry(
        "{panel} has the certificate, and nothing answers for {host}",
        "It is installed for {sites}. Nothing hands out a certificate on port {port} of {host}.",
        "The portal looks again by itself for nearly a day. Check where the name leads and that the site is switched "
        "on. Deploy now looks at once.",
    ),
}

PLESK = {
    "panel_rights_missing": Entry(
        "{panel} does not allow this to the credential",
        AT_THE_PANEL,
        "Give it the rights that stand beside the form, or use a credential that has them.",
    ),
    "panel_value_refused": Entry(
        "{panel} did not accept the certificate or its key",
        AT_THE_PANEL,
        "Issue the certificate anew, with an RSA key if the panel is old; then install that.",
    ),
    "panel_quota": Entry(
        "{panel} takes no more certificates",
        AT_THE_PANEL,
        "Remove certificates that are not used any more there, or ask for a higher limit.",
    ),
    "panel_account_disabled": Entry(
        "The account is disabled", AT_THE_PANEL, "Ask the hoster why, and to enable it again."
    ),
    "panel_login_locked": Entry(
        "{panel} has locked the login",
        AT_THE_PANEL + " That happens after several wrong passwords. The portal does not try again by itself.",
        "Wait until the panel unlocks it, sign in there once by hand, then test the access again.",
    ),
    "plesk_key_refused": Entry(
        "Plesk refused the secret key",
        AT_THE_PANEL + " A secret key works from one address only, and not after it was deleted.",
        "Have one made for the address from which this portal connects, and enter it.",
        "plesk bin secret_key --create -ip-address ADDRESS -description ManageMyCert",
    ),
    "plesk_api_denied": Entry(
        "Plesk lets this user in by its pages only",
        AT_THE_PANEL + " Remote access by the XML API is a permission of its own, and may be bound to addresses.",
        "Ask the administrator for the permission to use remote API, and to let this portal's address in.",
    ),
    "plesk_not_ready": Entry("Plesk does not work just now", AT_THE_PANEL, RETRIED),
    "plesk_operation_failed": Entry(
        "Plesk began and did not get through",
        AT_THE_PANEL,
        RETRIED + " If it stays, its log on the server tells more.",
        "plesk log panel.log",
    ),
    "plesk_not_set_up": Entry(
        "Plesk on {host} has not been set up yet", AT_THE_PANEL, "Sign in there as administrator and finish the set-up."
    ),
    "plesk_too_old": Entry(
        "This Plesk is too old",
        AT_THE_PANEL + " Certificates are updated by its interface since Plesk 17.",
        "Update Plesk, or install the certificate by hand from the ZIP.",
    ),
    "plesk_licence": Entry("Plesk's licence does not allow it", AT_THE_PANEL, "Ask the hoster to renew the licence."),
    "plesk_object_missing": Entry(
        "Plesk does not know the site or its subscription",
        AT_THE_PANEL + " It was deleted or renamed meanwhile, or belongs to somebody else.",
        "Test the access again to see which sites there are.",
    ),
    "plesk_packet_refused": Entry(
        "Plesk did not understand the request",
        AT_THE_PANEL + " Very old versions do not know what is asked of them.",
        "Update Plesk, or install the certificate by hand from the ZIP.",
    ),
    "plesk_component_missing": Entry(
        "A part of Plesk is missing on {host}", AT_THE_PANEL, "Ask the hoster to install or configure it."
    ),
    "plesk_account_incomplete": Entry(
        "The customer's account in Plesk is not complete", AT_THE_PANEL, "Fill in what is missing in its profile."
    ),
}

BY_HAND = "The certificate of your own server can be installed from the ZIP; Universal SSL goes on serving visitors."
CLOUDFLARE = {
    "cloudflare_token_malformed": Entry(
        "This is no API token of Cloudflare",
        AT_THE_PANEL,
        "Copy the token again. The Global API Key is none, and is not wanted here.",
    ),
    "cloudflare_token_over": Entry(
        "The API token is {status}", "Cloudflare says so itself.", "Make a new one there and enter it."
    ),
    "cloudflare_no_zone": Entry(
        "No zone of this token fits the certificate",
        "The certificate is for {names}. The token sees: {found}. Nothing was sent.",
        "Use a token for the zone in which these names are, with the permission Zone, Zone, Read.",
    ),
    "cloudflare_zone_inactive": Entry(
        "The zone {zone} is not active ({status})",
        "Cloudflare serves a zone only after its name servers were changed. Nothing was sent.",
        "Finish the zone's set-up in Cloudflare, then try again.",
    ),
    "cloudflare_plan": Entry(
        "The zone {zone} takes no certificates of your own",
        "Cloudflare answered: {answer} They need the plan Business or Enterprise, and a token that may edit them.",
        "Check the token's permissions (Zone, SSL and Certificates, Edit) and the plan. " + BY_HAND,
    ),
    "cloudflare_ends_too_soon": Entry(
        "The certificate ends too soon for Cloudflare",
        "It takes none that ends within {days} days. Nothing was sent.",
        "Renew it earlier, or issue one that lives longer; certificates of six days can never be uploaded.",
    ),
    "cloudflare_foreign": Entry(
        "There is another certificate for the same names in {zone}",
        "It is for {names}, was not put there by this portal, and would be replaced (its id is {certificate}).",
        "Say that it is to be replaced, or remove it under SSL/TLS, Edge Certificates.",
    ),
    "cloudflare_full": Entry(
        "The zone has as many certificates of your own as its plan allows",
        AT_THE_PANEL,
        "Remove one that is not used any more under SSL/TLS, Edge Certificates, or ask Cloudflare for more.",
    ),
    "cloudflare_already": Entry(
        "Cloudflare says that it has this certificate already",
        AT_THE_PANEL + " It is not in the list that the portal may read.",
        "Look under SSL/TLS, Edge Certificates whether it stands in another zone or is just being removed.",
    ),
    "cloudflare_same_kind": Entry(
        "There is already a certificate of this kind for these names",
        AT_THE_PANEL + " A pack holds one RSA and one ECDSA certificate.",
        "Remove the old one under SSL/TLS, Edge Certificates, or say that the portal may replace it.",
    ),
    "cloudflare_certificate_invalid": Entry(
        "Cloudflare did not accept the certificate",
        AT_THE_PANEL + " Or the one to be replaced is gone.",
        "Test the access again; if it stays, issue the certificate anew.",
    ),
    "cloudflare_no_leaf": Entry(
        "Cloudflare found no certificate of a site in it",
        AT_THE_PANEL,
        "Install a certificate for hosts, not one of an authority.",
    ),
    "cloudflare_no_cipher": Entry(
        "Browsers could not use this certificate",
        AT_THE_PANEL + " No cipher that Chromium knows goes with its key.",
        "Issue it anew with an RSA key of 2048 bits, or an ECDSA key on P-256.",
    ),
    "cloudflare_not_bundled": Entry(
        "Cloudflare does not know who signed the certificate",
        AT_THE_PANEL + " It takes certificates that browsers trust, and builds their chain itself.",
        "Use one of a public authority. Certificates from a test environment are refused.",
    ),
    "cloudflare_names_elsewhere": Entry(
        "None of the certificate's names lies in the zone", AT_THE_PANEL, "Use a certificate for hosts of this zone."
    ),
    "cloudflare_key_invalid": Entry(
        "Cloudflare did not accept the private key", AT_THE_PANEL, "Issue the certificate anew with a new key."
    ),
    "cloudflare_pair_invalid": Entry(
        "Cloudflare says that key and certificate do not belong together",
        AT_THE_PANEL,
        "Issue the certificate anew with a new key.",
    ),
    "cloudflare_object_missing": Entry(
        "Cloudflare does not know the zone or the certificate any more",
        AT_THE_PANEL,
        "Test the access again to see which zones there are.",
    ),
    "cloudflare_not_now": Entry("Cloudflare cannot replace it just now", AT_THE_PANEL, RETRIED),
    "cloudflare_unknown": Entry(
        "Cloudflare does not know what went wrong", AT_THE_PANEL, RETRIED + " If it stays, ask Cloudflare's support."
    ),
}

for entries in (VALUES, CONNECTION, REFUSALS, AFTERWARDS, PLESK, CLOUDFLARE):
    register(entries)
