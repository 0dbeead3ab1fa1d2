"""Words of CAs and accounts: what happened, why, what to do."""

from config.lib.errors import Entry, register

WHERE = "Settings, Certificate authorities"

register(
    {
        "ca_limit": Entry(
            "A limit of {ca} is used up: {most} {what} in {within}",
            "It was counted here, before the CA was asked: its refusal would only cost more time.",
            "There is room again at {until}. A renewal goes on by itself then; anything else you start again.",
        ),
        "ca_present": Entry(
            "{ca} is there already",
            "A workspace has one account at each CA.",
            "Change the one in the list.",
        ),
        "cas_full": Entry(
            "No more CAs can be added",
            "A workspace may have {most}.",
            "Remove one that is not used any more.",
        ),
        "ca_kind_unknown": Entry(
            "No such CA: {ca}",
            "It is none of those that the portal knows.",
            "Use other, and give the address of its directory.",
        ),
        "ca_directory_malformed": Entry(
            "This is no address of an ACME directory",
            "It has to be a whole https address without user name or fragment.",
            "Copy it from the CA's documentation; it mostly ends in directory.",
        ),
        "ca_credentials_missing": Entry(
            "{ca} wants a key id and a MAC key",
            "It takes orders only from accounts that it knows already.",
            "{where}",
        ),
        "ca_credentials_halved": Entry(
            "Key id and MAC key belong together",
            "One of them is empty.",
            "Enter both, or none.",
        ),
        "ca_key_id_malformed": Entry(
            "This is no key id",
            "It is a line of at most 500 characters.",
            "Copy it as the CA shows it.",
        ),
        "ca_mac_malformed": Entry(
            "This is no MAC key",
            "It is at least 22 letters, digits, - and _ (base64url).",
            "Copy it whole, as the CA shows it.",
        ),
        "ca_chain_malformed": Entry(
            "This is no name of a root",
            "It is a line of at most 200 characters, such as ISRG Root X1.",
            "Copy the common name of the root, or leave it empty.",
        ),
        "ca_account_closed": Entry(
            "There is no account at {ca} yet",
            "It opens with the first order, with a key of its own.",
            "Nothing to do.",
        ),
        "ca_account_busy": Entry(
            "The key is in use: {count} certificates are on their way at {ca}",
            "What their TXT records hold is made from the account's key, so changing it now would spoil them.",
            "Finish or cancel them, then change the key.",
        ),
        "ca_key_changing": Entry(
            "The account's key is being changed",
            "Nothing is ordered meanwhile.",
            "The portal goes on by itself, usually within a minute.",
        ),
        "ca_in_use": Entry(
            "{ca} is in use",
            "{renewals} domains renew there, and {issuances} certificates are on their way.",
            "Have them renewed elsewhere, or turn auto-renew off, then remove it.",
        ),
        "ca_is_default": Entry(
            "{ca} is this portal's own CA",
            "It is used wherever nobody chose another one.",
            "Leave it; accounts that nobody uses do no harm.",
        ),
        "ca_silent": Entry(
            "The directory of {ca} does not answer",
            "The last look ended with: {error}. Renewals of this domain come from there.",
            f"Look at {WHERE}; if the CA has ended or moved, choose another one in time.",
        ),
        "ca_profile_gone": Entry(
            "{ca} no longer offers the profile {profile}",
            "Its directory does not name it any more, so the next renewal of {names} would be refused.",
            "Issue the certificate once with another profile; renewals then follow it.",
        ),
        "caa_unclear": Entry(
            "The CAA records at {at} cannot be read",
            "Every server that was asked failed ({found}). A CA refuses where it cannot read them.",
            "Repair the name servers of the zone so that they answer for CAA too, also with an empty answer. The "
            "portal tries again by itself.",
            "dig CAA {at}",
        ),
        "dnssec_broken": Entry(
            "The DNSSEC of {name} is broken",
            "Resolvers that check signatures, as every CA's do, take no answer of this zone: {detail}.",
            "Have the zone signed anew at its provider, or remove the DS record at the registrar until it is. The "
            "portal tries again by itself.",
            "delv {name} SOA",
        ),
    }
)
