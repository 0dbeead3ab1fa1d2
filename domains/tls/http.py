"""Just enough HTTP/1.1 to see whether a site answers: one request, the head of one answer."""

import re

HEAD_BYTES = 64 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: |\r|\n)")


class NotHttp(Exception):
    """What came is no HTTP answer, or its head is larger than HEAD_BYTES."""


def request(host: str, port: int, scheme: str, agent: str) -> bytes:
    """A GET of the front page that asks for no compression and for the connection to end."""
    usual = {"https": 443, "http": 80}[scheme]
    authority = host if port == usual else f"{host}:{port}"
    head = (
        "GET / HTTP/1.1",
        f"Host: {authority}",
        f"User-Agent: {agent}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    return ("\r\n".join(head) + "\r\n\r\n").encode("ascii", "replace")


class Head:
    """Collects the head of an answer; the body is never kept."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> int | None:
        """The status once the head is complete, else None. Raises NotHttp."""
        self._bytes += data
        while True:
            if not self._may_be_http():
                raise NotHttp
            end = self._bytes.find(b"\r\n\r\n")
            if end < 0:
                if len(self._bytes) > HEAD_BYTES:
                    raise NotHttp
                return None
            status = int(self._status().group(1))
            if status >= 200 or status == 101:
                return status
            # An interim answer (100, 103): the real one follows.
            del self._bytes[: end + 4]

    def _status(self) -> re.Match[bytes]:
        found = _STATUS.match(self._bytes)
        if not found:
            raise NotHttp
        return found

    def _may_be_http(self) -> bool:
        start = bytes(self._bytes[:7])
        return b"HTTP/1.".startswith(start) or start == b"HTTP/1."
