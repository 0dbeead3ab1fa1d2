"""Words of this room's codes: what happened, why, what to do, and what to paste."""

from config.lib.errors import Entry, register

FRESH = "Then start a fresh challenge: the TXT values will be new ones."

register(
    {
        # The CA, reached or not
        "acme_unreachable": Entry(
            "The CA {host} could not be reached",
            "The connection from this portal did not work ({detail}).",
            "Nothing is lost: the portal tries again by itself. If it lasts, check the CA's address and roots (under "
            "Settings, or ACME_DIRECTORY_URL and ACME_CA_BUNDLE) and the portal's own network.",
        ),
        "certificate_to_replace": Entry(
            "A certificate here is being replaced",
            "Somebody is replacing every certificate {what}, because {why}.",
            "Under Certificates, Replace shows how far each is, and which of them need a person.",
        ),
        "replace_nothing": Entry(
            "There is no such certificate",
            "No valid certificate on file is one {what}.",
            "Choose others. What expired or was revoked needs no replacing.",
        ),
        "replace_too_many": Entry(
            "{count} certificates are too many for one plan",
            "At most {most} are replaced together.",
            "Choose fewer, by days for example, and begin the next plan when this one is done.",
        ),
        "replace_full": Entry(
            "{most} replacements are under way already",
            "Each goes on until its last certificate is proven, and a workspace may have {most} at a time.",
            "Wait until one of them is done, or stop one on its page; then begin this one.",
        ),
        "replace_over": Entry(
            "This replacement is over",
            "Nothing of it is under way: {what}.",
            "Begin a new one for what is left.",
        ),
        "acme_waits": Entry(
            "{ca} is out of reach since {since}",
            "What is to be done there waits in a line, so that it is not asked by everybody at once; one of the line "
            "tries again from time to time.",
            "Nothing is lost and there is nothing to do: this goes on by itself from {until} on, once the CA answers.",
        ),
        "acme_server_error": Entry(
            "The CA has a problem of its own",
            "It answered: {detail}",
            "Nothing is lost: the portal tries again by itself on the same order.",
        ),
        "acme_too_slow": Entry(
            "The CA is too slow",
            "Its answers to one certificate took more than {minutes} minutes so far.",
            "Nothing is lost: the portal goes on by itself later.",
        ),
        "acme_bad_answer": Entry(
            "The CA gave an answer that makes no sense",
            "{detail}",
            "The portal tries again where that can help. Check that ACME_DIRECTORY_URL names an ACME directory.",
        ),
        "acme_rate_limited": Entry(
            "The CA's rate limit is reached",
            "It answered: {detail}",
            "The portal goes on by itself at {until}; there is nothing to do before.",
        ),
        # Renewal
        "renewal_needs_hands": Entry(
            "Nobody can prove {names} without a person",
            "Renewing by itself needs an alias to this portal, or access to the DNS provider, for each of these names.",
            "Set one of them up for the names, or renew by hand.",
        ),
        "renewal_blocked": Entry(
            "There is still no certificate for {names}",
            "It is to renew by itself, and the first one was not issued. {why}",
            "Open the Let's Encrypt tab: it shows what is in the way. The portal goes on trying by itself.",
        ),
        "renewal_not_begun": Entry(
            "The renewal for {names} could not be begun",
            "Its time has come, and something keeps the portal from ordering. {why}",
            "Open Renew & deploy, and mend what it names; `Rehearse now` shows whether that suffices. The portal goes "
            "on trying by itself.",
        ),
        "ca_wants_renewal": Entry(
            "The CA wants the certificate for {names} replaced now",
            "It moved the time to renew to {until}, which was over already. CAs do so when certificates are faulty, "
            "and may revoke them soon. {explanation}",
            "There is nothing to do: the portal renews it now, by itself. Should something keep it from that, this "
            "domain has a finding that says what.",
        ),
        "ca_wants_renewal_by_hand": Entry(
            "The CA wants the certificate for {names} replaced now, which takes a person",
            "It moved the time to renew to {until}, which was over already. CAs do so when certificates are faulty, "
            "and may revoke them soon. {explanation}",
            "Issue the next one on the Let's Encrypt tab today, and install it. Where more are affected, `Replace "
            "everything that…` under Certificates takes all that this CA has issued.",
        ),
        "renewal_cancelled": Entry(
            "The renewal was cancelled",
            "Somebody ended it before the CA was asked.",
            "The portal tries again the next day. To stop it for good, turn auto-renew off.",
        ),
        "renewal_waits": Entry(
            "A challenge by hand is open for {names}",
            "While somebody may be publishing its records, nothing else is ordered for the same names.",
            "Finish or cancel it; after a day the portal cancels it and renews by itself.",
        ),
        "renewal_overdue": Entry(
            "The renewal of {names} is overdue",
            "It should have happened at {since}, and the certificate is valid until {until}. {why}",
            "Open the Let's Encrypt tab: it shows what is in the way. The portal goes on trying by itself.",
        ),
        "certificate_expired": Entry(
            "The certificate for {names} has expired without a successor",
            "It was valid until {until}; its renewal was due at {since}. {why}",
            "Open the Let's Encrypt tab, mend what it names, and issue a new one.",
        ),
        "renewal_needs_mode": Entry(
            "The mode {mode} renews nothing",
            "Let's Encrypt (DNS) and Auto-renew (SSH) renew by themselves.",
            "Choose one of them, or leave auto-renew off.",
        ),
        "auto_renew_incomplete": Entry(
            "Auto-renew (SSH) is not ready yet",
            "Still missing: {missing}.",
            "Add it on the Renew & deploy tab; where auto-renew is still off, press Enable auto-renew then.",
        ),
        "http01_wildcard": Entry(
            "HTTP-01 cannot prove {names}",
            "A file on one host says nothing about all names below it, so no CA gives a wildcard for it.",
            "Leave the wildcard out, or renew it by Let's Encrypt (DNS): a CNAME to this portal makes it hands-free.",
        ),
        "renewal_is_off": Entry(
            "Nobody renews {host} by itself",
            "Renew now does at once what auto-renew does in time, by the same settings.",
            "Enable auto-renew first, or issue a certificate on the Let's Encrypt tab.",
        ),
        # The account
        "acme_account_gone": Entry(
            "The CA does not know this workspace's account any more",
            "It answered: {detail}",
            "The portal opens the account again by itself and goes on.",
        ),
        "acme_terms_changed": Entry(
            "The CA wants its new terms of service accepted",
            "It answered: {detail}",
            "Whoever runs this portal opens the CA's page, accepts the terms, and then starts the challenge again.",
            "{instance}",
        ),
        "acme_external_account_required": Entry(
            "This CA takes orders only from accounts that it knows already",
            "It demands an external account binding: {detail}",
            "Enter the key id and MAC key that it gave you under Settings, Certificate authorities.",
        ),
        "acme_contact_refused": Entry(
            "ACME_EMAIL must be a real contact mailbox",
            "The CA refused it: {detail}",
            "Set ACME_EMAIL to a mailbox you own, or leave it unset, and restart the portal.",
        ),
        # The order
        "acme_refused": Entry(
            "The CA refused the request",
            "It answered: {detail}",
            "The same request will be refused again. Change what the CA's answer names, then start over.",
        ),
        "acme_rejected_identifier": Entry(
            "The CA does not issue for {name}",
            "Its policy forbids the name: {detail}",
            "Leave the name out, or use another CA for it.",
        ),
        "acme_invalid_profile": Entry(
            "The CA has no such certificate profile",
            "It answered: {detail}",
            "Choose one of the profiles that its directory lists, or none.",
        ),
        "acme_bad_csr": Entry(
            "The CA refused the signing request",
            "It answered: {detail}",
            "Start again with another key type.",
        ),
        "acme_already_replaced": Entry(
            "The certificate was replaced before",
            "The CA answered: {detail}",
            "Order without naming the certificate that is to be replaced.",
        ),
        "acme_order_not_ready": Entry(
            "The CA is not done checking",
            "It answered: {detail}",
            "The portal looks again by itself.",
        ),
        "acme_order_expired": Entry(
            "The order at the CA is no longer open",
            "Orders and their challenges end after hours or days, by the CA's rules: {detail}",
            "Start a fresh challenge: the TXT values will be new ones.",
        ),
        "acme_gave_up": Entry(
            "No result after {attempts} attempts",
            "The last one ended with: {last}",
            "Nothing is waiting at the CA any more. Start a fresh challenge when the cause is repaired.",
        ),
        # One name's validation
        "acme_unauthorized": Entry(
            "The CA did not find the right TXT record for {name}",
            "It looked at {record} {place} and said: {detail}",
            "Check that the record is at {record}, holds the value without quotes, and that old values are gone at "
            "every name server. " + FRESH,
            "dig TXT {record} +short",
        ),
        "acme_http_unauthorized": Entry(
            "The CA did not get the right token from {name}",
            "It asked port 80 {place} and said: {detail}",
            "The portal had fetched the token itself before. So the CA was led elsewhere: look for a second address, a "
            "geo-block or a load balancer. Then try again: the token will be a new one.",
        ),
        "acme_http_unreachable": Entry(
            "Let's Encrypt could not reach port 80 of {name}",
            "It tried {place} and said: {detail}",
            "The portal had reached it itself before. A CA looks from several countries: let everybody in on port 80, "
            "then try again.",
        ),
        "acme_dns": Entry(
            "The CA's look-up for {name} failed",
            "It looked {place}, and its resolvers said: {detail}",
            "Check the name servers of the zone from outside, and DNSSEC if it is signed. " + FRESH,
            "dig TXT {record} +trace",
        ),
        "acme_not_validated": Entry(
            "The CA did not validate {name}",
            "It looked {place} and said: {detail} ({kind})",
            "Repair what it names. " + FRESH,
        ),
        "acme_connection": Entry(
            "The CA could not connect to {name}",
            "It tried {place} and said: {detail}",
            "Check that the name's servers answer from everywhere. " + FRESH,
        ),
        "acme_caa": Entry(
            "A CAA record forbids this CA to issue for {name}",
            "The CA said: {detail}",
            "Add a CAA record that names this CA, or remove the ones that name only others. " + FRESH,
            "dig CAA {name} +short",
        ),
        # Our own gates
        "dns_txt_not_found": Entry(
            "DNS TXT not found yet for {names}",
            "We looked before asking the CA, because the CA looks only once. What was seen: {seen}",
            "Confirm that host and value match the table exactly and wait for propagation, usually 1 to 10 minutes. "
            "Then click Issue certificate again; nothing has to be restarted.",
            "{paste}",
        ),
        "caa_forbids": Entry(
            "A CAA record at {at} forbids this CA to issue for {name}",
            "It reads: {found}. We looked before asking the CA, which would refuse.",
            "Add a record that names this CA beside the others, wait for propagation, then try again.",
            "{paste}",
        ),
        "issuance_window": Entry(
            "A valid certificate is already on file for {names}; new issuance is available when {days} days or less "
            "remain (from {opens}).",
            "This keeps you clear of the CA's limits for identical certificates.",
            "Download the certificate on file; it is the ZIP under Your certificates.",
        ),
        "issuance_closed": Entry(
            "This issuance has ended",
            "It is {state}.",
            "Start a new one on the Let's Encrypt tab.",
        ),
        "issuance_not_waiting": Entry(
            "This issuance is under way",
            "It is {state}, so there is nothing to start or to cancel just now.",
            "Wait for its result on its page.",
        ),
        "issuance_failed": Entry(
            "No certificate for {names}",
            "The last attempt ended with: {error}",
            "Open the Let's Encrypt tab, repair what it names, and start a fresh challenge.",
        ),
        "names_not_proven": Entry(
            "Not yet proven: {names}",
            "A certificate may hold only names whose ownership this workspace has proven.",
            "Add each of them, or a name above it, as a domain and finish its ownership step first.",
        ),
        "names_missing": Entry(
            "No name was chosen",
            "A certificate needs at least one.",
            "Choose the host itself, or another verified name.",
        ),
        "names_too_many": Entry(
            "Too many names: {count}",
            "A certificate of this CA holds at most {most}.",
            "Split them over several certificates.",
        ),
        "names_redundant": Entry(
            "{name} is already covered by {wildcard}",
            "This CA refuses an order that holds a wildcard and a name that the wildcard covers.",
            "Leave {name} out; browsers accept the wildcard for it.",
        ),
        "key_type_unknown": Entry(
            "No such key type: {key_type}",
            "We make keys of the types {known}.",
            "Use one of these, or leave the key type out.",
        ),
        "key_type_not_there": Entry(
            "{ca} makes no certificates for keys of the type {key_type}",
            "This directory takes {known}.",
            "Use one of these, or the CA's other directory.",
        ),
        "challenge_unknown": Entry(
            "No such challenge: {challenge}",
            "Names are proven by dns-01 here.",
            "Use dns-01, or leave the challenge out.",
        ),
        "ca_unknown": Entry(
            "No such CA: {ca}",
            "This workspace issues from {known}.",
            "Use one of these, leave the CA out, or add it first under Settings, Certificate authorities.",
        ),
        # What is on file
        "no_private_key": Entry(
            "The private key of this certificate is not on file",
            "It was destroyed, or it never was here.",
            "Issue a new certificate; it gets a new key.",
        ),
        "pull_tokens_full": Entry(
            "Enough pull tokens for one domain",
            "It has {most} of them, which is the most.",
            "Revoke one that nobody uses; the certificate's page says when each was last used.",
        ),
        "revoke_reason_unknown": Entry(
            "No such reason: {reason}",
            "A certificate is revoked for one of {known}.",
            "Use one of these, or leave the reason out.",
        ),
        "revoke_at_your_ca": Entry(
            "This certificate was not issued here",
            "It was uploaded, and only whoever ordered it at {issuer} can have it revoked.",
            "Revoke it in your account at that authority, then delete it here.",
        ),
        "revoke_expired": Entry(
            "The certificate has expired",
            "It was valid until {not_after}, and clients refuse it anyway; authorities revoke only what is valid.",
            "Nothing to do.",
        ),
        "revoke_no_account": Entry(
            "The account that ordered this certificate is not here any more",
            "{issuer} revokes only for the account that the certificate was issued to.",
            "Ask that authority to revoke it; with the private key at hand, any ACME client can do it.",
            "certbot revoke --cert-path cert.pem --key-path privkey.pem",
        ),
        "export_format_unknown": Entry(
            "No such format: {format}",
            "Certificates are given out as {known}.",
            "Use one of these.",
        ),
        "export_impossible": Entry(
            "This certificate cannot be packed as {format}",
            "The format knows no such key, or what is stored cannot be read.",
            "Use another format, or issue the certificate again with another key.",
        ),
        "export_password_short": Entry(
            "The password is too short",
            "Whoever gets hold of the file can try passwords as fast as a computer goes; {least} characters are the "
            "least.",
            "Choose a longer one; you type it once when the file is imported.",
        ),
        "export_password_letters": Entry(
            "The password has characters that old Windows does not take",
            "Only ASCII letters, digits and signs are read alike by every version.",
            "Choose another one, or the modern format.",
        ),
        "no_bundle_for_uploads": Entry(
            "The ZIP holds certificates that were issued here",
            "This one was uploaded, so you have its files already.",
            "Deploy it to your servers, or use the files you uploaded.",
        ),
    }
)
