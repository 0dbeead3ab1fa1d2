"""Plesk: kept once in each subscription, set on each site, and seen by what the machine hands out."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest

from config.lib.errors import ExpectedError, NeedsUser, Transient, describe, in_one_line
from deploy.panels import plesk
from deploy.panels.panel import Access, Bundle, LoginRefused, Unsure
from tests.servers.ca import Issued, TestCa
from tests.servers.panels.plesk import KEY, PASSWORD, USER, Plesk, error, packet, web_server
from tests.servers.panels.sites import serving
from tests.servers.panels.wire import LOGIN_PAGE, Answer, Manner, panel_server
from tests.unit.deploy.panels.conftest import as_bundle, way_to

ALL = ["example.net", "shop.example.org", "blog.example.net"]
NAME = "ManageMyCert example.net"


@pytest.fixture
def server(own: Issued) -> Iterator[Plesk]:
    with panel_server(Plesk(), own) as made:
        yield made


@pytest.fixture
def web(server: Plesk, own: Issued) -> Iterator[int]:
    with web_server(server, own) as port:
        yield port


def way(server: Plesk, **more: object) -> Access:
    return way_to(server, "Plesk", **{"user": USER, "secret": PASSWORD, "web_port": 1, **more})  # type: ignore[arg-type]


def asked(server: Plesk, path: str) -> list[ET.Element]:
    bodies = [ET.fromstring(one.body) for one in server.requests if one.body]  # noqa: S314
    return [found for body in bodies for found in body.findall(path)]


def test_it_is_kept_once_and_set_on_each_site(server: Plesk, web: int, bundle: Bundle) -> None:
    results = plesk.install(way(server, web_port=web), bundle)
    assert [(one.site, one.state, one.ref) for one in results] == [(site, "installed", NAME) for site in ALL]
    assert server.assigned == dict.fromkeys(ALL, NAME)
    kept = {"csr": "", "pvt": bundle.key, "cert": bundle.leaf, "ca": bundle.chain}
    assert server.pools == {"example.net": {NAME: kept}, "shop.example.org": {NAME: kept}}
    assert len(asked(server, "certificate/install")) == 2
    back = plesk.read_back(way(server, web_port=web), bundle.names)
    assert [(one.site, one.fingerprint, one.state, one.ref) for one in back] == [
        (site, bundle.fingerprint, "active", NAME) for site in ALL
    ]


def test_what_is_there_already_is_left_alone(server: Plesk, web: int, bundle: Bundle) -> None:
    plesk.install(way(server, web_port=web), bundle)
    server.assigned.pop("blog.example.net")
    server.requests.clear()
    again = plesk.install(way(server, web_port=web), bundle)
    assert [(one.site, one.state) for one in again] == [
        ("example.net", "unchanged"),
        ("shop.example.org", "unchanged"),
        ("blog.example.net", "installed"),
    ]
    assert server.sent("PRIVATE KEY") == []
    assert [one.findtext("filter/name") for one in asked(server, "site/set")] == ["blog.example.net"]


def test_a_renewal_is_an_update_that_keeps_every_use(server: Plesk, web: int, bundle: Bundle, ca: TestCa) -> None:
    plesk.install(way(server, web_port=web), bundle)
    server.requests.clear()
    renewed = as_bundle(ca.issue(bundle.names))
    assert {one.state for one in plesk.install(way(server, web_port=web), renewed)} == {"installed"}
    assert (len(asked(server, "certificate/update")), asked(server, "certificate/install")) == (2, [])
    assert asked(server, "site/set") == []
    back = plesk.read_back(way(server, web_port=web), renewed.names)
    assert {one.fingerprint for one in back} == {renewed.fingerprint}


def test_a_site_with_an_address_of_its_own_is_looked_at_there(
    server: Plesk, own: Issued, web: int, bundle: Bundle, ca: TestCa
) -> None:
    """At the address of the panel another certificate is handed out for it, for ever."""
    server.own_addresses = {"shop.example.org": "127.0.0.77"}
    with serving(server.pem_of, own, "127.0.0.77", web):
        assert {one.state for one in plesk.install(way(server, web_port=web), bundle)} == {"installed"}
        back = plesk.read_back(way(server, web_port=web), bundle.names)
        assert [(one.site, one.fingerprint) for one in back] == [(site, bundle.fingerprint) for site in ALL]
        server.requests.clear()
        assert {one.state for one in plesk.install(way(server, web_port=web), bundle)} == {"unchanged"}
        assert server.sent("PRIVATE KEY") == []
        renewed = as_bundle(ca.issue(bundle.names))
        assert {one.state for one in plesk.install(way(server, web_port=web), renewed)} == {"installed"}
        back = plesk.read_back(way(server, web_port=web), bundle.names)
        assert {one.fingerprint for one in back} == {renewed.fingerprint}


@pytest.mark.parametrize("address", ["10.0.0.5", "169.254.169.254", "shop.example.org", "::ffff:10.0.0.5", ""])
def test_an_address_inside_is_not_connected_to(server: Plesk, web: int, bundle: Bundle, address: str) -> None:
    """Behind NAT Plesk tells of such; then its machine is asked."""
    server.shared = address
    plesk.install(way(server, web_port=web), bundle)
    back = plesk.read_back(way(server, web_port=web), bundle.names)
    assert {one.fingerprint for one in back} == {bundle.fingerprint}


def test_where_nothing_can_be_seen_it_is_put_there_again(server: Plesk, bundle: Bundle) -> None:
    plesk.install(way(server), bundle)
    assert {one.state for one in plesk.install(way(server), bundle)} == {"installed"}
    assert len(asked(server, "certificate/update")) == 2
    assert {one.fingerprint for one in plesk.read_back(way(server), bundle.names)} == {""}


def test_nothing_is_sent_to_an_account_without_such_a_site(server: Plesk, ca: TestCa) -> None:
    strange = as_bundle(ca.issue(["xexample.net", "example.net.evil.org", "*.blog.example.net"]))
    with pytest.raises(NeedsUser) as refusal:
        plesk.install(way(server), strange)
    assert refusal.value.code == "panel_no_site"
    assert server.sent("PRIVATE") == []


def test_a_forwarded_site_is_none(server: Plesk, bundle: Bundle) -> None:
    server.forwarded = ["example.net"]
    assert [one.site for one in plesk.install(way(server), bundle)] == ["shop.example.org", "blog.example.net"]


def test_a_secret_key_needs_no_user(server: Plesk, bundle: Bundle) -> None:
    server.is_administrator = True
    access = way(server, user="", secret=KEY)
    assert "18.0.62.2" in plesk.test(access, bundle.names).may[-1]
    assert {one.state for one in plesk.install(access, bundle)} == {"installed"}
    assert [one for one in server.requests if "http_auth_login" in one.headers] == []


@pytest.mark.parametrize("is_administrator", [True, False])
def test_a_test_changes_nothing_and_works_for_everybody(server: Plesk, is_administrator: bool) -> None:
    server.is_administrator = is_administrator
    seen = plesk.test(way(server), ["*.example.net"])
    assert (seen.sites, seen.matching) == (
        ("example.net", "shop.example.org", "blog.example.net"),
        ("blog.example.net",),
    )
    assert [bool(seen.notes), any("18.0.62.2" in one for one in seen.may)] == [not is_administrator, is_administrator]
    assert asked(server, "certificate/install") + asked(server, "site/set") == []


@pytest.mark.parametrize("answer", [Answer(200, LOGIN_PAGE), Answer(404, ""), Answer(503, ""), "cut"])
def test_rest_is_not_needed(server: Plesk, answer: Answer | Manner) -> None:
    server.is_administrator = True
    server.troubles = [("/api/v2/", answer)]
    seen = plesk.test(way(server), ["example.net"])
    assert (seen.matching, len(seen.notes)) == (("example.net",), 1)


def test_a_server_that_calls_the_place_a_site_gets_it_too(server: Plesk, bundle: Bundle) -> None:
    server.knows_webspace = False
    assert {one.state for one in plesk.install(way(server), bundle)} == {"installed"}


def test_one_that_came_into_being_meanwhile_is_updated(server: Plesk, bundle: Bundle) -> None:
    """An answer that was lost: the list was read before."""
    server.pools["example.net"][NAME] = {"csr": "", "pvt": "", "cert": "", "ca": ""}
    server.troubles = [("get-pool", packet(_pool_of()))]
    assert {one.state for one in plesk.install(way(server), bundle)} == {"installed"}
    assert server.pools["example.net"][NAME]["cert"] == bundle.leaf


def _pool_of() -> ET.Element:
    return ET.fromstring(  # noqa: S314
        "<certificate><get-pool><result><status>ok</status><certificates/></result></get-pool></certificate>"
    )


def _about(operator: str, verb: str, told: ET.Element) -> Answer:
    made, inner = ET.Element(operator), ET.Element(verb)
    inner.append(told)
    made.append(inner)
    return packet(made)


def test_a_subscription_that_refuses_does_so_for_its_sites_alone(server: Plesk, bundle: Bundle) -> None:
    server.troubles = [("<webspace>example.net", _about("certificate", "install", error(1019, "The key is wrong.")))]
    results = plesk.install(way(server), bundle)
    assert [(one.site, one.error.code if one.error else "") for one in results] == [
        ("example.net", "panel_value_refused"),
        ("shop.example.org", ""),
        ("blog.example.net", "panel_value_refused"),
    ]
    assert server.assigned == {"shop.example.org": NAME}


SYSTEM = [
    (1001, "panel_login_refused", LoginRefused),
    (1003, "plesk_not_ready", Transient),
    (1004, "plesk_not_set_up", NeedsUser),
    (1005, "plesk_too_old", NeedsUser),
    (1006, "panel_rights_missing", NeedsUser),
    (1008, "plesk_api_denied", NeedsUser),
    (1009, "plesk_licence", NeedsUser),
    (1010, "plesk_api_denied", NeedsUser),
    (1011, "panel_account_disabled", LoginRefused),
    (1012, "panel_login_locked", LoginRefused),
    (1014, "plesk_packet_refused", NeedsUser),
    (1015, "plesk_object_missing", NeedsUser),
    (1017, "plesk_too_old", NeedsUser),
    (1019, "panel_value_refused", NeedsUser),
    (1023, "plesk_operation_failed", Transient),
    (1024, "panel_quota", NeedsUser),
    (1026, "plesk_component_missing", NeedsUser),
    (1029, "panel_login_refused", LoginRefused),
    (1030, "plesk_licence", NeedsUser),
    (1031, "plesk_component_missing", NeedsUser),
    (1033, "plesk_account_incomplete", NeedsUser),
    (11003, "plesk_key_refused", LoginRefused),
    (4711, "panel_refused", NeedsUser),
]


@pytest.mark.parametrize(("number", "code", "kind"), SYSTEM)
def test_each_of_their_numbers_has_its_words(server: Plesk, number: int, code: str, kind: type[ExpectedError]) -> None:
    server.troubles = [("<packet>", packet(error(number, "Their words.", "system")))]
    with pytest.raises(ExpectedError) as refusal:
        plesk.test(way(server), [])
    assert (refusal.value.code, type(refusal.value)) == (code, kind)
    words = describe(refusal.value.code, refusal.value.params)
    assert "…" not in words.title + words.why + words.fix
    assert f"{number}: Their words." in words.why
    assert len(server.requests) == 1


XML = {"Content-Type": "text/xml"}
BOMB = '<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><packet><site>&b;</site></packet>'


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(401, ""), "panel_login_refused"),
        (Answer(200, LOGIN_PAGE), "panel_not_an_api"),
        (Answer(200, BOMB), "panel_not_an_api"),
        (Answer(200, BOMB, XML), "panel_garbled"),
        (Answer(200, "<a>" * 100_000, XML), "panel_garbled"),
        (Answer(200, "<a>" * 100_000 + "</a>" * 100_000, XML), "panel_garbled"),
        (Answer(200, "<packet/>", XML), "panel_garbled"),
        (
            Answer(200, '<?xml version="1.0" encoding="utf-16"?><packet/>', XML),
            "panel_garbled",
        ),
        (Answer(200, ""), "panel_garbled"),
        (Answer(303, "", {"Location": "/login.php"}), "panel_redirects"),
        (Answer(429, "wait", {"Retry-After": "5"}), "panel_busy"),
        (Answer(502, "<html>"), "panel_failing"),
    ],
)
def test_what_no_plesk_says_is_told_apart(server: Plesk, answer: Answer, code: str) -> None:
    server.troubles = [("<packet>", answer)]
    with pytest.raises(ExpectedError) as refusal:
        plesk.test(way(server), [])
    assert refusal.value.code == code


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_bomb_in_another_encoding_is_none_either(server: Plesk, encoding: str) -> None:
    body = BOMB.encode(encoding)
    server.troubles = [("<packet>", Answer(200, body, XML))]
    with pytest.raises(Transient) as refusal:
        plesk.test(way(server), [])
    assert refusal.value.code == "panel_garbled"


def test_a_lost_answer_is_unsure_and_the_next_attempt_finds_it(server: Plesk, web: int, bundle: Bundle) -> None:
    server.troubles = [("<pvt>", "silent")]
    first = plesk.install(way(server, web_port=web, request_seconds=1.0), bundle)
    assert [(one.site, type(one.error)) for one in first] == [
        ("example.net", Unsure),
        ("shop.example.org", type(None)),
        ("blog.example.net", Unsure),
    ]
    again = plesk.install(way(server, web_port=web), bundle)
    assert [one.state for one in again] == ["installed", "unchanged", "installed"]
    assert server.assigned == dict.fromkeys(ALL, NAME)


def test_a_locked_login_is_not_tried_again(server: Plesk, bundle: Bundle) -> None:
    server.troubles = [("<pvt>", packet(error(1012, "Locked.", "system")))]
    results = plesk.install(way(server), bundle)
    assert [one.error.code for one in results if one.error] == ["panel_login_locked"] * 3
    assert len(server.sent("<pvt>")) == 1


def test_neither_password_nor_key_comes_back_in_an_error(server: Plesk, bundle: Bundle) -> None:
    line = bundle.key.splitlines()[1]
    echo = f"{PASSWORD} {bundle.key} {line} \x07"
    server.troubles = [("<pvt>", _about("certificate", "install", error(1019, echo.replace("\x07", ""))))] * 2
    for result in plesk.install(way(server), bundle):
        assert result.error is not None
        text = in_one_line(result.error) + repr(result) + repr(result.error.params)
        assert PASSWORD not in text
        assert line not in text
    assert PASSWORD not in repr(way(server))


def test_hostile_names_are_no_sites(server: Plesk, bundle: Bundle) -> None:
    server.sites |= {"a b": "a b", "../x": "example.net", "x" * 300: "example.net"}
    assert plesk.test(way(server), []).sites == tuple(ALL)
