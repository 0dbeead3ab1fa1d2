"""A list as people paste or save it: which separators, which columns, how large, and each line's verdict."""

import pytest

from config.lib.errors import NeedsUser
from domains.batches.judging import compare_lines, read_verdict
from domains.batches.reading import BYTES_AT_MOST, LINES_AT_MOST, Row, decode_file, read_rows

REFUSAL = NeedsUser("confirm_address_first", most=5, email="dana@example.org")


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a.org", ["a.org", "", "", "", ""]),
        ("  a.org  \n\n", ["a.org", "", "", "", ""]),
        ("\ufeffa.org\r\n", ["a.org", "", "", "", ""]),
        ("a.org,465,tls,shop,hello", ["a.org", "465", "tls", "shop", "hello"]),
        (
            'a.org;465;tls;"x;y";one, two, three, four, five',
            ["a.org", "465", "tls", "x;y", "one, two, three, four, five"],
        ),
        ("a.org\t465\ttls", ["a.org", "465", "tls", "", ""]),
        ("hostname,tags\na.org,shop", ["a.org", "", "", "shop", ""]),
        ("Notes;Host;Owner\nkeep;a.org;Ann", ["a.org", "", "", "", "keep"]),
        ('a.org,,,,"two\nlines"', ["a.org", "", "", "", "two\nlines"]),
        ("a.org,,,,,superfluous", ["a.org", "", "", "", ""]),
        ("a\0.org", ["a\ufffd.org", "", "", "", ""]),
    ],
)
def test_a_line_is_read_whatever_separates_its_cells(text: str, cells: list[str]) -> None:
    assert [row.cells for row in read_rows(text)] == [cells]


def test_lines_keep_their_numbers_in_the_file() -> None:
    rows = read_rows('hostname,notes\n\na.org,"one\ntwo"\n\nb.org')
    assert [(row.number, row.hostname) for row in rows] == [(3, "a.org"), (6, "b.org")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "batch_empty"),
        (" \n\n;;;\n", "batch_empty"),
        ("hostname,port\n", "batch_empty"),
        ("a.org\n" * (LINES_AT_MOST + 1), "batch_too_long"),
        ("a" * (BYTES_AT_MOST + 1), "batch_too_large"),
        ("ä" * (BYTES_AT_MOST // 2 + 1), "batch_too_large"),
        ('a.org,"' + "x" * 200_000, "batch_malformed"),
    ],
)
def test_what_cannot_be_a_list_is_refused_as_a_whole(text: str, code: str) -> None:
    with pytest.raises(NeedsUser, match=code):
        read_rows(text)


def test_as_many_lines_as_are_promised_are_taken() -> None:
    assert len(read_rows("hostname\n" + "a.org\n" * LINES_AT_MOST)) == LINES_AT_MOST


def test_a_file_is_utf_8_with_or_without_its_mark() -> None:
    assert decode_file("bücher.de".encode()) == decode_file("bücher.de".encode("utf-8-sig")) == "bücher.de"
    for blob, code in (
        ("bücher.de".encode("latin-1"), "batch_not_utf8"),
        (b"x" * (BYTES_AT_MOST + 1), "batch_too_large"),
    ):
        with pytest.raises(NeedsUser, match=code):
            decode_file(blob)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (Row(1, "192.0.2.1"), "host_is_ip"),
        (Row(1, "co.uk"), "host_public_suffix"),
        (Row(1, "ftp://forge.org/"), "host_malformed"),
        (Row(1, ""), "host_malformed"),
        (Row(1, "forge.org", port="ssh"), "port_not_allowed"),
        (Row(1, "forge.org", port="²"), "port_not_allowed"),
        (Row(1, "forge.org", port="22"), "port_not_allowed"),
        (Row(1, "forge.org:465", port="993"), "port_contradicted"),
        (Row(1, "forge.org", protocol="gopher"), "protocol_unknown"),
        (Row(1, "forge.org", tags="<b>"), "tag_malformed"),
        (Row(1, "forge.org", tags=",".join("abcdefghijk")), "too_many_tags"),
        (Row(1, "forge.org", notes="x" * 2001), "notes_too_long"),
    ],
)
def test_each_refused_line_has_its_reason(row: Row, code: str) -> None:
    verdict = read_verdict(row)
    assert (verdict.state, verdict.code) == ("refused", code)


def test_a_line_is_read_as_the_add_form_reads_its_fields() -> None:
    new = read_verdict(Row(1, "BÜCHER.de", "8443", "TLS", "Shop; prod|eu", " kept \r\nhere ")).new
    assert new is not None
    assert new.key == ("xn--bcher-kva.de", 8443, "tls")
    assert (new.tags, new.notes) == (("shop", "prod", "eu"), "kept \nhere")


def test_what_is_there_already_and_what_stands_twice_is_told_with_its_line() -> None:
    hosts = ["a.org", "b.org", "A.org:443", "b.org:8443", "B.ORG."]
    verdicts = [read_verdict(Row(number, host)) for number, host in enumerate(hosts, 1)]
    compare_lines(verdicts, {("b.org", 443, "tls")}, None, REFUSAL)
    assert [one.state for one in verdicts] == ["waiting", "watched", "twice", "waiting", "twice"]
    assert verdicts[2].params == {"host": "a.org", "first": 1}


def test_what_exceeds_the_persons_room_is_refused_and_takes_no_room() -> None:
    verdicts = [
        read_verdict(Row(number, host)) for number, host in enumerate(["1.2.3.4", "a.org", "b.org", "a.org"], 1)
    ]
    compare_lines(verdicts, set(), 1, REFUSAL)
    assert [one.state for one in verdicts] == ["refused", "waiting", "refused", "twice"]
    assert verdicts[2].code == "confirm_address_first"
