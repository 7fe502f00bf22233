"""Downloads large files: resumed where they broke off, checked against what their publisher says of them."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError

from annotator_hook.packs.recipes import ChecksumKind
from shared.core.errors import NotFound, Permanent

PIECE: Final = 1 << 20
_TRIES: Final = 6
"""Failures in a row, without a byte between them, after which a download is given up."""
_LONGEST_WAIT: Final = 60.0
_TIMEOUT: Final = (15.0, 60.0)
"""Seconds to connect, and between two pieces."""
_TEXT_BYTES: Final = 4 << 20
_BSD_BLOCK: Final = 1024
_PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})

OnBytes = Callable[[int], None]
"""Is told how many more bytes have come."""


class FileChanged(Permanent):
    """The file is another one than when its download began."""


class Digest(Protocol):
    """Reads along and knows in the end whether the bytes were the right ones."""

    def update(self, piece: bytes) -> None: ...

    def check(self, size: int) -> str | None:
        """What is wrong, as a sentence's end; None when nothing is."""


@dataclass(frozen=True)
class Remote:
    """A file at its publisher's."""

    url: str
    size: int | None
    validator: str
    """ETag or date, for If-Range; empty when the server gives neither."""
    google_md5: str = ""

    @property
    def name(self) -> str:
        return Path(urlsplit(self.url).path).name


class Fetcher:
    """Asks web servers, patiently."""

    def __init__(self, mirror: str = "", *, sleep: Callable[[float], None] = time.sleep) -> None:
        """``mirror``: takes the place of every address's scheme and host."""
        self._mirror = mirror.rstrip("/")
        self._sleep = sleep
        self._session = requests.Session()
        self._session.headers.update({"Accept-Encoding": "identity", "User-Agent": "gas-packs"})

    def close(self) -> None:
        """Closes its connections."""
        self._session.close()

    def look(self, url: str) -> Remote:
        """What the server says of a file. Raises `NotFound`, or `Permanent` when it does not answer."""
        with closing(self._ask("HEAD", url, {})) as answer:
            length = answer.headers.get("Content-Length")
            etag = answer.headers.get("ETag", "")
            strong = "" if etag.startswith("W/") else etag
            return Remote(
                url=url,
                size=int(length) if length and length.isdecimal() else None,
                validator=strong or answer.headers.get("Last-Modified", ""),
                google_md5=_google_md5(answer.headers.get("x-goog-hash", "")),
            )

    def text(self, url: str) -> str:
        """A small file."""
        return self._start_of(url, _TEXT_BYTES, {}).decode("utf-8", "replace")

    def head(self, url: str, size: int) -> bytes:
        """The first bytes of a file."""
        return self._start_of(url, size, {"Range": f"bytes=0-{size - 1}"})

    def _start_of(self, url: str, size: int, headers: dict[str, str]) -> bytes:
        failures = 0
        while True:
            try:
                with closing(self._ask("GET", url, headers)) as answer:
                    found = bytearray()
                    for piece in answer.raw.stream(PIECE, decode_content=False):
                        found += piece
                        if len(found) >= size:
                            break
                    return bytes(found[:size])
            except HTTPError as error:
                failures = self._failed(failures, url, str(error))

    def pieces(self, remote: Remote, start: int = 0) -> Iterator[bytes]:
        """The file from ``start`` on. A connection that breaks is made anew, from where it broke.

        Raises `FileChanged`, and `Permanent` when the server fails again and again.
        """
        at, failures = start, 0
        while remote.size is None or at < remote.size:
            headers = {"Range": f"bytes={at}-"} if at else {}
            if at and remote.validator:
                headers["If-Range"] = remote.validator
            why = "the connection was closed early"
            try:
                with closing(self._ask("GET", remote.url, headers)) as answer:
                    if at and answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                        raise FileChanged(f"{remote.url} is not what it was when the download began.")
                    for piece in answer.raw.stream(PIECE, decode_content=False):
                        at, failures = at + len(piece), 0
                        yield piece
                if remote.size is None:
                    return
            except HTTPError as error:
                why = str(error)
            if at < (remote.size or at + 1):
                failures = self._failed(failures, remote.url, why)

    def checksum(self, remote: Remote, kind: ChecksumKind) -> Digest:
        """What the file's publisher says that it should be. Raises `Permanent` when that is nowhere to be found."""
        if kind == "google":
            return _Md5(remote.google_md5)
        if kind == "md5":
            return _Md5((self.text(f"{remote.url}.md5").split() or [""])[0])
        beside = remote.url.rpartition("/")[0] + "/CHECKSUMS"
        for line in self.text(beside).splitlines():
            fields = line.split()
            if fields and fields[-1].rpartition("/")[2] == remote.name:
                return _Sum(int(fields[0]), int(fields[1]), remote.size)
        raise Permanent(f"{beside} says nothing of {remote.name}.")

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> requests.Response:
        failures = 0
        while True:
            try:
                answer = self._session.request(
                    method, self._mirrored(url), headers=headers, stream=True, timeout=_TIMEOUT, allow_redirects=True
                )
            except requests.RequestException as error:
                failures = self._failed(failures, url, str(error))
                continue
            if answer.ok:
                return answer
            answer.close()
            if answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                raise NotFound(f"{self._mirrored(url)} does not exist ({answer.status_code} {answer.reason}).")
            if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise FileChanged(f"{url} is not what it was when the download began.")
            if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status_code not in _PASSING:
                raise Permanent(f"{self._mirrored(url)} is refused ({answer.status_code} {answer.reason}).")
            failures = self._failed(failures, url, f"{answer.status_code} {answer.reason}")

    def _failed(self, failures: int, url: str, why: str) -> int:
        """Waits before the next try. Raises `Permanent` when there have been enough."""
        if failures + 1 >= _TRIES:
            raise Permanent(
                f"{self._mirrored(url)} could not be read, {_TRIES} times in a row ({why}). What was downloaded is "
                f"kept: start again later."
            )
        self._sleep(min(_LONGEST_WAIT, 2.0**failures))
        return failures + 1

    def _mirrored(self, url: str) -> str:
        if not self._mirror:
            return url
        parts = urlsplit(url)
        return self._mirror + urlunsplit(("", "", parts.path, parts.query, ""))


def download(fetcher: Fetcher, remote: Remote, kind: ChecksumKind, folder: Path, on_bytes: OnBytes) -> Path:
    """A file of that name in the folder, checked; what is there of it already is not downloaded again.

    Raises `NotFound`, and `Permanent` when it cannot be had or is not what its publisher says.
    """
    path, part, note = folder / remote.name, folder / f"{remote.name}.part", folder / f"{remote.name}.json"
    if path.exists():
        wrong = _verify(path, fetcher.checksum(remote, kind))
        if wrong is None:
            on_bytes(path.stat().st_size)
            return path
        path.unlink()  # its publisher has a newer one
    while True:
        resumed = _resume(remote, part, note)
        on_bytes(resumed)
        try:
            with part.open("ab") as file:
                for piece in fetcher.pieces(remote, resumed):
                    file.write(piece)
                    on_bytes(len(piece))
        except FileChanged:
            on_bytes(-part.stat().st_size)
            part.unlink()
            remote = fetcher.look(remote.url)
            continue
        wrong = _verify(part, fetcher.checksum(remote, kind))
        if wrong is None:
            part.replace(path)
            note.unlink()
            return path
        on_bytes(-part.stat().st_size)
        part.unlink()
        if not resumed:  # a file that was put together from two tries gets one more, in one go
            raise Permanent(f"{remote.url} is damaged or was replaced while it was read: {wrong}. It was thrown away.")


def _resume(remote: Remote, part: Path, note: Path) -> int:
    """How much of this very file is there already."""
    now = {"url": remote.url, "size": remote.size, "validator": remote.validator}
    try:
        same = bool(remote.validator) and json.loads(note.read_text(encoding="utf-8")) == now
    except (OSError, ValueError):
        same = False
    if same and part.exists() and part.stat().st_size <= (remote.size or 0):
        return part.stat().st_size
    part.unlink(missing_ok=True)
    note.write_text(json.dumps(now), encoding="utf-8")
    return 0


def _verify(path: Path, digest: Digest) -> str | None:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.check(path.stat().st_size)


def _google_md5(header: str) -> str:
    for item in header.split(","):
        kind, _, value = item.strip().partition("=")
        if kind == "md5":
            return base64.b64decode(value).hex()
    return ""


class _Md5:
    def __init__(self, expected: str) -> None:
        """An empty ``expected``: the server says nothing, so nothing can be wrong."""
        self._expected = expected.lower()
        self._digest = hashlib.md5(usedforsecurity=False)

    def update(self, piece: bytes) -> None:
        self._digest.update(piece)

    def check(self, size: int) -> str | None:  # noqa: ARG002 - MD5 says enough
        found = self._digest.hexdigest()
        return f"its MD5 is {found} instead of {self._expected}" if self._expected not in ("", found) else None


class _Sum:
    """The checksum of the Unix command `sum`, computed by that command: its loop over bytes is not one for Python.

    ``sum`` has two algorithms; the number of blocks tells which one was used (1,024 bytes: BSD's; 512: System V's).
    """

    def __init__(self, expected: int, blocks: int, size: int | None) -> None:
        bsd = size is None or blocks == -(-size // _BSD_BLOCK)
        self._expected = expected
        self._blocks = blocks
        self._block = _BSD_BLOCK if bsd else _BSD_BLOCK // 2
        self._process = subprocess.Popen(
            ["sum", "-r" if bsd else "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def __del__(self) -> None:
        if self._process.poll() is None:  # nobody asked for the result
            self._process.kill()
            self._process.communicate()

    def update(self, piece: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(piece)

    def check(self, size: int) -> str | None:
        out, _ = self._process.communicate()
        found, blocks = int(out.split()[0]), -(-size // self._block)
        if (found, blocks) == (self._expected, self._blocks):
            return None
        return f"its sum is {found} over {blocks:,} blocks instead of {self._expected} over {self._blocks:,}"
