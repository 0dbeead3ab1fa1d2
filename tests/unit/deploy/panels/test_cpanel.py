"""cPanel: one call for each site, the status in the body, and what became of it seen by looking."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from config.lib import clock, x509
from config.lib.errors import ExpectedError, NeedsUser, Transient, describe, in_one_line
from deploy.panels import cpanel
from deploy.panels.panel import Access, Bundle, LoginRefused, Unsure
from tests.servers.ca import Issued, TestCa
from tests.servers.panels.cpanel import TOKEN, USER, Cpanel, told
from tests.servers.panels.wire import LOGIN_PAGE, Answer, panel_server
from tests.unit.deploy.panels.conftest import as_bundle, way_to

ALL = ["example.net", "shop.example.org", "blog.example.net"]


@pytest.fixture
def server(own: Issued) -> Iterator[Cpanel]:
    with panel_server(Cpanel(), own) as made:
        yield made


def way(server: Cpanel, **more: object) -> Access:
    return way_to(server, "cPanel", **{"user": USER, "secret": TOKEN, **more})  # type: ignore[arg-type]


def test_every_site_that_the_certificate_covers_gets_it(server: Cpanel, bundle: Bundle) -> None:
    server.subs += ["deep.blog.example.net", "example.net.evil.org", "notexample.net"]
    results = cpanel.install(way(server), bundle)
    assert [(one.site, one.state, one.uncovered) for one in results] == [
        (site, "installed", (f"mail.{site}",)) for site in ALL
    ]
    assert server.installed == dict.fromkeys(ALL, bundle.leaf)
    forms = [one.form for one in server.sent("install_ssl")]
    assert [form["key"] for form in forms] == [bundle.key] * 3
    assert [form["cabundle"] for form in forms] == [bundle.chain] * 3
    back = cpanel.read_back(way(server), bundle.names)
    assert [(one.site, one.fingerprint, one.expires_at) for one in back] == [
        (site, bundle.fingerprint, bundle.not_after) for site in ALL
    ]


@pytest.mark.parametrize("with_text", [True, False])
def test_what_is_there_already_is_left_alone(server: Cpanel, bundle: Bundle, with_text: bool) -> None:
    server.with_text = with_text
    cpanel.install(way(server), bundle)
    server.installed.pop("shop.example.org")
    again = cpanel.install(way(server), bundle)
    assert [(one.site, one.state) for one in again] == [
        ("example.net", "unchanged"),
        ("shop.example.org", "installed"),
        ("blog.example.net", "unchanged"),
    ]
    assert [one.form["domain"] for one in server.sent("install_ssl")] == [*ALL, "shop.example.org"]


def test_a_site_with_an_address_of_its_own_is_found_too(server: Cpanel, bundle: Bundle) -> None:
    """It may be missing from the list of the others."""
    cpanel.install(way(server), bundle)
    server.dedicated = {"shop.example.org": server.installed.pop("shop.example.org")}
    assert {one.state for one in cpanel.install(way(server), bundle)} == {"unchanged"}
    back = cpanel.read_back(way(server), bundle.names)
    assert [(one.site, one.fingerprint) for one in back] == [(site, bundle.fingerprint) for site in ALL]


def test_a_site_is_not_taken_for_another_that_lists_its_name(server: Cpanel, bundle: Bundle, ca: TestCa) -> None:
    """The other one comes first and has the certificate already."""
    old = ca.issue(["blog.example.net"]).cert_pem.decode()
    server.aliases = {"example.net": ["blog.example.net"]}
    server.installed = {"example.net": bundle.leaf, "blog.example.net": old}
    read = {one.site: one.fingerprint for one in cpanel.read_back(way(server), bundle.names)}
    assert read["example.net"] == bundle.fingerprint
    assert read["blog.example.net"] == x509.pasted_certificates(old.encode(), at_most=1)[0].facts.fingerprint_sha256
    states = {one.site: one.state for one in cpanel.install(way(server), bundle)}
    assert (states["example.net"], states["blog.example.net"]) == ("unchanged", "installed")


def test_an_addon_domain_is_read_where_its_own_site_has_it(server: Cpanel, bundle: Bundle) -> None:
    """Its virtual host is that of a subdomain, which answers to both names."""
    server.subs, server.aliases = ["shop.example.net"], {"shop.example.net": ["shop.example.org"]}
    server.installed = {"shop.example.net": bundle.leaf}
    read = {one.site: one.fingerprint for one in cpanel.read_back(way(server), bundle.names)}
    assert read == {"shop.example.org": bundle.fingerprint, "shop.example.net": bundle.fingerprint}


def test_the_main_sites_certificate_is_not_believed_of_another(server: Cpanel, bundle: Bundle) -> None:
    server.dedicated, server.tells_main = {"example.net": bundle.leaf}, True
    assert [one.site for one in cpanel.read_back(way(server), bundle.names)] == ["example.net"]
    states = {one.site: one.state for one in cpanel.install(way(server), bundle)}
    assert states == {"example.net": "unchanged", "shop.example.org": "installed", "blog.example.net": "installed"}


def test_a_renewed_certificate_replaces_the_old_one(server: Cpanel, bundle: Bundle, ca: TestCa) -> None:
    cpanel.install(way(server), bundle)
    renewed = as_bundle(ca.issue(bundle.names))
    assert {one.state for one in cpanel.install(way(server), renewed)} == {"installed"}
    assert {one.fingerprint for one in cpanel.read_back(way(server), renewed.names)} == {renewed.fingerprint}


def test_nothing_is_sent_to_an_account_without_such_a_site(server: Cpanel, ca: TestCa) -> None:
    """The name of somebody else, and one that only looks like ours."""
    strange = as_bundle(ca.issue(["example.net.evil.org", "exampIe.net".lower(), "other.example.com"]))
    with pytest.raises(NeedsUser) as refusal:
        cpanel.install(way(server), strange)
    assert refusal.value.code == "panel_no_site"
    assert refusal.value.params["found"] == ", ".join(ALL)
    assert server.sent("install_ssl") == server.sent("PRIVATE") == []


def test_one_site_may_fail_while_the_others_get_it(server: Cpanel, bundle: Bundle) -> None:
    server.refuses["shop.example.org"] = "The certificate <b>could not</b> be installed: the key is too short."
    first, second, third = cpanel.install(way(server), bundle)
    assert (first.state, third.state) == ("installed", "installed")
    assert second.error is not None
    assert second.error.code == "panel_refused"
    assert "the key is too short" in in_one_line(second.error)


def test_a_test_changes_nothing_and_says_what_fits(server: Cpanel) -> None:
    seen = cpanel.test(way(server), ["*.example.net"])
    assert (seen.sites, seen.matching) == (tuple(ALL), ("blog.example.net",))
    assert {one.method for one in server.requests} == {"GET"}


@pytest.mark.parametrize(
    ("answer", "code", "kind"),
    [
        (Answer(401, {"status": 0}), "panel_login_refused", LoginRefused),
        (Answer(403, "blocked"), "panel_forbidden", NeedsUser),
        (Answer(404, "no"), "panel_not_there", NeedsUser),
        (Answer(302, "", {"Location": "https://127.0.0.1:1/"}), "panel_redirects", NeedsUser),
        (Answer(200, LOGIN_PAGE), "panel_not_an_api", NeedsUser),
        (Answer(200, LOGIN_PAGE, {"Content-Type": "application/json"}), "panel_not_an_api", NeedsUser),
        (Answer(200, '{"status": 1, "data": '), "panel_garbled", Transient),
        (Answer(200, "[" * 100_000), "panel_garbled", Transient),
        (Answer(200, "[1]"), "panel_garbled", Transient),
        (Answer(429, "slow down"), "panel_busy", Transient),
        (Answer(503, "maintenance"), "panel_failing", Transient),
        (told(errors=["You do not have the feature “sslinstall”."]), "panel_feature_off", NeedsUser),
        (told(errors=["Permission denied"]), "panel_wrong_door", NeedsUser),
        (told(errors=["Something else."]), "panel_refused", NeedsUser),
        (Answer(200, {"status": None, "errors": {"a": 1}}), "panel_refused", NeedsUser),
    ],
)
def test_each_refusal_has_its_words(server: Cpanel, answer: Answer, code: str, kind: type[ExpectedError]) -> None:
    server.troubles = [("list_domains", answer)]
    with pytest.raises(ExpectedError) as refusal:
        cpanel.test(way(server), [])
    assert (refusal.value.code, type(refusal.value)) == (code, kind)
    assert len(server.requests) == 1
    words = describe(refusal.value.code, refusal.value.params)
    assert "…" not in words.title + words.why + words.fix


def test_the_moment_that_the_server_names_is_kept(server: Cpanel) -> None:
    server.troubles = [("list_domains", Answer(429, "later", {"Retry-After": "120"}))]
    now = clock.now()
    with clock.frozen(now), pytest.raises(Transient) as refusal:
        cpanel.test(way(server), [])
    assert refusal.value.retry_at == now + timedelta(seconds=120)


def test_a_refused_login_is_not_tried_on_the_next_site(server: Cpanel, bundle: Bundle) -> None:
    """cPHulk blocks addresses after a few."""
    server.troubles = [("install_ssl", Answer(401, {"status": 0}))]
    results = cpanel.install(way(server), bundle)
    assert [(one.state, one.error.code if one.error else "") for one in results] == [
        ("failed", "panel_login_refused")
    ] * 3
    assert len(server.sent("install_ssl")) == 1


def test_a_server_that_wants_to_be_left_alone_is(server: Cpanel, bundle: Bundle) -> None:
    server.troubles = [("domain=blog.example.net&", Answer(429, "later", {"Retry-After": "60"}))]
    server.subs += ["more.example.net"]
    results = cpanel.install(way(server), bundle)
    assert [one.state for one in results] == ["installed", "installed", "failed", "failed"]
    assert server.sent("more.example.net") == []


@pytest.mark.parametrize("manner", ["silent", "cut"])
def test_a_lost_answer_is_made_up_for_by_looking(server: Cpanel, bundle: Bundle, manner: str) -> None:
    server.troubles = [("domain=shop.example.org&", manner)]  # type: ignore[list-item]
    results = cpanel.install(way(server, request_seconds=1.0), bundle)
    assert [one.state for one in results] == ["installed"] * 3
    assert len(server.sent("install_ssl")) == 3


def test_what_was_not_done_stays_unsure(server: Cpanel, bundle: Bundle) -> None:
    server.troubles = [("domain=shop.example.org&", "deaf")]
    first, second, third = cpanel.install(way(server, request_seconds=1.0), bundle)
    assert (first.state, third.state) == ("installed", "installed")
    assert isinstance(second.error, Unsure)
    assert "shop.example.org" not in server.installed


def test_an_endless_answer_ends(server: Cpanel) -> None:
    server.troubles = [("list_domains", "flood")]
    with pytest.raises(Transient) as refusal:
        cpanel.test(way(server), [])
    assert refusal.value.code == "panel_unsure"


def test_neither_token_nor_key_comes_back_in_an_error(server: Cpanel, bundle: Bundle) -> None:
    """A server that says everything again that it was told."""
    line = bundle.key.splitlines()[1]
    for echo in (bundle.key, line, bundle.key.replace("\n", "\\n"), f"cpanel {USER}:{TOKEN}", TOKEN[:-1] + TOKEN):
        server.refuses = dict.fromkeys(ALL, f"No: {echo} \x1b[31m\u202e")
        for result in cpanel.install(way(server), bundle):
            assert result.error is not None
            text = in_one_line(result.error) + repr(result) + repr(result.error.params)
            assert TOKEN not in text
            assert line not in text
            assert "\u202e" not in text
    assert TOKEN not in repr(way(server))
    assert line not in repr(bundle)


def test_hostile_names_are_no_sites(server: Cpanel, bundle: Bundle) -> None:
    server.addons = ["a b", "../etc", "x" * 300, "shop.example.org\r\nX: y", "SHOP.example.org.", None, 7]  # type: ignore[list-item]
    assert cpanel.test(way(server), bundle.names).sites == ("example.net", "shop.example.org", "blog.example.net")
