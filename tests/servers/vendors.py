"""Services that keep tickets, as stand-ins at the wire, written from their vendors' documents.

Each keeps what it was sent and knows what its vendor knows: keys by which a repetition is the same, searches,
states. `troubles` are said instead of the next answers; `is_silent`: the next request is done and never answered.
"""

import base64
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

type Said = tuple[int, Any]


@dataclass
class Ticket:
    ref: str
    key: str
    state: str = "open"
    texts: list[str] = field(default_factory=list)


class Vendor:
    """`tickets` in order; `login` is what the authorization header has to be."""

    login = ""

    channel = ""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[tuple[str, str, Any]] = []
        self.troubles: list[tuple[int, Any, Mapping[str, str]]] = []
        self.is_silent = False
        # Said instead of closing one; notes are taken.
        self.refuses_to_close: Said | None = None
        self.url = ""
        self.over = threading.Event()

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Said:
        if self.login and headers.get("authorization") != self.login:
            return 401, {"message": "Who are you?"}
        path = urlsplit(target).path
        self.bodies.append((method, path, json.loads(body) if body else None))
        asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        return self.answer(method, path, asked, json.loads(body) if body else {}, headers)

    def answer(self, method: str, path: str, asked: Mapping[str, str], told: Any, headers: Mapping[str, str]) -> Said:
        raise NotImplementedError

    def by(self, key: str) -> Ticket | None:
        return next((one for one in self.tickets if one.key == key and one.state == "open"), None)

    def at(self, ref: str) -> Ticket | None:
        return next((one for one in self.tickets if one.ref == ref and one.state != "deleted"), None)

    def add(self, key: str, text: str, ref: str = "") -> Ticket:
        ticket = Ticket(ref or str(1000 + len(self.tickets)), key, texts=[text])
        self.tickets.append(ticket)
        return ticket


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


class Opsgenie(Vendor):
    """It takes everything and does it when its outcome is asked for the `looks`-th time, in the order it came."""

    login = "GenieKey k3y"

    def __init__(self) -> None:
        super().__init__()
        self.looks = 2
        self._queue: list[tuple[str, str, Any]] = []
        self._outcomes: dict[str, tuple[bool, str]] = {}
        self._looked: dict[str, int] = {}

    def answer(self, method: str, path: str, asked: Mapping[str, str], told: Any, headers: Mapping[str, str]) -> Said:
        if path.startswith("/requests/"):
            return self._outcome(path.removeprefix("/requests/"))
        if path == "/" and not told.get("message"):
            return 422, {"message": "Message can not be empty."}
        if path == "/":
            assert len(told["message"]) <= 130
            assert len(told["alias"]) <= 512
            assert all(isinstance(value, str) for value in told["details"].values())
            return self._taken("create", told["alias"], told)
        assert asked["identifierType"] == "alias"
        alias, verb = unquote(path.split("/")[1]), path.rpartition("/")[2]
        if method == "POST":
            return self._taken(verb, alias, told)
        ticket = next((one for one in reversed(self.tickets) if one.key == alias and one.state != "deleted"), None)
        return (200, {"data": {"status": ticket.state}}) if ticket else (404, {"message": "No alert exists"})

    def _taken(self, verb: str, alias: str, told: Any) -> Said:
        self._queue.append((verb, alias, told))
        number = f"r-{len(self._looked)}"
        self._looked[number] = 0
        return 202, {"result": "Request will be processed", "took": 0.1, "requestId": number}

    def _outcome(self, number: str) -> Said:
        self._looked[number] += 1
        if self._looked[number] < self.looks:
            return 404, {"message": "Request not found. It might not be processed, yet."}
        self.work()
        is_success, status = self._outcomes[number]
        return 200, {"data": {"isSuccess": is_success, "status": status, "alertId": "a-1" if is_success else ""}}

    def work(self) -> None:
        for verb, alias, told in self._queue:
            self._outcomes[f"r-{len(self._outcomes)}"] = self._done(verb, alias, told)
        self._queue.clear()

    def _done(self, verb: str, alias: str, told: Any) -> tuple[bool, str]:
        ticket = self.by(alias)
        if verb == "create":
            if not ticket:
                self.add(alias, told["description"], alias)
            return True, "Created alert" if not ticket else "Deduplicated"
        if ticket is None:
            return False, "Alert does not exist"
        ticket.texts.append(told["note"])
        ticket.state = "closed" if verb == "close" else ticket.state
        return True, "Closed alert" if verb == "close" else "Added note"


class PagerDuty(Vendor):
    def answer(self, method: str, path: str, asked: Mapping[str, str], told: Any, headers: Mapping[str, str]) -> Said:
        if told["routing_key"] != "a" * 32:
            return 400, {"status": "invalid event", "message": "Event object is invalid"}
        assert len(told["dedup_key"]) <= 255
        ticket = self.by(told["dedup_key"])
        if told["event_action"] == "trigger":
            payload = told["payload"]
            assert payload["severity"] in ("critical", "error", "warning", "info")
            assert len(payload["summary"]) <= 1024
            if ticket:
                ticket.texts.append(payload["custom_details"]["text"])
            else:
                self.add(told["dedup_key"], payload["custom_details"]["text"])
        elif ticket:
            ticket.state = "closed"
        return 202, {"status": "success", "message": "Event processed", "dedup_key": told["dedup_key"]}


class Jira(Vendor):
    login = basic("ops@acme.net:t0k3n")

    def answer(self, method: str, path: str, asked: Mapping[str, str], told: Any, headers: Mapping[str, str]) -> Said:
        if path == "/rest/api/3/search/jql":
            assert set(told) == {"jql", "fields", "maxResults"}
            found = self.by(re.findall(r'labels = "([^"]+)"', told["jql"])[0])
            return 200, {"issues": [{"id": "1", "key": found.ref, "fields": {}}] if found else [], "isLast": True}
        if path == "/rest/api/3/issue":
            fields = told["fields"]
            if fields["issuetype"]["name"] != "Task":
                return 400, {"errorMessages": [], "errors": {"issuetype": "Specify a valid issue type"}}
            assert all(" " not in label for label in fields["labels"])
            assert "\n" not in fields["summary"]
            ours = next(label for label in fields["labels"] if label.startswith("mmc-"))
            made = self.add(ours, text_in(fields["description"]), f"OPS-{len(self.tickets) + 1}")
            return 201, {"id": "10000", "key": made.ref, "self": "https://x"}
        _, ref, verb = path.removeprefix("/rest/api/3/").split("/")
        ticket = self.at(ref)
        if ticket is None:
            return 404, {"errorMessages": ["Issue does not exist"], "errors": {}}
        if verb == "comment":
            ticket.texts.append(text_in(told["body"]))
            return 201, {"id": "1"}
        if method == "GET":
            steps = [("11", "Start", "indeterminate"), ("31", "Done", "done")]
            shown = [
                {"id": number, "name": name, "to": {"statusCategory": {"key": key}}} for number, name, key in steps
            ]
            return 200, {"transitions": shown}
        assert told["transition"]["id"] == "31"
        if self.refuses_to_close:
            return self.refuses_to_close
        ticket.state = "closed"
        return 204, None


def text_in(document: Any) -> str:
    """Of Atlassian's document format; anything else is what version 3 refuses."""
    assert (document["type"], document["version"]) == ("doc", 1)
    return "\n\n".join(part["content"][0]["text"] for part in document["content"])


class ServiceNow(Vendor):
    login = basic("svc:pw")

    def answer(self, method: str, path: str, asked: Mapping[str, str], told: Any, headers: Mapping[str, str]) -> Said:
        ref = path.removeprefix("/api/now/table/incident").strip("/")
        if method == "GET":
            # Resolved ones (6) are active until they are closed by themselves.
            found = self.by(
                re.findall(r"correlation_id=([^^]+)\^active=true\^stateNOT IN6,7,8", asked["sysparm_query"])[0]
            )
            return 200, {"result": [self._shown(found)] if found else []}
        if method == "POST":
            assert all(isinstance(value, str) for value in told.values())
            # A reference that it does not know becomes empty, without a word.
            group = {"value": "g-1"} if told["assignment_group"] == "Web" else ""
            shown = self._shown(self.add(told["correlation_id"], told["description"]))
            return 201, {"result": {**shown, "assignment_group": group}}
        ticket = self.at(ref)
        if ticket is None:
            return 404, {"error": {"message": "No Record found", "detail": ""}, "status": "failure"}
        if told.get("state") == "6" and self.refuses_to_close:
            return self.refuses_to_close
        ticket.texts.append(told["work_notes"])
        ticket.state = "closed" if told.get("state") == "6" else ticket.state
        return 200, {"result": self._shown(ticket)}

    def _shown(self, ticket: Ticket) -> dict[str, str]:
        return {"sys_id": ticket.ref, "number": f"INC{ticket.ref}", "state": "1"}


class Zendesk(Vendor):
    login = basic("ops@acme.net/token:t0k3n")

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, Ticket] = {}

    def answer(self, method: str, path: str, asked: Mapping[str, str], told: Any, headers: Mapping[str, str]) -> Said:
        if method == "GET":
            # Of all states, the oldest first.
            states = {"open": "open", "closed": "solved"}
            rows = [one for one in self.tickets if one.key == asked["external_id"] and one.state in states]
            return 200, {"tickets": [{"id": int(one.ref), "status": states[one.state]} for one in rows]}
        ticket_in = told["ticket"]
        assert ticket_in["comment"]["public"] is False
        if method == "POST":
            key = headers["idempotency-key"]
            if key not in self._made:
                self._made[key] = self.add(ticket_in["external_id"], ticket_in["comment"]["body"])
            return 201, {"ticket": {"id": int(self._made[key].ref), "status": "open", "filler": "x" * 5_000}}
        ticket = self.at(path.rpartition("/")[2])
        if ticket is None:
            return 404, {"error": "RecordNotFound", "description": "Not found"}
        if ticket_in.get("status") and self.refuses_to_close:
            return self.refuses_to_close
        ticket.texts.append(ticket_in["comment"]["body"])
        ticket.state = "closed" if ticket_in.get("status") == "solved" else ticket.state
        return 200, {"ticket": {"id": int(ticket.ref)}}


class Freshservice(Vendor):
    login = basic("k3y:X")

    def answer(self, method: str, path: str, asked: Mapping[str, str], told: Any, headers: Mapping[str, str]) -> Said:
        if path.endswith("/tickets/filter"):
            found = self.by(re.findall(r"^\"tag:'(.+)'\"$", asked["query"])[0])
            return 200, {"tickets": [{"id": int(found.ref), "status": 2}] if found else []}
        if path.endswith("/tickets"):
            missing = {"email", "subject", "description", "status", "priority"} - set(told)
            assert not missing
            assert all(len(tag) <= 32 for tag in told["tags"])
            ours = next(tag for tag in told["tags"] if tag.startswith("mmc-"))
            return 201, {"ticket": {"id": int(self.add(ours, told["description"]).ref)}}
        ref = path.removeprefix("/api/v2/tickets/").split("/")[0]
        ticket = self.at(ref)
        if ticket is None:
            return 404, {}
        if path.endswith("/notes"):
            assert told["private"] is True
            ticket.texts.append(told["body"])
            return 201, {"conversation": {"id": 1}}
        if self.refuses_to_close:
            return self.refuses_to_close
        ticket.state = "closed" if told["status"] == 4 else ticket.state
        return 200, {"ticket": {"id": int(ref)}}


class Zoho(Vendor):
    """Accounts and desk at one address; `token` is the access token that is valid now."""

    def __init__(self) -> None:
        super().__init__()
        self.token = ""
        self.refreshed = 0

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Said:
        if target == "/oauth/v2/token":
            given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            if (given["client_secret"], given["refresh_token"]) != ("s3cret", "r3fresh"):
                return 200, {"error": "invalid_code"}
            self.refreshed += 1
            self.token = f"access-{self.refreshed}"
            return 200, {"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"}
        if headers.get("authorization") != f"Zoho-oauthtoken {self.token}":
            return 401, {"errorCode": "INVALID_OAUTH", "message": "The OAuth Token you provided is invalid."}
        assert headers["orgid"] == "42"
        return super().respond(method, target, headers, body)

    def answer(self, method: str, path: str, asked: Mapping[str, str], told: Any, headers: Mapping[str, str]) -> Said:
        if path == "/api/v1/search":
            assert (asked["module"], asked["departmentId"]) == ("tickets", "7")
            found = [one for one in self.tickets if asked["searchStr"] in one.texts[0].split()]
            states = {"open": "Open", "closed": "Closed"}
            rows = [{"id": one.ref, "status": states[one.state]} for one in found if one.state in states]
            return (200, {"data": rows, "count": len(rows)}) if rows else (204, None)
        ref = path.removeprefix("/api/v1/tickets").strip("/").split("/")[0]
        if not ref:
            assert {"subject", "departmentId", "contact"} <= set(told)
            made = self.add("", told["description"])
            return 200, {"id": made.ref, "ticketNumber": "101", "webUrl": f"{self.url}/show/{made.ref}"}
        ticket = self.at(ref)
        if ticket is None:
            return 404, {"errorCode": "URL_NOT_FOUND", "message": "gone"}
        if path.endswith("/comments"):
            ticket.texts.append(told["content"])
            return 200, {"id": "7"}
        if self.refuses_to_close:
            return self.refuses_to_close
        ticket.state = "closed" if told["status"] == "Closed" else ticket.state
        return 200, {"id": ref, "ticketNumber": "101"}


@contextmanager
def vendor(made: Vendor) -> Iterator[Vendor]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.requests.append((self.command, self.path))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if made.troubles:
                status, said, more = made.troubles.pop(0)
                self._reply(status, said, more)
                return
            status, said = made.respond(self.command, self.path, headers, body)
            if made.is_silent:
                made.is_silent = False
                made.over.wait(20)
                return
            self._reply(status, said, {})

        do_GET = do_POST = do_PUT = do_PATCH = handle_any  # noqa: N815  (the library's names)

        def _reply(self, status: int, said: Any, headers: Mapping[str, str]) -> None:
            content = said.encode() if isinstance(said, str) else b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), "Connection": "close", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        server.server_close()
