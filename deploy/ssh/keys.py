"""Pasted SSH private keys, in whatever form they come, as the one right paramiko class.

paramiko reads no PKCS#8, and trying its classes in turn hides a wrong passphrase behind
"not a valid RSA key", so `cryptography` reads the key and paramiko gets it in OpenSSH form.
"""

import base64
import binascii
import io
import re
import struct

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as encoding
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from config.lib.errors import NeedsUser

MAX_TEXT = 20_000
MAX_BCRYPT_ROUNDS = 512  # ssh-keygen writes 16 or 24; more is a way to keep a worker busy for hours.
MAX_KDF_NUMBER = 5_000_000  # PBKDF2 iterations or scrypt's N in a PKCS#8 header, for the same reason.
MIN_RSA_BITS = 2048

_BLOCK = re.compile(
    r"-----BEGIN (?P<label>(?:[A-Z]+ )*PRIVATE KEY)-----(?P<body>.+?)-----END (?P=label)-----", re.DOTALL
)
_PUBLIC = re.compile(r"^(ssh-|ecdsa-|sk-)\S+ AAAA|BEGIN (RSA |SSH2 )?PUBLIC KEY|BEGIN CERTIFICATE")

type PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def load_key(text: str, passphrase: str = "") -> paramiko.PKey:
    """The key in `text` (OpenSSH, PEM or PKCS#8; ed25519, ECDSA or RSA).

    Raises NeedsUser: ssh_key_unreadable, ssh_key_is_public, ssh_key_passphrase_needed,
    ssh_key_passphrase_wrong, ssh_key_unsupported. Bounded in time; keeps nothing.
    """
    key = _read(_private_block(text), passphrase.encode() or None)
    match key:
        case ed25519.Ed25519PrivateKey():
            return _for_paramiko(paramiko.Ed25519Key, key)
        case ec.EllipticCurvePrivateKey():
            return _for_paramiko(paramiko.ECDSAKey, key)
        case rsa.RSAPrivateKey() if key.key_size < MIN_RSA_BITS:
            raise NeedsUser("ssh_key_unsupported", kind=f"RSA with {key.key_size} bits")
        case rsa.RSAPrivateKey():
            return _for_paramiko(paramiko.RSAKey, key)
    raise NeedsUser("ssh_key_unsupported", kind=_kind(key))


def public_line(key: paramiko.PKey, comment: str = "managemycert deploy") -> str:
    """The line for `authorized_keys`."""
    return f"{key.get_name()} {key.get_base64()} {comment}"


def _for_paramiko(paramiko_class: type[paramiko.PKey], key: PrivateKey) -> paramiko.PKey:
    try:
        plain = key.private_bytes(encoding.Encoding.PEM, encoding.PrivateFormat.OpenSSH, encoding.NoEncryption())
        return paramiko_class.from_private_key(io.StringIO(plain.decode()))
    except (ValueError, paramiko.SSHException):  # A curve that SSH does not know.
        raise NeedsUser("ssh_key_unsupported", kind=_kind(key)) from None


def _kind(key: object) -> str:
    return type(key).__name__.removesuffix("PrivateKey").strip("_")


def _private_block(text: str) -> re.Match[str]:
    """The first private key in what was pasted, whatever stands around it."""
    if len(text) > MAX_TEXT:
        raise NeedsUser("ssh_key_unreadable")
    found = _BLOCK.search(text.replace("\r\n", "\n").replace("\r", "\n"))
    if found:
        return found
    looks_public = _PUBLIC.search(text.strip())
    raise NeedsUser("ssh_key_is_public" if looks_public else "ssh_key_unreadable")


def _read(block: re.Match[str], passphrase: bytes | None) -> object:
    pem = (block.group(0) + "\n").encode()
    is_openssh = block.group("label") == "OPENSSH PRIVATE KEY"
    encrypted = _check_openssh_header(block) if is_openssh else _check_pem_header(block)
    if encrypted and not passphrase:
        raise NeedsUser("ssh_key_passphrase_needed")
    load = encoding.load_ssh_private_key if is_openssh else encoding.load_pem_private_key
    try:
        return load(pem, passphrase if encrypted else None)
    except UnsupportedAlgorithm:
        raise NeedsUser("ssh_key_unsupported", kind="this kind of key") from None
    except (ValueError, TypeError):
        # Neither library nor format tells a wrong passphrase from damage inside the encrypted part. From None,
        # here and below: the parser's message may quote bytes of the key.
        raise NeedsUser("ssh_key_passphrase_wrong" if encrypted else "ssh_key_unreadable") from None


def _decoded(block: re.Match[str]) -> bytes:
    body = "".join(line for line in block.group("body").splitlines() if ":" not in line)
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error:
        raise NeedsUser("ssh_key_unreadable") from None


def _check_openssh_header(block: re.Match[str]) -> bool:
    """Whether the key is encrypted; refuses absurd bcrypt rounds before anybody computes them."""
    raw = _decoded(block)
    magic = b"openssh-key-v1\0"
    if not raw.startswith(magic):
        raise NeedsUser("ssh_key_unreadable")
    try:
        cipher, rest = _ssh_string(raw[len(magic) :])
        _, rest = _ssh_string(rest)
        options, _ = _ssh_string(rest)
        if cipher == b"none":
            return False
        _, after_salt = _ssh_string(options)
        (rounds,) = struct.unpack(">I", after_salt[:4])
    except struct.error:
        raise NeedsUser("ssh_key_unreadable") from None
    if rounds > MAX_BCRYPT_ROUNDS:
        raise NeedsUser("ssh_key_unsupported", kind=f"a key with {rounds} bcrypt rounds")
    return True


def _ssh_string(raw: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack(">I", raw[:4])
    return raw[4 : 4 + size], raw[4 + size :]


def _check_pem_header(block: re.Match[str]) -> bool:
    """Whether the key is encrypted; refuses absurd key derivation numbers in PKCS#8."""
    if block.group("label") != "ENCRYPTED PRIVATE KEY":
        return "ENCRYPTED" in block.group("body")
    outer = _der_content(_decoded(block))
    if max(_der_numbers(_der_content(outer)), default=0) > MAX_KDF_NUMBER:
        raise NeedsUser("ssh_key_unsupported", kind="a key with too many derivation rounds")
    return True


def _der_content(raw: bytes) -> bytes:
    """The content of the first DER element."""
    return _der_split(raw)[1]


def _der_split(raw: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and what follows of the first DER element."""
    if len(raw) < 2:
        raise NeedsUser("ssh_key_unreadable")
    size, start = raw[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(raw[2:start])
    return raw[0], raw[start : start + size], raw[start + size :]


def _der_numbers(raw: bytes) -> list[int]:
    """Every INTEGER in a DER algorithm identifier, at any depth."""
    numbers: list[int] = []
    while raw:
        tag, content, raw = _der_split(raw)
        if tag == 0x02:
            numbers.append(int.from_bytes(content))
        elif tag & 0x20:
            numbers.extend(_der_numbers(content))
    return numbers


def new_key() -> str:
    """A fresh ed25519 key in OpenSSH's own format, without a passphrase: what holds it seals it at once."""
    key = ed25519.Ed25519PrivateKey.generate()
    made = key.private_bytes(encoding.Encoding.PEM, encoding.PrivateFormat.OpenSSH, encoding.NoEncryption())
    return made.decode()
