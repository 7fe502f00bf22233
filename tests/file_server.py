"""A web server with files, as the big ones are: ranges, ETags, and bad days that tests can order."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Broken:
    """The connection is closed after so many bytes of the body."""

    after: int


@dataclass(frozen=True)
class Failing:
    """The answer is an error."""

    status: int


@dataclass
class Site:
    """What the server has, what goes wrong next, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    trouble: dict[str, list[Broken | Failing]] = field(default_factory=lambda: defaultdict(list))
    """By path: one a GET, in order."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path, Range."""
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """By path: bytes of bodies."""

    def gets(self, path: str) -> list[str]:
        """The Range of each GET of a path."""
        return [wanted for method, asked, wanted in self.asked if (method, asked) == ("GET", path)]


@contextmanager
def serving() -> Iterator[Site]:
    """A server on a free port of 127.0.0.1."""
    site = Site()

    class Handler(_Handler):
        pass

    Handler.site = site
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass

    def _answer(self, *, body: bool) -> None:
        wanted = self.headers.get("Range", "")
        self.site.asked.append((self.command, self.path, wanted))
        trouble = self.site.trouble[self.path].pop(0) if body and self.site.trouble[self.path] else None
        data = self.site.files.get(self.path)
        if isinstance(trouble, Failing) or data is None:
            self._head(trouble.status if isinstance(trouble, Failing) else 404, 0, {})
            return
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        headers = {"ETag": etag, "Accept-Ranges": "bytes", "x-goog-hash": "crc32c=AAAAAA=="}
        part, status = data, 200
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        if span and self.headers.get("If-Range", etag) == etag:
            first, last = int(span[1]), int(span[2] or len(data) - 1)
            if first >= len(data):
                self._head(416, 0, {})
                return
            part, status = data[first : last + 1], 206
            headers["Content-Range"] = f"bytes {first}-{first + len(part) - 1}/{len(data)}"
        self._head(status, len(part), headers)
        if not body:
            return
        if isinstance(trouble, Broken):
            part = part[: trouble.after]
            self.close_connection = True
        self.wfile.write(part)
        self.site.sent[self.path] += len(part)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(length)}).items():
            self.send_header(name, value)
        self.end_headers()
