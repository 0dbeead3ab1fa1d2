"""The panel of `Add a panel` in the documentation: what stands there is run, and what it names is there."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from deploy.panels.panel import Access, Bundle, Panel, Unsure
from tests.servers.ca import Issued
from tests.servers.panels.wire import Answer, Request, StandIn, panel_server
from tests.servers.places import ROOT
from tests.unit.deploy.panels.conftest import way_to

TEXT = (ROOT / "docs" / "adding-a-panel.md").read_text()
(SNIPPET,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
# Of the panel that is made up.
MADE_UP = {
    "deploy/panels/hostbase.py",
    "tests/servers/panels/hostbase.py",
    "tests/unit/deploy/panels/test_hostbase.py",
}
TOKEN = "token-of-the-recipe"


@dataclass
class Hostbase(StandIn):
    sites: list[str] = field(default_factory=lambda: ["example.net", "blog.example.net", "notexample.net"])
    installed: dict[str, str] = field(default_factory=dict)
    fingerprint_of_new: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"ok": False})
        if request.path == "/v1/sites":
            return Answer(200, {"ok": True, "sites": self.sites})
        site = request.path.split("/")[3]
        if request.method == "PUT":
            assert set(json.loads(request.body)) == {"certificate", "chain", "key"}
            self.installed[site] = self.fingerprint_of_new
        return Answer(200, {"ok": True, "sha256": self.installed.get(site)})


@pytest.fixture(scope="module")
def panel() -> Panel:
    names: dict[str, Panel] = {}
    exec(compile(SNIPPET, "docs/adding-a-panel.md", "exec"), names)  # noqa: S102  (our own page)
    return names["PANEL"]


@pytest.fixture
def server(own: Issued, bundle: Bundle) -> Iterator[Hostbase]:
    with panel_server(Hostbase(fingerprint_of_new=bundle.fingerprint), own) as made:
        yield made


def way(server: Hostbase, **more: object) -> Access:
    return way_to(server, "Hostbase", **{"user": "", "secret": TOKEN, **more})  # type: ignore[arg-type]


def test_it_tests_installs_and_reads_back(server: Hostbase, panel: Panel, bundle: Bundle) -> None:
    assert panel.test(way(server), bundle.names).matching == ("example.net", "blog.example.net")
    assert {one.method for one in server.requests} == {"GET"}
    results = panel.install(way(server), bundle)
    assert [(one.site, one.state) for one in results] == [
        ("example.net", "installed"),
        ("blog.example.net", "installed"),
    ]
    assert {one.state for one in panel.install(way(server), bundle)} == {"unchanged"}
    assert {one.fingerprint for one in panel.read_back(way(server), bundle.names)} == {bundle.fingerprint}


def test_a_lost_answer_is_looked_for(server: Hostbase, panel: Panel, bundle: Bundle) -> None:
    server.troubles = [("PRIVATE KEY", "cut"), ("PRIVATE KEY", "deaf")]
    first, second = panel.install(way(server, request_seconds=1.0), bundle)
    assert first.state == "installed"
    assert isinstance(second.error, Unsure)


def test_every_file_that_it_names_is_there() -> None:
    named = set(re.findall(r"`((?:deploy|domains|tests|docs)/[\w/.-]+\.\w+)`", TEXT))
    assert named > MADE_UP
    assert [one for one in sorted(named - MADE_UP) if not (ROOT / one).exists()] == []


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("deploy/panels/exchange.py", ["def exchange", "def require_answer", "def json_object", "def in_words"]),
        ("deploy/panels/sites.py", ["def covered", "def site_names", "def identifier"]),
        ("deploy/panels/panel.py", ["def each", "class LoginRefused", "class Unsure"]),
        ("deploy/panels/shapes.py", ["class PanelFields"]),
        ("tests/integration/paneling.py", ["KINDS =", "def _made"]),
        ("tests/browser/test_panels.py", ["LABELS =", "def new_panel", "def fill"]),
        ("tests/servers/panels/wire.py", ["class StandIn", "class Done", "class Answer"]),
    ],
)
def test_what_it_speaks_of_is_there(file: str, words: list[str]) -> None:
    text = (ROOT / file).read_text()
    assert [word for word in words if word not in text] == []
