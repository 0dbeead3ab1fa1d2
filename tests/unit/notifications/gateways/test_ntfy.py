"""Messages to a topic of ntfy."""

import json
from collections.abc import Iterator

import pytest

from config.lib.errors import InvalidValue, Permanent, Transient
from notifications.gateways.kind import GatewayRefused, Unsure
from notifications.gateways.ntfy import KIND
from tests.servers.gateways import provider
from tests.unit.notifications.gateways.conftest import MESSAGE, Trial

TOKEN = "tk_" + "a" * 29


@pytest.fixture
def ntfy(inside: None) -> Iterator[Trial]:
    with provider() as server:
        values = {"url": server.url, "topic": "certs", "token": TOKEN}
        server.answer_with(200, json.dumps({"id": "x1", "event": "message"}))
        yield Trial("ntfy", values, lambda _request: [], provider=server)


def test_a_message_is_pushed(ntfy: Trial) -> None:
    assert ntfy.send() == "200 message x1"
    (request,) = ntfy.provider.requests
    told = json.loads(request.body)
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert (told["topic"], told["title"], told["priority"]) == ("certs", MESSAGE.subject, 4)
    assert told["message"].startswith(MESSAGE.body)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, GatewayRefused), (403, GatewayRefused), (404, GatewayRefused), (413, Permanent)]
)
def test_what_it_refuses(ntfy: Trial, status: int, kind: type[Exception]) -> None:
    ntfy.provider.answer_with(status, json.dumps({"code": 40101, "error": "unauthorized"}))
    with pytest.raises(kind):
        ntfy.send()


def test_it_is_busy_or_says_nothing(ntfy: Trial) -> None:
    ntfy.provider.answer_with(429, json.dumps({"error": "limit reached"}), Retry_After="60")
    with pytest.raises(Transient):
        ntfy.send()
    ntfy.provider.answer_with(200, "<html>a proxy</html>")
    with pytest.raises(Permanent):
        ntfy.send()
    ntfy.provider.manner = "silent"
    with pytest.raises(Unsure):
        ntfy.send(seconds=1)


@pytest.mark.parametrize("values", [{"url": "https://ntfy.sh", "topic": "a b"}, {"url": "ntfy.sh", "topic": "a"}])
def test_values_that_cannot_work(values: dict[str, str]) -> None:
    with pytest.raises(InvalidValue):
        KIND.check(values)
