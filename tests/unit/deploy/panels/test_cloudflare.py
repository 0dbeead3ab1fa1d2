"""Cloudflare: the right zone and no other, ours replaced and nobody else's, and states that are asked for again."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from config.lib import clock
from config.lib.errors import ExpectedError, NeedsUser, Transient, describe, in_one_line
from deploy.panels import cloudflare
from deploy.panels.panel import Access, Bundle, LoginRefused, Unsure
from tests.servers.ca import Issued, TestCa
from tests.servers.panels.cloudflare import TOKEN, Cloudflare, Zone, refusal, told
from tests.servers.panels.wire import LOGIN_PAGE, Answer, Done, panel_server
from tests.unit.deploy.panels.conftest import as_bundle, way_to

NET, ORG = "a" * 32, "b" * 32
FIRST, SECOND = f"{1:032x}", f"{2:032x}"


@pytest.fixture
def server(own: Issued) -> Iterator[Cloudflare]:
    with panel_server(Cloudflare(), own) as made:
        yield made


@pytest.fixture(scope="session")
def single(ca: TestCa) -> Bundle:
    return as_bundle(ca.issue(["example.net", "*.example.net"]))


def way(server: Cloudflare, **more: object) -> Access:
    return way_to(server, "Cloudflare", **{"user": "", "secret": TOKEN, **more})  # type: ignore[arg-type]


def writes(server: Cloudflare) -> list[tuple[str, str]]:
    return [(one.method, one.path.removeprefix("/client/v4")) for one in server.requests if one.method != "GET"]


def test_a_new_one_is_uploaded_and_becomes_active(server: Cloudflare, single: Bundle) -> None:
    (result,) = cloudflare.install(way(server), single)
    assert (result.site, result.state, result.ref) == ("example.net", "pending", FIRST)
    assert writes(server) == [("POST", f"/zones/{NET}/custom_certificates")]
    states = [cloudflare.read_back(way(server), single.names)[0] for _ in range(3)]
    assert [one.state for one in states] == ["initializing", "pending", "active"]
    assert {(one.ref, one.expires_at, one.fingerprint) for one in states} == {(FIRST, single.not_after, "")}


@pytest.mark.parametrize("shows_other_zones", [True, False])
def test_a_certificate_over_two_zones_goes_to_both(server: Cloudflare, bundle: Bundle, shows_other_zones: bool) -> None:
    server.shows_other_zones = shows_other_zones
    results = cloudflare.install(way(server), bundle)
    assert [(one.site, one.state, one.ref) for one in results] == [
        ("example.net", "pending", FIRST),
        ("example.org", "pending", SECOND),
    ]
    assert [(one.state, one.ref) for one in cloudflare.install(way(server), bundle)] == [
        ("pending", FIRST),
        ("pending", SECOND),
    ]
    assert len(writes(server)) == 2


def test_what_is_there_already_is_left_alone(server: Cloudflare, single: Bundle) -> None:
    cloudflare.install(way(server), single)
    again = [cloudflare.install(way(server), single)[0] for _ in range(3)]
    assert [(one.state, one.ref) for one in again] == [("pending", FIRST), ("pending", FIRST), ("unchanged", FIRST)]
    assert len(writes(server)) == 1


def test_a_renewal_replaces_ours_without_a_gap(server: Cloudflare, single: Bundle, ca: TestCa) -> None:
    (first,) = cloudflare.install(way(server), single)
    renewed = as_bundle(ca.issue(single.names, days=91))
    (result,) = cloudflare.install(way(server, refs={first.site: first.ref}), renewed)
    assert (result.state, result.ref) == ("pending", SECOND)
    assert writes(server)[1:] == [("PATCH", f"/zones/{NET}/custom_certificates/{FIRST}")]
    assert list(server.zones[NET].certificates) == [SECOND]


def test_one_that_a_person_put_there_is_not_replaced_unasked(server: Cloudflare, single: Bundle, ca: TestCa) -> None:
    by_hand = as_bundle(ca.issue(single.names, days=91))
    cloudflare.install(way(server), by_hand)
    (result,) = cloudflare.install(way(server), single)
    assert result.error is not None
    assert (result.error.code, result.error.params["certificate"]) == ("cloudflare_foreign", FIRST)
    assert len(writes(server)) == 1
    # Its id among the refs is the consent.
    (taken,) = cloudflare.install(way(server, refs={"example.net": FIRST}), single)
    assert (taken.state, list(server.zones[NET].certificates)) == ("pending", [SECOND])


def test_one_for_other_names_does_not_stand_in_the_way(server: Cloudflare, single: Bundle, ca: TestCa) -> None:
    cloudflare.install(way(server), as_bundle(ca.issue(["blog.example.net"])))
    (result,) = cloudflare.install(way(server), single)
    assert (result.state, len(server.zones[NET].certificates)) == ("pending", 2)


def test_one_of_ours_that_is_gone_is_uploaded_anew(server: Cloudflare, single: Bundle) -> None:
    (result,) = cloudflare.install(way(server, refs={"example.net": "f" * 32}), single)
    assert (result.state, writes(server)) == ("pending", [("POST", f"/zones/{NET}/custom_certificates")])


@pytest.mark.parametrize("filters", [True, False])
def test_the_longest_zone_is_found_and_no_other(server: Cloudflare, ca: TestCa, filters: bool) -> None:
    """Zones that only look alike, and a filter that is not heeded."""
    server.filters = filters
    strange = ("xexample.net", "example.net.evil.org", "a.example.net", "net", "example.ne")
    server.zones = {f"{position:032x}": Zone(name) for position, name in enumerate(strange)} | server.zones
    asked = {"b.a.example.net": "a.example.net", "a.example.net": "a.example.net", "ba.example.net": "example.net"}
    for name, zone in asked.items():
        assert cloudflare.test(way(server), [name]).matching == (zone,)
    assert [one for one in server.requests if one.query.get("name") in ("net", "org")] == []


@pytest.mark.parametrize("name", ["example.com", "www.example.net.evil.com", "xample.net", "shop.example.co.uk"])
def test_a_name_of_somebody_else_is_refused_before_anything_is_sent(server: Cloudflare, ca: TestCa, name: str) -> None:
    with pytest.raises(NeedsUser) as refused:
        cloudflare.install(way(server), as_bundle(ca.issue([name])))
    assert (refused.value.code, refused.value.params["found"]) == ("cloudflare_no_zone", "example.net, example.org")
    assert server.sent("PRIVATE") == []
    assert writes(server) == []


def test_every_page_of_a_list_is_read(server: Cloudflare, single: Bundle, ca: TestCa) -> None:
    server.per_page = 1
    cloudflare.install(way(server), as_bundle(ca.issue(["blog.example.net"])))
    cloudflare.install(way(server), single)
    assert cloudflare.install(way(server), single)[0].ref == SECOND
    assert cloudflare.test(way(server), []).sites == ("example.net", "example.org")


def test_a_list_without_an_end_ends(server: Cloudflare) -> None:
    row = {"id": NET, "name": "example.com"}
    endless = told([row], result_info={"total_pages": 10**9})
    server.troubles = [("page=", endless)] * 45
    cloudflare.read_back(way(server), ["example.net"])
    assert len([one for one in server.requests if one.query.get("name") == "example.net"]) == 40


@pytest.mark.parametrize(
    ("zone", "code"),
    [
        (Zone("example.net", plan="free"), "cloudflare_plan"),
        (Zone("example.net", plan="pro"), "cloudflare_plan"),
        (Zone("example.net", status="pending"), "cloudflare_zone_inactive"),
    ],
)
def test_no_key_goes_to_a_zone_that_cannot_take_it(server: Cloudflare, single: Bundle, zone: Zone, code: str) -> None:
    server.zones = {NET: zone}
    with pytest.raises(NeedsUser) as refused:
        cloudflare.test(way(server), single.names)
    assert refused.value.code == code
    (result,) = cloudflare.install(way(server), single)
    assert result.error is not None
    assert result.error.code == code
    assert server.sent("PRIVATE") == []


def test_one_zone_may_refuse_while_the_other_gets_it(server: Cloudflare, bundle: Bundle) -> None:
    server.troubles = [(f"zones/{NET}/custom_certificates", Answer(500, ""))]
    server.zones[ORG].plan = "free"
    first, second = cloudflare.install(way(server), bundle)
    assert [one.error.code for one in (first, second) if one.error] == ["panel_failing", "cloudflare_plan"]
    server.zones[ORG].plan = "business"
    server.troubles = [("private_key", refusal(400, (2100, "?")))]
    first, second = cloudflare.install(way(server), bundle)
    assert (first.error.code if first.error else "", second.state) == ("cloudflare_not_bundled", "pending")
    assert (len(server.zones[NET].certificates), len(server.zones[ORG].certificates)) == (0, 1)


def test_one_that_ends_soon_is_not_sent(server: Cloudflare, single: Bundle) -> None:
    with clock.frozen(single.not_after - timedelta(days=13)), pytest.raises(NeedsUser) as refused:
        cloudflare.install(way(server), single)
    assert refused.value.code == "cloudflare_ends_too_soon"
    assert server.requests == []


@pytest.mark.parametrize("verb", ["POST", "PATCH"])
@pytest.mark.parametrize("manner", ["silent", "cut"])
def test_a_lost_answer_is_made_up_for_by_looking(
    server: Cloudflare, single: Bundle, ca: TestCa, verb: str, manner: Any
) -> None:
    """No key tells a repetition apart: a second upload would be a second certificate."""
    refs = {}
    if verb == "PATCH":
        refs = {"example.net": cloudflare.install(way(server), as_bundle(ca.issue(single.names, days=91)))[0].ref}
    server.troubles = [("private_key", manner)]
    (result,) = cloudflare.install(way(server, refs=refs, request_seconds=1.0), single)
    (kept,) = server.zones[NET].certificates
    assert (result.state, result.ref, result.error) == ("pending", kept, None)
    assert [method for method, _ in writes(server)].count(verb) == 1


@pytest.mark.parametrize("verb", ["POST", "PATCH"])
@pytest.mark.parametrize(
    "answer",
    [Answer(500, ""), Answer(502, "<html>bad gateway"), Answer(504, ""), Answer(200, "{"), refusal(400, (2000, "?"))],
    ids=["500", "502", "504", "half", "2000"],
)
def test_an_upload_that_was_done_behind_a_failure_is_found(
    server: Cloudflare, single: Bundle, ca: TestCa, verb: str, answer: Answer
) -> None:
    refs = {}
    if verb == "PATCH":
        refs = {"example.net": cloudflare.install(way(server), as_bundle(ca.issue(single.names, days=91)))[0].ref}
    server.troubles = [("private_key", Done(answer))]
    (result,) = cloudflare.install(way(server, refs=refs), single)
    (kept,) = server.zones[NET].certificates
    assert (result.state, result.ref, result.error) == ("pending", kept, None)
    assert [method for method, _ in writes(server)].count(verb) == 1


def test_an_upload_that_failed_is_not_repeated_before_its_time(server: Cloudflare, single: Bundle) -> None:
    server.troubles = [("private_key", Answer(503, "", {"Retry-After": "120"}))]
    now = clock.now()
    with clock.frozen(now):
        (result,) = cloudflare.install(way(server), single)
    assert isinstance(result.error, Transient)
    assert (result.error.code, result.error.retry_at) == ("panel_failing", now + timedelta(seconds=120))
    assert len(writes(server)) == 1
    assert server.zones[NET].certificates == {}


def test_what_was_not_done_stays_unsure(server: Cloudflare, single: Bundle) -> None:
    server.troubles = [("private_key", "deaf")]
    (result,) = cloudflare.install(way(server, request_seconds=1.0), single)
    assert isinstance(result.error, Unsure)
    assert cloudflare.install(way(server), single)[0].ref == FIRST


def test_one_that_they_have_already_counts_as_installed(server: Cloudflare, single: Bundle) -> None:
    """Their list was behind when it was read."""
    cloudflare.install(way(server), single)
    server.troubles = [("custom_certificates?", told([], result_info={"total_pages": 1}))]
    (result,) = cloudflare.install(way(server), single)
    assert (result.state, result.ref, len(server.zones[NET].certificates)) == ("pending", FIRST, 1)


def test_one_that_they_have_and_do_not_show_is_told(server: Cloudflare, single: Bundle) -> None:
    server.troubles = [("private_key", refusal(400, (1220, "already")))]
    (result,) = cloudflare.install(way(server), single)
    assert result.error is not None
    assert result.error.code == "cloudflare_already"


NUMBERS = [
    (400, 1002, "cloudflare_certificate_invalid", NeedsUser),
    (400, 1228, "cloudflare_same_kind", NeedsUser),
    (400, 1305, "cloudflare_not_now", Transient),
    (400, 1411, "cloudflare_no_leaf", NeedsUser),
    (400, 1434, "cloudflare_no_cipher", NeedsUser),
    (400, 2000, "cloudflare_unknown", Transient),
    (400, 2100, "cloudflare_not_bundled", NeedsUser),
    (400, 2101, "cloudflare_no_leaf", NeedsUser),
    (400, 2103, "cloudflare_names_elsewhere", NeedsUser),
    (400, 2106, "cloudflare_key_invalid", NeedsUser),
    (400, 2200, "cloudflare_pair_invalid", NeedsUser),
    (404, 7003, "cloudflare_object_missing", NeedsUser),
    (400, 6003, "cloudflare_token_malformed", LoginRefused),
    (400, 6111, "cloudflare_token_malformed", LoginRefused),
    (401, 1000, "panel_login_refused", LoginRefused),
    (401, 10000, "panel_login_refused", LoginRefused),
    # A plan that is too low has no number of its own.
    (403, 10000, "cloudflare_plan", NeedsUser),
    (403, 9109, "cloudflare_plan", NeedsUser),
    (403, 4711, "cloudflare_plan", NeedsUser),
    (400, 1212, "cloudflare_plan", NeedsUser),
    (400, 2005, "cloudflare_plan", NeedsUser),
    (400, 1211, "panel_refused", NeedsUser),
    (500, 4711, "panel_failing", Transient),
    (429, 10000, "panel_busy", Transient),
]


@pytest.mark.parametrize(("status", "number", "code", "kind"), NUMBERS)
def test_each_of_their_numbers_has_its_words(
    server: Cloudflare, single: Bundle, status: int, number: int, code: str, kind: type[ExpectedError]
) -> None:
    server.troubles = [("private_key", refusal(status, (number, "Their words.")))]
    (result,) = cloudflare.install(way(server), single)
    assert result.error is not None
    assert (result.error.code, type(result.error)) == (code, kind)
    words = describe(result.error.code, result.error.params)
    assert "…" not in words.title + words.why + words.fix
    assert "Their words." in words.why
    assert len(writes(server)) == 1


@pytest.mark.parametrize("number", [1212, 2005])
def test_a_quota_that_is_used_up_is_no_question_of_the_plan(
    server: Cloudflare, single: Bundle, ca: TestCa, number: int
) -> None:
    cloudflare.install(way(server), as_bundle(ca.issue(["blog.example.net"])))
    server.troubles = [("private_key", refusal(400, (number, "Their words.")))]
    (result,) = cloudflare.install(way(server), single)
    assert result.error is not None
    assert result.error.code == "cloudflare_full"


def test_a_number_in_the_chain_is_read_before_the_outer_one(server: Cloudflare) -> None:
    inner = [{"code": 6111, "message": "Invalid format for Authorization header"}]
    body = {"success": False, "errors": [{"code": 6003, "message": "Invalid request headers", "error_chain": inner}]}
    server.troubles = [("zones", Answer(400, body))]
    with pytest.raises(LoginRefused) as refused:
        cloudflare.read_back(way(server), ["example.net"])
    assert "Invalid format for Authorization header" in refused.value.params["answer"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(200, LOGIN_PAGE), "panel_not_an_api"),
        (Answer(200, '{"success": true, "res'), "panel_garbled"),
        (Answer(200, {"success": "true"}), "panel_refused"),
        (Answer(200, {"success": True, "result": {"id": 1}}), "panel_garbled"),
        (Answer(200, {"success": False, "errors": [7, None, {"code": "x"}, {"code": True}]}), "panel_refused"),
        (Answer(403, "<html>blocked"), "panel_forbidden"),
        (Answer(301, "", {"Location": "https://evil.example/"}), "panel_redirects"),
        (Answer(503, ""), "panel_failing"),
        (Answer(408, ""), "panel_busy"),
    ],
)
def test_what_no_cloudflare_says_is_told_apart(server: Cloudflare, answer: Answer, code: str) -> None:
    server.troubles = [("/zones", answer)]
    with pytest.raises(ExpectedError) as refused:
        cloudflare.read_back(way(server), ["example.net"])
    assert refused.value.code == code


def test_the_moment_that_they_name_is_kept_and_the_next_zone_waits_too(server: Cloudflare, bundle: Bundle) -> None:
    server.troubles = [("private_key", refusal(429, (10000, "More than 1200 requests"), Retry_After="90"))]
    now = clock.now()
    with clock.frozen(now):
        first, second = cloudflare.install(way(server), bundle)
    assert isinstance(first.error, Transient)
    assert first.error.retry_at == now + timedelta(seconds=90)
    assert second.error is first.error
    assert len(writes(server)) == 1


@pytest.mark.parametrize("status", ["disabled", "expired"])
def test_a_token_that_is_over_says_so(server: Cloudflare, status: str) -> None:
    server.token_status = status
    with pytest.raises(NeedsUser) as refused:
        cloudflare.test(way(server), ["example.net"])
    assert (refused.value.code, refused.value.params) == ("cloudflare_token_over", {"status": status})


def test_a_token_of_the_account_works_all_the_same(server: Cloudflare) -> None:
    server.is_account_token = True
    assert cloudflare.test(way(server), ["www.example.net"]).matching == ("example.net",)


def test_a_wrong_token_is_refused(server: Cloudflare) -> None:
    with pytest.raises(LoginRefused) as refused:
        cloudflare.test(way(server, secret="wrong"), ["example.net"])
    assert refused.value.code == "panel_login_refused"


def test_a_test_changes_nothing_and_says_what_it_cannot_tell(server: Cloudflare) -> None:
    seen = cloudflare.test(way(server), ["www.example.net"])
    assert (seen.sites, len(seen.may), len(seen.notes)) == (("example.net",), 2, 1)
    assert writes(server) == []


def test_neither_token_nor_key_comes_back_in_an_error(server: Cloudflare, single: Bundle) -> None:
    line = single.key.splitlines()[1]
    server.troubles = [("private_key", refusal(400, (2106, f"Bearer {TOKEN} {single.key} {line}")))]
    (result,) = cloudflare.install(way(server), single)
    assert result.error is not None
    text = in_one_line(result.error) + repr(result) + repr(result.error.params)
    assert TOKEN not in text
    assert line not in text


@pytest.mark.parametrize("told_id", [None, 7, "../../user", "a/b", "x" * 300, ""])
def test_an_id_that_leads_elsewhere_is_none(server: Cloudflare, single: Bundle, told_id: Any) -> None:
    server.troubles = [("/zones?", told([{"id": told_id, "name": "example.net", "status": "active"}]))]
    with pytest.raises(NeedsUser):
        cloudflare.install(way(server), single)
    row = {"id": told_id, "hosts": list(single.names), "expires_on": 7, "status": None}
    server.troubles = [("custom_certificates?", told([row, {"hosts": {}}]))]
    assert cloudflare.install(way(server), single)[0].state == "pending"
    assert all("user" not in one.path and "//" not in one.path for one in server.requests)
