"""Pasted private keys of every form, and the exact reason when one cannot be used."""

import base64
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as encoding
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from config.lib.errors import ExpectedError
from deploy.ssh.keys import load_key, public_line

RSA_KEY = rsa.generate_private_key(65537, 2048)
KEYS = {
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "ecdsa-256": ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-384": ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-521": ec.generate_private_key(ec.SECP521R1()),
    "rsa": RSA_KEY,
}
FORMS = {
    "openssh": encoding.PrivateFormat.OpenSSH,
    "pkcs8": encoding.PrivateFormat.PKCS8,
    "traditional": encoding.PrivateFormat.TraditionalOpenSSL,
}
USABLE = [(kind, form) for kind in KEYS for form in FORMS if (kind, form) != ("ed25519", "traditional")]


def pem(key: Any, form: str = "openssh", passphrase: str = "") -> str:
    lock = encoding.BestAvailableEncryption(passphrase.encode()) if passphrase else encoding.NoEncryption()
    return str(key.private_bytes(encoding.Encoding.PEM, FORMS[form], lock).decode())


def public_of(key: Any) -> str:
    return str(key.public_key().public_bytes(encoding.Encoding.OpenSSH, encoding.PublicFormat.OpenSSH).decode())


def code_of(text: str, passphrase: str = "") -> str:
    with pytest.raises(ExpectedError) as caught:
        load_key(text, passphrase)
    return caught.value.code


@pytest.mark.parametrize(("kind", "form"), USABLE)
def test_every_kind_and_form_gives_the_key_that_it_is(kind: str, form: str) -> None:
    loaded = load_key(pem(KEYS[kind], form))
    assert public_line(loaded, "x") == f"{public_of(KEYS[kind])} x"


@pytest.mark.parametrize(("kind", "form"), USABLE)
def test_a_passphrase_opens_it_and_its_lack_and_a_wrong_one_are_told_apart(kind: str, form: str) -> None:
    text = pem(KEYS[kind], form, "corréct horse")
    assert public_line(load_key(text, "corréct horse"), "x") == f"{public_of(KEYS[kind])} x"
    assert code_of(text) == "ssh_key_passphrase_needed"
    assert code_of(text, "wrong") == "ssh_key_passphrase_wrong"


def test_a_passphrase_for_a_key_without_one_does_no_harm() -> None:
    assert load_key(pem(RSA_KEY), "superfluous")


@pytest.mark.parametrize(
    "mangle",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.strip(),
        lambda text: f"\n\n here it is:\n{text}\nthanks",
    ],
)
def test_what_copying_does_to_a_key_is_forgiven(mangle: Callable[[str], str]) -> None:
    assert load_key(mangle(pem(KEYS["ed25519"])))


def test_a_key_made_by_ssh_keygen_with_a_passphrase_is_read(tmp_path: Path) -> None:
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(path)], check=True)
    assert (
        public_line(load_key(path.read_text(), "secret"), "x").split()[:2]
        == (path.with_suffix(".pub").read_text().split()[:2])
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "ssh_key_unreadable"),
        ("hello", "ssh_key_unreadable"),
        ("x" * 50_000, "ssh_key_unreadable"),
        (public_of(RSA_KEY), "ssh_key_is_public"),
        (pem(KEYS["ed25519"])[:120], "ssh_key_unreadable"),
        (pem(KEYS["ed25519"]).replace("OPENSSH", "RSA"), "ssh_key_unreadable"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n!!!\n-----END OPENSSH PRIVATE KEY-----", "ssh_key_unreadable"),
        (pem(rsa.generate_private_key(65537, 1024)), "ssh_key_unsupported"),  # noqa: S505
        (pem(dsa.generate_private_key(2048), "pkcs8"), "ssh_key_unsupported"),
        (pem(ed448.Ed448PrivateKey.generate(), "pkcs8"), "ssh_key_unsupported"),
        (pem(ec.generate_private_key(ec.SECP256K1()), "pkcs8"), "ssh_key_unsupported"),
    ],
)
def test_what_is_no_usable_private_key_is_named(text: str, code: str) -> None:
    assert code_of(text) == code


def test_half_a_key_is_refused_at_every_length() -> None:
    body = pem(KEYS["ecdsa-256"]).splitlines()
    raw = base64.b64decode("".join(body[1:-1]))
    for length in range(len(raw)):
        cut = base64.b64encode(raw[:length]).decode()
        code = code_of(f"{body[0]}\n{cut}\n{body[-1]}", "x")
        assert code in ("ssh_key_unreadable", "ssh_key_passphrase_wrong")


def test_absurd_derivation_rounds_are_refused_before_they_are_computed() -> None:
    options = struct.pack(">I", 16) + b"s" * 16 + struct.pack(">I", 2**31)
    parts = [b"aes256-ctr", b"bcrypt", options]
    raw = b"openssh-key-v1\0" + b"".join(struct.pack(">I", len(part)) + part for part in parts)
    text = base64.b64encode(raw).decode()
    started = time.monotonic()
    assert (
        code_of(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}\n-----END OPENSSH PRIVATE KEY-----", "x")
        == "ssh_key_unsupported"
    )
    assert time.monotonic() - started < 1


def test_absurd_pbkdf2_iterations_are_refused_before_they_are_computed(tmp_path: Path) -> None:
    text = pem(KEYS["ecdsa-256"], "pkcs8", "secret")
    raw = bytearray(base64.b64decode("".join(text.splitlines()[1:-1])))
    at = raw.index(b"\x02\x02\x08\x00")  # INTEGER of two bytes: 2048 iterations; the salt before it may end like one
    raw[at + 2 : at + 4] = b"\x7f\xff"
    assert code_of(_wrapped(raw), "x") == "ssh_key_passphrase_wrong"  # 32,767 is still computed
    longer = _with_longer_integer(raw, at)
    assert code_of(_wrapped(longer), "x") == "ssh_key_unsupported"


def _wrapped(raw: bytes | bytearray) -> str:
    text = base64.b64encode(bytes(raw)).decode()
    return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{text}\n-----END ENCRYPTED PRIVATE KEY-----"


def _with_longer_integer(raw: bytes | bytearray, at: int) -> bytearray:
    """The same header with 2**31-1 iterations; lengths of the enclosing sequences are grown by two."""
    grown = bytearray(raw[:at]) + bytearray([0x02, 0x04, 0x7F, 0xFF, 0xFF, 0xFF]) + raw[at + 4 :]
    position = 0
    while position < at:
        tag, size, start = grown[position], grown[position + 1], position + 2
        if size & 0x80:
            start += size & 0x7F
            total = int.from_bytes(grown[position + 2 : start])
        else:
            total = size
        encloses = tag & 0x20 and start <= at < start + total
        if encloses and size & 0x80:
            grown[position + 2 : start] = (total + 2).to_bytes(size & 0x7F)
        elif encloses:
            grown[position + 1] = size + 2
        position = start if tag & 0x20 and encloses else start + total
    return grown
