"""Words for everything that can be wrong with an upload, and for what is stored in spite of it."""

from config.lib.errors import Entry, register

NOTHING_STORED = "Nothing was stored."

register(
    {
        # What was sent
        "upload_nothing_found": Entry(
            "There is no certificate and no key in this upload",
            "Neither a PEM block (-----BEGIN …-----) nor a PKCS#12 file was found. " + NOTHING_STORED,
            "Paste the certificate, its private key and the chain as PEM, in any order, or choose a .pfx or .p12 file.",
        ),
        "upload_too_large": Entry(
            "This upload is too large",
            "A certificate with its key and chain takes a few kilobytes, and more than {most} KB are not taken. "
            + NOTHING_STORED,
            "Upload the certificate, its key and its chain alone.",
        ),
        "upload_too_many": Entry(
            "Too many certificates or keys at once",
            "At most {most} certificates and {keys} keys are read from one upload. " + NOTHING_STORED,
            "Upload the certificate of this host with its own chain, not a whole bundle of authorities.",
        ),
        "upload_beyond_limits": Entry(
            "This upload could not be read within our limits",
            "Reading it took more than {seconds} seconds or too much memory, or ended the reader. Files that are made "
            "to be read by servers take a hundredth of a second. " + NOTHING_STORED,
            "Export the certificate anew; for a .pfx with the usual number of iterations.",
            "openssl pkcs12 -export -inkey privkey.pem -in fullchain.pem -out site.pfx",
        ),
        "upload_busy": Entry(
            "Other uploads are being read just now",
            "Only a few are read at a time. " + NOTHING_STORED,
            "Try again in a moment.",
        ),
        "upload_two_ways": Entry(
            "There is more than one upload here",
            "A text and a file were given, and they may be about two certificates. " + NOTHING_STORED,
            "Give either the PEM text or the file.",
        ),
        "upload_not_base64": Entry(
            "The PKCS#12 file is not in Base64",
            "pfx_base64 holds the bytes of the .pfx file in Base64, on one line or several. " + NOTHING_STORED,
            "Encode the file:",
            "base64 -w0 site.pfx",
        ),
        "upload_unreadable": Entry(
            "Certificate number {position} could not be read",
            "Its bytes are no well-formed X.509 certificate; often a line was lost when it was copied. "
            + NOTHING_STORED,
            "Copy it anew, from -----BEGIN CERTIFICATE----- to the last hyphen of its end line.",
        ),
        "upload_pfx_unreadable": Entry(
            "The file could not be read",
            "It is binary, but neither a whole PKCS#12 file (.pfx, .p12) nor a certificate. " + NOTHING_STORED,
            "Export it again, and transfer it as a binary file.",
        ),
        "upload_password_missing": Entry(
            "A password is needed",
            "The private key is encrypted. " + NOTHING_STORED,
            "Enter the password that it was exported with; it is used once and not kept.",
        ),
        "upload_password_wrong": Entry(
            "The password does not fit",
            "The private key is encrypted, and this password does not open it. " + NOTHING_STORED,
            "Enter the password that it was exported with. If it is lost, export the key again.",
        ),
        "upload_key_unreadable": Entry(
            "The private key could not be read",
            "It is none that we know (PKCS#8, RSA, EC or Ed25519), or a line of it was lost. " + NOTHING_STORED,
            "Copy the whole block, from -----BEGIN to the end of -----END … PRIVATE KEY-----. A key of ssh-keygen is "
            "none for a web server.",
        ),
        # Key and certificate
        "upload_certificate_missing": Entry(
            "The certificate is missing",
            "There is a private key, but no certificate. " + NOTHING_STORED,
            "Add the certificate that the authority sent you; it begins with -----BEGIN CERTIFICATE-----.",
        ),
        "upload_request_only": Entry(
            "This is a signing request, not a certificate",
            "A CSR is what an authority asks for; the certificate is what it sends back. " + NOTHING_STORED,
            "Send the request to your authority, and upload the certificate that it returns.",
        ),
        "upload_key_missing": Entry(
            "The private key is missing",
            "There is a certificate, but not the key that belongs to it, without which no server can use it. "
            + NOTHING_STORED,
            "Add the key that the certificate was requested with; it begins with -----BEGIN PRIVATE KEY----- or "
            "-----BEGIN RSA PRIVATE KEY-----.",
        ),
        "upload_public_key": Entry(
            "This is a public key, and the private one is missing",
            "A server proves who it is with the private key. " + NOTHING_STORED,
            "Add the private key; it begins with -----BEGIN PRIVATE KEY-----.",
        ),
        "upload_key_mismatch": Entry(
            "The private key does not belong to the certificate",
            "The certificate for {name} was made for another key. A server with this pair would not start. "
            + NOTHING_STORED,
            "Use the key that this certificate was requested with, or have it issued again.",
            "openssl x509 -in cert.pem -noout -pubkey; openssl pkey -in privkey.pem -pubout",
        ),
        "upload_authority": Entry(
            "This is the certificate of an authority, not of a server",
            "{name} may sign other certificates, and the key is its own. Such a key belongs on no server, nor here. "
            + NOTHING_STORED,
            "Issue a certificate for this host with it, and upload that one with its own key.",
        ),
        "upload_key_weak": Entry(
            "The key is too weak",
            "It is {key}, which clients refuse. " + NOTHING_STORED,
            "Have the certificate issued again for a new key: ECDSA P-256, or RSA with 2048 bits or more.",
        ),
        "upload_key_too_large": Entry(
            "The key is too large",
            "It is {key}. More than {most} bits cost each connection seconds, and many clients refuse them. "
            + NOTHING_STORED,
            "Have the certificate issued again for a new key: ECDSA P-256, or RSA with 2048 to 4096 bits.",
        ),
        "upload_signature_weak": Entry(
            "The certificate's signature is too weak",
            "It is signed with {signature}, which can be forged; clients refuse it. " + NOTHING_STORED,
            "Have it issued again with SHA-256.",
        ),
        # What it is for
        "upload_no_names": Entry(
            "The certificate names no host",
            "{name} has no DNS name among its subject alternative names, and clients have ignored the common name "
            "since 2017. " + NOTHING_STORED,
            "Have it issued again with the host among its subject alternative names.",
        ),
        "upload_too_many_names": Entry(
            "The certificate names too many hosts",
            "It names {count}, and at most {most} are kept. " + NOTHING_STORED,
            "Use a certificate with fewer names, or a wildcard.",
        ),
        "upload_host": Entry(
            "The certificate is not for {host}",
            "It is for {names} ({count} in all). An asterisk stands for exactly one label. " + NOTHING_STORED,
            "Upload a certificate that names {host}, or upload this one at the domain that it names.",
        ),
        "upload_usage": Entry(
            "The certificate is not meant for servers",
            "Its extended key usage allows {usages}, but not serverAuth. " + NOTHING_STORED,
            "Have one issued for server authentication.",
        ),
        "upload_expired": Entry(
            "The certificate has expired",
            "It was valid until {not_after}. " + NOTHING_STORED,
            "Upload its successor.",
        ),
        "upload_dates_unreadable": Entry(
            "The certificate's dates make no sense",
            "Its validity is not written as the standard demands, or ends before it begins. " + NOTHING_STORED,
            "Ask whoever issued it for a fresh certificate.",
        ),
        # The chain
        "upload_intermediate_missing": Entry(
            "The intermediate certificate {issuer} is missing",
            "{below} was issued by it, and no trusted root vouches for that directly. Most programs and phones would "
            "refuse the connection. Where the certificate says that it is to be had: {address} (we fetch nothing). "
            + NOTHING_STORED,
            "Add the intermediate to the upload; your authority offers it as 'CA bundle' or 'chain'.",
        ),
        "upload_chain_invalid": Entry(
            "The chain does not belong to this certificate",
            "{name} carries the name of the authority that issued {below}, but did not sign it or may not sign at all. "
            + NOTHING_STORED,
            "Use the chain that came with this very certificate.",
        ),
        "upload_chain_refused": Entry(
            "The chain does not hold",
            "Clients refuse it: {detail}. " + NOTHING_STORED,
            "Use the chain that came with this very certificate.",
        ),
        "upload_chain_expired": Entry(
            "A certificate of the chain has expired",
            "{name} was valid until {not_after}. " + NOTHING_STORED,
            "Use the chain that came with this very certificate, or ask the authority for its newest one.",
        ),
        # Stored in spite of it
        "upload_not_yet_valid": Entry(
            "It is not valid yet",
            "The certificate becomes valid on {not_before}; until then clients refuse it.",
            "Deploy it when that day has come.",
        ),
        "upload_self_signed": Entry(
            "It is self-signed",
            "The certificate vouches for itself, so only clients that were told to trust it do.",
            "Nothing to do if that is what you want; otherwise issue a public one on the Let's Encrypt tab.",
        ),
        "upload_untrusted": Entry(
            "Its chain leads to no trusted root",
            "It ends at {issuer}, which is neither a public authority nor one of this workspace's own.",
            "If the authority is yours, add it in the settings under 'Trusted authorities'. If it is public, an "
            "intermediate certificate is missing: upload again with it.",
        ),
    }
)
