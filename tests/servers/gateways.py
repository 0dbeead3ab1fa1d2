"""Where messages arrive: an HTTP server with the manners of a provider, keeping what it was sent."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from tests.servers.listener import listening, read_request

type Manner = Literal["answer", "silent", "refuse"]


@dataclass(frozen=True)
class Received:
    """One request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Provider:
    """`answer_with` says what comes back; `manner` silent: the request is read and nothing comes."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.manner: Manner = "answer"
        self.port = 0
        self._answer = b""
        self._over = threading.Event()
        self.answer_with(200, "ok")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer_with(self, status: int, body: str, **headers: str) -> None:
        told = {"Content-Length": str(len(body.encode())), "Connection": "close"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self._answer = f"HTTP/1.1 {status} Said\r\n{lines}\r\n{body}".encode()

    def serve(self, connection: socket.socket) -> None:
        if self.manner == "refuse":
            return
        self.requests.append(_read(connection))
        if self.manner == "silent":
            self._over.wait(20)
            return
        connection.sendall(self._answer)

    def end(self) -> None:
        self._over.set()


def _read(connection: socket.socket) -> Received:
    head, _, body = read_request(connection).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Received(method, target, headers, body)


@contextmanager
def provider() -> Iterator[Provider]:
    """Listening on loopback until the end."""
    made = Provider()
    with listening(made.serve) as listener:
        made.port = listener.port
        try:
            yield made
        finally:
            made.end()
