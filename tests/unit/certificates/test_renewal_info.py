"""What a CA says about when to renew, and how a certificate is named to it (RFC 9773)."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certificates.acme.facts import RenewalInfo, read_renewal_info
from certificates.renewal.ari import ASKED_AT_MOST_EVERY, ASKED_EVERY, certificate_id, read
from certificates.renewal.moment import Suggestion, Window
from config.lib.errors import ExpectedError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def leaf(serial: int, key_identifier: bytes | None) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    builder = builder.serial_number(serial).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=90))
    if key_identifier is not None:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(key_identifier, None, None), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("serial", "octets"),
    [
        (0x87654321, b"\x00\x87\x65\x43\x21"),
        (0x07654321, b"\x07\x65\x43\x21"),
        (0x80, b"\x00\x80"),
        (0x7F, b"\x7f"),
        (1, b"\x01"),
        (int.from_bytes(b"\xff" * 19, "big"), b"\x00" + b"\xff" * 19),
    ],
)
def test_the_serial_keeps_its_leading_zero(serial: int, octets: bytes) -> None:
    identifier = bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4")
    name = certificate_id(leaf(serial, identifier))
    key, _, number = name.partition(".")
    assert key == "aYhba4dGQEHhs3uEe6CuLN4ByNQ"
    assert number == base64.urlsafe_b64encode(octets).decode().rstrip("=")


def test_the_example_of_the_standard() -> None:
    identifier = bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4")
    assert certificate_id(leaf(0x87654321, identifier)) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


def test_without_a_key_identifier_nobody_can_be_asked() -> None:
    assert certificate_id(leaf(7, None)) == ""


def info(start: float, end: float, retry: float | None = None) -> RenewalInfo:
    """In days from now."""
    retry_at = NOW + timedelta(seconds=retry) if retry is not None else None
    return RenewalInfo(NOW + timedelta(days=start), NOW + timedelta(days=end), "", retry_at)


def test_a_point_is_chosen_once_and_anew_when_the_window_moves() -> None:
    first = read(info(10, 12), None, NOW).suggestion
    assert first is not None
    assert first.window.start <= first.chosen_at < first.window.end
    assert read(info(10, 12), first, NOW).suggestion == first
    moved = read(info(-2, -1), first, NOW).suggestion
    assert moved is not None
    assert moved.is_past
    assert moved.chosen_at < NOW


def test_points_are_spread_over_the_whole_window() -> None:
    chosen = [read(info(0, 10), None, NOW).suggestion for _ in range(400)]
    days = sorted((one.chosen_at - NOW) / timedelta(days=1) for one in chosen if one)
    assert days[0] < 1
    assert days[-1] > 9
    assert 4 < days[200] < 6


def test_a_window_that_is_over_since_it_was_named_is_not_past() -> None:
    window = Window(NOW - timedelta(days=2), NOW - timedelta(days=1))
    known = Suggestion(window, NOW - timedelta(days=1.5))
    assert read(RenewalInfo(window.start, window.end), known, NOW).suggestion == known


@pytest.mark.parametrize(
    ("retry", "wait"),
    [
        (None, ASKED_EVERY),
        (21_600, timedelta(hours=6)),
        (0, ASKED_AT_MOST_EVERY),
        (86_400 * 3_650, ASKED_EVERY),
    ],
)
def test_it_is_asked_when_the_ca_says_within_reason(retry: float | None, wait: timedelta) -> None:
    assert read(info(10, 12, retry), None, NOW).ask_at == NOW + wait


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"suggestedWindow": None},
        {"suggestedWindow": []},
        {"suggestedWindow": {"start": "2026-03-01T00:00:00Z"}},
        {"suggestedWindow": {"start": "yesterday", "end": "tomorrow"}},
        {"suggestedWindow": {"start": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z"}},
        {"suggestedWindow": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}},
    ],
)
def test_an_answer_without_sense_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ExpectedError, match="acme_bad_answer"):
        read_renewal_info(body, None)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://ca.example/why", "https://ca.example/why"),
        ("http://ca.example/why", ""),
        ("javascript:alert(1)", ""),
        ("https://" + "x" * 600, ""),
        (7, ""),
        (None, ""),
    ],
)
def test_only_a_web_page_is_shown_as_one(url: object, kept: str) -> None:
    window = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}
    assert read_renewal_info({"suggestedWindow": window, "explanationURL": url}, None).explanation_url == kept
