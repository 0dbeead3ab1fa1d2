"""Words for everything that can be wrong with a certificate or with a pasted pair."""

from config.lib.errors import Entry

ENTRIES: dict[str, Entry] = {
    "expired": Entry(
        "The certificate has expired",
        "It was valid until {not_after}. Browsers and clients refuse the connection.",
        "Renew it and install the new one; if it was renewed already, the server still serves the old file: reload it.",
    ),
    "not_yet_valid": Entry(
        "The certificate is not valid yet",
        "It becomes valid on {not_before}. Until then clients refuse the connection.",
        "Check the clock of the server that issued it, or serve the previous certificate until then.",
    ),
    "expiring": Entry(
        "The certificate expires soon",
        "It is valid until {not_after}, and less than a quarter of its life is left.",
        "Renew it now, or turn on automatic renewal on the 'Renew & deploy' tab.",
    ),
    "dates_unreadable": Entry(
        "The certificate's dates cannot be read",
        "Its validity is not written as the standard demands, so clients refuse it.",
        "Ask whoever issued it for a fresh certificate.",
    ),
    "name_mismatch": Entry(
        "The certificate is for other names",
        "{host} is not among the names of the certificate ({name_count} in all: {names}). "
        "An asterisk covers exactly one label.",
        "Issue a certificate that names {host}, or let the server answer for this name with the right one (SNI).",
    ),
    "no_san": Entry(
        "The certificate names no host",
        "It has no subject alternative names, and clients have ignored the common name since 2017.",
        "Issue it again with {host} among its subject alternative names.",
    ),
    "self_signed": Entry(
        "The certificate is self-signed",
        "It vouches for itself, so no client trusts it.",
        "Issue a certificate from a public authority on the 'Let's Encrypt' tab.",
    ),
    "untrusted_chain": Entry(
        "The issuer is not trusted",
        "The chain ends at an authority that is not among the public ones nor among your own.",
        "If the authority is yours, add it in the settings under 'Trusted authorities'; otherwise issue a public "
        "certificate.",
    ),
    "missing_intermediate": Entry(
        "An intermediate certificate is missing",
        "The server sends its own certificate without the one that signed it ({issuer}). Some browsers fill the gap, "
        "most programs and phones refuse.",
        "Configure the server with fullchain.pem instead of cert.pem, then reload it.",
    ),
    "chain_invalid": Entry(
        "The chain does not hold",
        "A certificate in the chain does not vouch for the one below it.",
        "Install fullchain.pem exactly as it was issued, then reload the server.",
    ),
    "chain_expired": Entry(
        "A certificate in the chain has expired",
        "{name} was valid until {not_after}. Clients refuse a chain with an expired link.",
        "Install the chain that came with the newest certificate (fullchain.pem), then reload the server.",
    ),
    "chain_not_yet_valid": Entry(
        "A certificate in the chain is not valid yet",
        "{name} becomes valid on {not_before}.",
        "Install the chain that belongs to this certificate.",
    ),
    "chain_dates_unreadable": Entry(
        "The dates of a certificate in the chain cannot be read",
        "{name} does not write its validity as the standard demands.",
        "Install the chain that belongs to this certificate.",
    ),
    "chain_expiring": Entry(
        "A certificate in the chain expires before yours",
        "{name} is valid until {not_after} only; from then on your certificate is refused as well.",
        "Renew before that day: the authority then issues from a newer intermediate.",
    ),
    "chain_order": Entry(
        "The certificates are sent in the wrong order",
        "TLS before 1.3 demands each certificate to be followed by the one that signed it; older clients refuse.",
        "Put your own certificate first and each issuer after it, as in fullchain.pem.",
    ),
    "chain_superfluous": Entry(
        "Certificates are sent that nobody needs",
        "{count} of the certificates sent have no part in the chain. They cost time at every connection.",
        "Serve fullchain.pem as it was issued.",
    ),
    "weak_key": Entry(
        "The key is too weak",
        "{name} has a key of {key}, which clients refuse or soon will.",
        "Issue a new certificate with an ECDSA P-256 or RSA 2048 key.",
    ),
    "weak_signature": Entry(
        "The signature is too weak",
        "{name} is signed with {signature}, which can be forged; clients refuse it.",
        "Issue a new certificate; every public authority signs with SHA-256 or better.",
    ),
    "wrong_usage": Entry(
        "The certificate is not meant for servers",
        "Its extended key usage allows {usages}, but not serverAuth.",
        "Issue a certificate for server authentication.",
    ),
    "authority_as_leaf": Entry(
        "The certificate is an authority's",
        "It says that it may sign others, and is served as a server's own. Firefox and some programs refuse that.",
        "Issue a certificate for this host, and keep the authority's key away from servers.",
    ),
    "client_auth_gone": Entry(
        "The new certificate is for servers only",
        "The one before it also allowed clientAuth. Public authorities left that out in 2026, and servers that show "
        "their certificate when they connect to another one (SIP and XMPP trunks, mail over mutual TLS) may be "
        "refused.",
        "Nothing to do where this server is only connected to. Otherwise ask the other side to accept it without "
        "clientAuth, or use a certificate of a private authority for outgoing connections.",
    ),
    "tls_outdated": Entry(
        "The server chose {version}",
        "It was offered TLS 1.2 and 1.3 and speaks neither. Browsers have refused anything older since 2020.",
        "Turn on TLS 1.2 and 1.3 in the server's settings, or update it, then reload it.",
    ),
    "weak_cipher": Entry(
        "The server chose a weak cipher",
        "{cipher} can be broken with effort, and was taken although better ones were offered.",
        "Remove RC4, 3DES and other old ciphers from the server's list, and let ECDHE with AES-GCM or ChaCha20 come "
        "first.",
    ),
    "no_forward_secrecy": Entry(
        "Recorded connections can be decrypted later",
        "{cipher} has no forward secrecy: whoever gets the private key one day reads everything that was recorded "
        "before.",
        "Let the server prefer ciphers that begin with ECDHE, or turn on TLS 1.3.",
    ),
    "cipher_without_protection": Entry(
        "The connection is not protected",
        "The server chose {cipher}, which does not encrypt, does not prove who the server is, or is broken at once.",
        "Remove NULL, EXPORT and anonymous ciphers from the server's list, then reload it.",
    ),
    "revoked": Entry(
        "The certificate was revoked",
        "Its authority ({issuer}) has withdrawn it on {at}{because}. Clients that look at the list of revoked "
        "certificates refuse it, and the others should.",
        "Issue a new certificate with a new key and install it now; find out why it was revoked, since a key that "
        "leaked must not be used again.",
    ),
    "crl_unreadable": Entry(
        "The list of revoked certificates could not be read",
        "What came from {url} is not such a list.",
        "Nothing to do on your side: it is tried again tomorrow, and says nothing about the certificate.",
    ),
    "crl_unavailable": Entry(
        "The list of revoked certificates could not be had",
        "{url} answered with HTTP {status}.",
        "Nothing to do on your side: it is tried again tomorrow, and says nothing about the certificate.",
    ),
    "crl_forged": Entry(
        "The list of revoked certificates is not the authority's",
        "What came from {url} is not signed by the certificate's issuer, so it was ignored.",
        "Nothing to do on your side: it is tried again tomorrow. If it stays, somebody between the portal and the "
        "authority changes what is fetched.",
    ),
    "crl_not_for_us": Entry(
        "The list of revoked certificates is another one",
        "What came from {url} is signed, but it says of itself that it does not speak for this certificate.",
        "Nothing to do on your side: it is tried again tomorrow, and says nothing about the certificate.",
    ),
    "crl_stale": Entry(
        "The list of revoked certificates is out of date",
        "What came from {url} was to be replaced by {next_update}, so it says nothing about today.",
        "Nothing to do on your side: it is tried again tomorrow.",
    ),
    "key_pasted": Entry(
        "There is a private key in this text",
        "Only certificates belong here. Nothing was stored; but a key that was sent somewhere by mistake is no secret.",
        "Paste the certificate of the authority alone (BEGIN CERTIFICATE), and consider replacing that key.",
    ),
    "certificates_missing": Entry(
        "There is no certificate in this text",
        "A certificate in PEM begins with -----BEGIN CERTIFICATE----- and ends with -----END CERTIFICATE-----.",
        "Paste the whole block with its two lines of hyphens; several blocks one after the other are fine.",
        "openssl x509 -inform der -in root.cer -out root.pem",
    ),
    "certificates_too_many": Entry(
        "Too many certificates at once",
        "At most {most} are taken in one go.",
        "Paste the authorities that signed your own certificates, not a whole bundle of public ones.",
    ),
    "key_mismatch": Entry(
        "This private key does not belong to this certificate",
        "Web servers accept such a pair of files and then fail at their next start, so nothing was written.",
        "Use the key that the certificate was requested with, or issue a new certificate.",
    ),
    "key_unreadable": Entry(
        "The private key could not be read",
        "It is not a PEM private key that we know (PKCS#8, RSA, EC or Ed25519).",
        "Paste the whole block, from -----BEGIN to the end of -----END … PRIVATE KEY-----.",
    ),
    "key_encrypted": Entry(
        "The private key is protected by a passphrase",
        "A server could not read it at its start without somebody typing the passphrase.",
        "Remove the passphrase first and paste the result.",
        "openssl pkey -in key.pem -out key-without-passphrase.pem",
    ),
    "certificate_unreadable": Entry(
        "The certificate could not be read",
        "Its bytes are not a well-formed X.509 certificate.",
        "Ask whoever issued it for a fresh copy.",
    ),
}
