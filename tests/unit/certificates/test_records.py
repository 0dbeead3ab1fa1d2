"""TXT records: where they go, and when they count as seen."""

import pytest

from certificates.models import Authorization
from certificates.records import host_label, judge_record, missing_records
from config.lib.egress import ServerAnswer

VALUE = "NZ0qTnyXbsRduWvE3lcpYKh_7aUuVnFqkvJ9nQxZ8w0"


@pytest.mark.parametrize(
    ("fqdn", "label"),
    [
        ("_acme-challenge.example.com", "_acme-challenge"),
        ("_acme-challenge.shop.example.com", "_acme-challenge.shop"),
        ("_acme-challenge.example.co.uk", "_acme-challenge"),
        ("_acme-challenge.a.b.example.co.uk", "_acme-challenge.a.b"),
        ("_acme-challenge.xn--bcher-kva.example", "_acme-challenge"),
    ],
)
def test_the_host_is_relative_to_the_registrable_domain(fqdn: str, label: str) -> None:
    assert host_label(fqdn) == label


def test_a_zone_that_is_known_counts_more() -> None:
    assert host_label("_acme-challenge.a.shop.example.com", "shop.example.com") == "_acme-challenge.a"
    assert host_label("_acme-challenge.shop.example.com", "_acme-challenge.shop.example.com").endswith("example.com")


@pytest.mark.parametrize(
    ("answers", "seen"),
    [
        ([], "not_seen"),
        ([[VALUE]], "seen"),
        ([[VALUE, "another"], ["another", VALUE]], "seen"),
        ([[VALUE], []], "partly_seen"),
        ([[], []], "not_seen"),
        ([["another"]], "not_seen"),
        ([[f'"{VALUE}"']], "not_seen"),
        ([[VALUE], None], "seen"),
        ([None, None], "not_seen"),
    ],
)
def test_every_server_that_answers_must_have_it(answers: list[list[str] | None], seen: str) -> None:
    told = [ServerAnswer(f"ns{number}", values, "" if values else "timeout") for number, values in enumerate(answers)]
    verdict, servers = judge_record(told, VALUE)
    assert verdict == seen
    assert len(servers) == len(answers)


def test_what_is_missing_is_named_with_what_was_seen_instead() -> None:
    def row(name: str, seen: str, servers: list[dict[str, object]], **more: str) -> Authorization:
        return Authorization(txt_name=f"_acme-challenge.{name}", txt_value=VALUE, seen=seen, servers=servers, **more)

    wrong = {"server": "ns1", "seen": False, "values": ["old"], "error": ""}
    absent = {"server": "ns1", "seen": False, "values": [], "error": "nxdomain"}
    silent = {"server": "ns1", "seen": False, "values": [], "error": "timeout"}
    error = missing_records(
        [
            row("there.net", "seen", []),
            row("proven.net", "not_seen", [], status="valid"),
            row("wrong.net", "not_seen", [wrong]),
            row("absent.net", "not_seen", [absent]),
            row("silent.net", "not_seen", [silent]),
        ]
    )
    assert error is not None
    assert error.params["names"] == [f"_acme-challenge.{name}.net" for name in ("absent", "silent", "wrong")]
    assert "_acme-challenge.wrong.net holds other values: old." in error.params["seen"]
    assert "_acme-challenge.absent.net has no TXT record." in error.params["seen"]
    assert "_acme-challenge.silent.net could not be looked up (timeout)." in error.params["seen"]
    assert missing_records([row("there.net", "seen", [])]) is None
