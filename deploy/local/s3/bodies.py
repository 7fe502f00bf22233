"""The contents of S3's objects as files, each written once.

A snapshot names them. So they are there before it, and a file that no object has any more goes after the next one.
"""

from __future__ import annotations

import uuid
import weakref
from collections import deque
from pathlib import Path
from typing import Any, ClassVar

from moto.s3 import models
from moto.s3.models import FakeKey, FakeMultipart
from moto.utilities.utils import md5_hash


class BodyLost(Exception):
    """A file that was kept before is not there, or not whole. ``str(error)`` is its path."""


class Body:
    """One file. It goes when nothing has this any more."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size

    def __deepcopy__(self, memo: dict[int, Any]) -> Body:
        """Itself: what is copied has the same content."""
        return self


class Bodies:
    """A folder of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: weakref.WeakSet[Body] = weakref.WeakSet()
        self._dropped: list[Path] = []

    def keep(self, content: bytes) -> Body:
        """Written down. The system may take its time to bring it to the disk: a power cut is noticed by `found`."""
        body = self._body(uuid.uuid4().hex, len(content))
        body.path.write_bytes(content)
        return body

    def found(self, name: str, size: int) -> Body:
        """One that was kept before. Raises `BodyLost`."""
        path = self._folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise BodyLost(path)
        return self._body(name, size)

    def take_dropped(self) -> list[Path]:
        """Files that no object has any more. They go when a snapshot is there that was begun after this."""
        dropped = list(self._dropped)
        del self._dropped[: len(dropped)]
        return dropped

    def give_back(self, dropped: list[Path]) -> None:
        """There was no such snapshot after all."""
        self._dropped[:0] = dropped

    def tidy(self) -> None:
        """Removes files that nothing knows of: those of a last moment that was lost. After a load alone."""
        known = {body.path for body in self._known}
        for path in self._folder.iterdir():
            if path not in known:
                path.unlink()

    def _body(self, name: str, size: int) -> Body:
        body = Body(self._folder / name, size)
        self._known.add(body)
        # `append` needs no lock, and may have none: this runs whenever the last reference goes, in any thread
        weakref.finalize(body, self._dropped.append, body.path).atexit = False
        return body


class LocalKey(FakeKey):
    """moto's object, with its content in a file instead of in memory."""

    bodies: ClassVar[Bodies]
    """Set once, by `install`."""
    _body: Body | None = None

    @property
    def value(self) -> bytes:
        if self._body is None:
            raise ValueError("The object was deleted.")
        return self._body.path.read_bytes()

    @value.setter
    def value(self, content: bytes) -> None:
        self._body = self.bodies.keep(content)
        self.contentsize = len(content)

    @property
    def etag(self) -> str:
        if self._etag is None:
            self._etag = md5_hash(self.value).hexdigest()
        return f'"{self._etag}"'

    def dispose(self, garbage: bool = False) -> None:  # noqa: ARG002 - moto's signature
        self._body = None
        multipart = getattr(self, "multipart", None)  # not there yet, where an object could not be made
        if multipart:
            multipart.dispose()
        self.disposed = True

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in {"_value_buffer", "lock"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


def install(bodies: Bodies) -> None:
    """From now on objects have their contents there."""
    LocalKey.bodies = bodies
    setattr(models, "FakeKey", LocalKey)  # noqa: B010 - mypy: a class there, and replaced for good
    for model in (LocalKey, FakeMultipart):  # moto remembers each that ever was, for a page that is not served here
        model.instances_tracked = deque(maxlen=0)  # type: ignore[union-attr]  # set by its metaclass
