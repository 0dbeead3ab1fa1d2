"""Before a panel is told anything: whose certificate it shows, and what was typed into its form."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from pytest_django import Settings

from config.lib import clock, egress
from config.lib.errors import ExpectedError, InvalidValue, NeedsUser, Transient
from deploy.panels.exchange import in_words
from deploy.panels.known import panels
from deploy.panels.panel import Access, Bundle, LoginRefused, Panel
from deploy.panels.reading import read_access, read_bundle, read_fingerprint
from tests.servers.ca import Issued, TestCa, new_key
from tests.servers.panels.wire import LOGIN_PAGE, Answer, Manner, Request, StandIn, panel_server
from tests.unit.deploy.panels.conftest import way_to

SECRET = "Pa55word-of-the-panel"


class Listening(StandIn):
    def respond(self, request: Request) -> Answer:
        return Answer(500, "no")


@pytest.fixture(params=panels.keys())
def panel(request: pytest.FixtureRequest) -> Panel:
    return panels.get(request.param)


@pytest.fixture
def there(own: Issued) -> Iterator[Listening]:
    with panel_server(Listening(), own) as made:
        yield made


def way(there: Listening, panel: Panel, **more: object) -> Access:
    return way_to(there, panel.label, user="acme", secret=SECRET, **more)  # type: ignore[arg-type]


def test_another_certificate_than_the_pinned_one_gets_not_a_byte(
    there: Listening, panel: Panel, bundle: Bundle
) -> None:
    access = way(there, panel, pinned="ab" * 32)
    for verb in (
        lambda: panel.test(access, bundle.names),
        lambda: panel.install(access, bundle),
        lambda: panel.read_back(access, bundle.names),
    ):
        with pytest.raises(NeedsUser) as refusal:
            verb()
        assert refusal.value.code == "panel_certificate_changed"
        assert refusal.value.params["seen"] == there.fingerprint
    assert there.requests == []


def test_a_certificate_of_nobody_is_shown_for_comparison_and_gets_nothing(
    there: Listening, panel: Panel, bundle: Bundle
) -> None:
    with pytest.raises(NeedsUser) as refusal:
        panel.install(way(there, panel, pinned=""), bundle)
    assert refusal.value.code == "panel_certificate_untrusted"
    assert refusal.value.params["seen"] == there.fingerprint
    assert there.requests == []


def test_an_authority_that_the_operator_named_is_trusted(
    panel: Panel, ca: TestCa, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(ca.root_pem)
    settings.TLS_EXTRA_CA_BUNDLE = str(tmp_path / "ca.pem")
    with panel_server(Listening(), ca.issue(["127.0.0.1"])) as there:
        with pytest.raises(Transient) as refusal:
            panel.test(way(there, panel, pinned=""), ["example.net"])
        assert refusal.value.code == "panel_failing"
        assert len(there.requests) >= 1


def test_an_address_inside_is_not_connected_to(there: Listening, panel: Panel, settings: Settings) -> None:
    settings.EGRESS_ALLOW_CIDRS = ()
    with pytest.raises(egress.Refused):
        panel.test(way(there, panel), ["example.net"])
    assert there.requests == []


def test_a_panel_that_is_not_there_says_so(panel: Panel) -> None:
    closed = Access(panel.label, "127.0.0.1", 1, "acme", SECRET)
    with pytest.raises(egress.Unreachable) as refusal:
        panel.test(closed, ["example.net"])
    assert refusal.value.code == "connect_refused"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_credential_follows_no_redirect(there: Listening, panel: Panel, own: Issued, status: int) -> None:
    with panel_server(Listening(), own) as elsewhere:
        there.troubles = [("", Answer(status, "", {"Location": f"https://127.0.0.1:{elsewhere.port}/"}))] * 3
        with pytest.raises(NeedsUser) as refusal:
            panel.read_back(way(there, panel), ["example.net"])
        assert refusal.value.code == "panel_redirects"
        assert (len(there.requests), elsewhere.requests) == (1, [])


@pytest.mark.parametrize(
    ("answer", "code", "kind"),
    [
        (Answer(401, ""), "panel_login_refused", LoginRefused),
        (Answer(403, "blocked"), "panel_forbidden", NeedsUser),
        (Answer(429, "slow down", {"Retry-After": "90"}), "panel_busy", Transient),
        (Answer(200, LOGIN_PAGE), "panel_not_an_api", NeedsUser),
    ],
    ids=["401", "403", "429", "log-in page"],
)
def test_what_every_panel_means_by_an_answer_is_understood_alike(
    there: Listening, panel: Panel, bundle: Bundle, answer: Answer, code: str, kind: type[ExpectedError]
) -> None:
    there.troubles = [("", answer)] * 2
    now = clock.now()
    for verb in (panel.install, lambda access, bundle: panel.read_back(access, bundle.names)):
        with clock.frozen(now), pytest.raises(ExpectedError) as refusal:
            verb(way(there, panel), bundle)
        assert (refusal.value.code, type(refusal.value)) == (code, kind)
        named = getattr(refusal.value, "retry_at", None)
        assert named == (now + timedelta(seconds=90) if code == "panel_busy" else None)
    assert len(there.requests) == 2, "each asked once"
    assert there.sent("PRIVATE") == []


@pytest.mark.parametrize("manner", ["deaf", "flood", "cut"])
def test_a_panel_that_never_ends_does_so_for_us(there: Listening, panel: Panel, manner: Manner) -> None:
    there.troubles = [("", manner)] * 3
    before = time.monotonic()
    with pytest.raises(Transient):
        panel.read_back(way(there, panel, request_seconds=1.0), ["example.net"])
    assert time.monotonic() - before < 5


def test_the_whole_visit_ends_too(there: Listening, panel: Panel) -> None:
    there.troubles = [("", "deaf")] * 3
    with pytest.raises(Transient):
        panel.read_back(way(there, panel, seconds=0.5), ["example.net"])


@pytest.mark.parametrize("spelled", [str, quote_plus, lambda text: json.dumps(text)[1:-1]])
@pytest.mark.parametrize("secret", ["p+w", 'Pä55"w<o>rd & more', "x/y+z=" * 8])
def test_a_secret_is_hidden_however_short_it_is_and_however_it_is_spelled(
    secret: str, spelled: Callable[[str], str], bundle: Bundle
) -> None:
    """As it stood in the form, the header or the JSON that was sent."""
    access = Access("cPanel", "panel.example.net", 2083, "acme", secret)
    line = bundle.key.splitlines()[1]
    words = in_words(access, f"It was {spelled(secret)} and {spelled(line)}.", [bundle.key])
    assert words == "It was [hidden] and [hidden]."


def test_nothing_of_a_visit_is_logged(
    there: Listening, panel: Panel, bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ExpectedError):
        panel.install(way(there, panel), bundle)
    assert SECRET not in caplog.text
    assert "PRIVATE KEY" not in caplog.text


def test_each_field_says_where_its_value_is(panel: Panel) -> None:
    assert all(field.where for field in panel.fields)
    assert [field.name for field in panel.fields if field.is_secret] == [panel.secret_field]
    assert panel.rights


def test_a_form_makes_an_access(panel: Panel) -> None:
    values = {"host": "Panel.Example.net", "port": "9443", "username": "acme"}
    made = read_access(panel, values, secret=SECRET, pinned="AB:" * 31 + "AB", refs={"example.net": "7"})
    assert (made.host, made.port) == ((panel.host, panel.port) if panel.host else ("panel.example.net", 9443))
    assert (made.secret, made.pinned, made.refs) == (SECRET, "ab" * 32, {"example.net": "7"})
    assert SECRET not in repr(made)


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"host": ""}, "host", "panel_value_missing"),
        ({"host": "https://panel.example.net"}, "host", "host_malformed"),
        ({"host": "a b"}, "host", "host_malformed"),
        ({"port": "0"}, "port", "panel_port_malformed"),
        ({"port": "70000"}, "port", "panel_port_malformed"),
        ({"port": "²"}, "port", "panel_port_malformed"),
        ({"username": "acme\r\nX-Evil: 1"}, "username", "panel_value_malformed"),
        ({"secret": ""}, "api_token", "panel_value_missing"),
        ({"secret": "a\nb"}, "api_token", "panel_value_malformed"),
        ({"secret": "x" * 600}, "api_token", "panel_value_malformed"),
    ],
)
def test_what_cannot_work_is_told_beside_its_field(changed: dict[str, str], field: str, code: str) -> None:
    values = {"host": "panel.example.net", "port": "2083", "username": "acme", "secret": SECRET, **changed}
    secret = values.pop("secret")
    with pytest.raises(InvalidValue) as refusal:
        read_access(panels.get("cpanel"), values, secret=secret)
    assert (refusal.value.field_name, refusal.value.code) == (field, code)


@pytest.mark.parametrize("text", ["", "ab", "xy" * 32, "ab" * 31, "ab" * 33])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        read_fingerprint(text)


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_bundle_is_what_all_panels_take(ca: TestCa, kind: str) -> None:
    """The leaf alone, no root in the chain, the key in its own form without the block of curve parameters."""
    issued = ca.issue(["example.net"], key=new_key(kind))
    made = read_bundle(issued.cert_pem, issued.chain_pem + ca.root_pem, issued.key_pem, label="example.net")
    assert (made.names, made.fingerprint) == (("example.net",), issued.fingerprint)
    assert (made.leaf.encode(), made.chain.encode()) == (issued.cert_pem, issued.chain_pem)
    assert made.key.startswith("-----BEGIN PRIVATE KEY-----")
    assert made.signed == "ecdsa"  # by the authority's key, whatever the leaf's is


def test_a_key_of_another_certificate_is_refused_before_any_panel_sees_it(ca: TestCa) -> None:
    one, other = ca.issue(["example.net"]), ca.issue(["example.net"])
    with pytest.raises(NeedsUser) as refusal:
        read_bundle(one.cert_pem, one.chain_pem, other.key_pem, label="example.net")
    assert refusal.value.code == "key_mismatch"
