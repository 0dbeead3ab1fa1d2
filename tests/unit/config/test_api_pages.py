"""The API's reference: every operation can be found, every link leads somewhere, every call can be pasted."""

import json
import re
import shlex
from typing import Any

import jsonschema_rs
import pytest
from bs4 import BeautifulSoup
from django.test import Client

from config.api import api
from config.api_kinds import Kind, kind_of
from config.api_pages import list_rooms
from config.api_reference import Operation, call_by_curl

pytestmark = pytest.mark.django_db

ROOMS = [room.slug for room in list_rooms()]
PATHS = ["/docs/api/", *(f"/docs/api/{slug}/" for slug in ROOMS)]
OPERATIONS = [operation for room in list_rooms() for operation in room.operations]
HTML_AT_MOST = 60 * 1024  # with styles and icons the page stays under 100 KB


def soup(path: str) -> BeautifulSoup:
    answer = Client().get(path)
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def test_every_operation_is_in_one_room() -> None:
    documented = {(method.upper(), path) for path, methods in api.document["paths"].items() for method in methods}
    assert len(OPERATIONS) == len(documented)
    assert {(operation.method, operation.path) for operation in OPERATIONS} == documented


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_light_and_needs_no_script(path: str) -> None:
    answer = Client().get(path)
    assert len(answer.content) < HTML_AT_MOST
    scripts = BeautifulSoup(answer.content, "html.parser").find_all("script")
    assert all(str(script["src"]).startswith("/static/") for script in scripts)


@pytest.mark.parametrize("slug", ROOMS)
def test_a_room_shows_its_operations_whole(slug: str) -> None:
    page = soup(f"/docs/api/{slug}/")
    room = next(room for room in list_rooms() if room.slug == slug)
    for operation in room.operations:
        section = page.find(id=operation.key).parent  # type: ignore[union-attr]
        text = section.get_text(" ")  # type: ignore[union-attr]
        assert operation.summary in text
        assert operation.path in text
        for field in (*operation.query, *operation.body):
            assert field.name in text
        for answer in operation.answers:
            assert answer.status in text
        assert section.find("pre").get_text() == operation.call  # type: ignore[union-attr]


@pytest.mark.parametrize("path", PATHS)
def test_links_lead_somewhere(path: str) -> None:
    page = soup(path)
    anchors = [tag["id"] for tag in page.find_all(id=True)]
    assert len(set(anchors)) == len(anchors)
    pages: dict[str, set[str]] = {path: set(map(str, anchors))}
    for link in page.select("article a, .docs__contents a"):
        target, _, anchor = str(link["href"]).partition("#")
        target = target or path
        if target not in pages:
            answer = Client().get(target)
            assert answer.status_code == 200, target
            pages[target] = set(re.findall(r'id="([^"]+)"', answer.content.decode()))
        assert not anchor or anchor in pages[target], link["href"]


def test_the_contents_lead_to_the_api() -> None:
    links = [str(link["href"]) for link in soup("/docs/").select(".docs__contents a")]
    assert links.index("/docs/api/") == links.index("/docs/team-and-api/") + 1
    assert soup("/docs/").select_one('footer a[href="/docs/api/"]')


def test_an_unknown_room_is_404(client: Client) -> None:
    assert client.get("/docs/api/nothing/").status_code == 404


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_a_call_can_be_pasted_into_a_shell(operation: Operation) -> None:
    words = shlex.split(operation.call)
    assert words[0] == "curl"
    assert "Authorization: Bearer $TOKEN" in words
    found = api.document["paths"][operation.path][operation.method.lower()]
    if "requestBody" in found:
        schema = found["requestBody"]["content"]["application/json"]["schema"]
        assert jsonschema_rs.is_valid(schema, json.loads(words[words.index("-d") + 1]))


def test_a_call_names_its_ids_and_saves_a_file() -> None:
    call = call_by_curl("https://certs.example.org", "/api/alert-rules/{id}/a.zip", "GET", {})
    assert shlex.split(call)[1] == "https://certs.example.org/api/alert-rules/$ALERT_RULE/a.zip"
    assert shlex.split(call)[-2:] == ["-o", "a.zip"]


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string", "maxLength": 1200}, Kind("string", bounds="at most 1,200 characters")),
        ({"type": "integer", "minimum": 1, "maximum": 500}, Kind("integer", bounds="1 to 500")),
        ({"type": "integer", "minimum": 0}, Kind("integer", bounds="at least 0")),
        ({"type": "string", "format": "uuid"}, Kind("UUID")),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, Kind("time", after=" or null")),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}], "maximum": 9},
            Kind("integer", after=" or null", bounds="at most 9"),
        ),
        ({"enum": ["", "a"]}, Kind("one of", values=('""', "a"))),
        ({"const": 3}, Kind("always", values=("3",))),
        ({"$ref": "#/components/schemas/Domain"}, Kind("", item="Domain")),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Link"}}, Kind("list of ", item="Link")),
        (
            {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": 9}},
            Kind("list of strings", bounds="at most 5, each at most 9 characters"),
        ),
        ({"type": "object", "additionalProperties": {"type": "string"}}, Kind("object of strings")),
        ({"type": "object"}, Kind("object")),
        ({"type": "string", "format": "binary"}, Kind("file")),
        ({}, Kind("anything")),
    ],
)  # fmt: skip
def test_kinds_are_told_in_words(schema: dict[str, Any], kind: Kind) -> None:
    assert kind_of(schema) == kind
