"""The portal's REST API as a script uses it."""

from collections.abc import Callable
from typing import Any

import httpx

from tests.servers.ports import NotReadyError, wait_until

type Json = dict[str, Any]


class RefusedError(Exception):
    """The portal answered with a problem; the message is what it told the user."""

    def __init__(self, what: str, status: int, body: Json) -> None:
        self.status = status
        self.code = str(body.get("code", ""))
        fields = "".join(f"\n  {name}: {text}" for name, text in (body.get("fields") or {}).items())
        title = str(body.get("title", "")).rstrip(".")
        super().__init__(f"{what}: {status} {title}. {body.get('detail', '')} {body.get('fix', '')}{fields}")


class Client:
    """One token's view of `/api/`. Blocks; follows no redirects; trusts no proxy of the environment."""

    def __init__(self, url: str, token: str) -> None:
        self.token = token
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        """One request, whatever the answer; `path` is below /api or a URL that the portal gave."""
        full = path if path.startswith(("/api/", "http")) else f"/api{path}"
        return self._http.request(method, full, json=body)

    def send(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        """One request; a refusal is raised."""
        answer = self.ask(method, path, body)
        if answer.is_error:
            is_json = "json" in answer.headers.get("content-type", "")
            problem = answer.json() if is_json else {"title": answer.reason_phrase}
            raise RefusedError(f"{method} {path}", answer.status_code, problem)
        return answer

    def get(self, path: str) -> Json:
        return dict(self.send("GET", path).json())

    def post(self, path: str, body: Json | None = None) -> Json:
        """POST; a 202 is followed to the row that it names."""
        answer = self.send("POST", path, body if body is not None else {})
        found = dict(answer.json())
        if answer.status_code == httpx.codes.ACCEPTED and set(found) <= {"id", "url"}:
            return self.get(found["url"])
        return found

    def wait(self, path: str, is_done: Callable[[Json], bool], *, seconds: float = 60) -> Json:
        """Poll a row until it is done; raise NotReadyError with its last state."""
        last: Json = {}

        def done() -> bool:
            nonlocal last
            last = self.get(path)
            return is_done(last)

        try:
            wait_until(done, seconds=seconds, what=f"GET {path}", every=0.2)
        except NotReadyError as error:
            raise NotReadyError(f"{error}; its state is {last.get('state')}, its error {last.get('error')}") from error
        return last
