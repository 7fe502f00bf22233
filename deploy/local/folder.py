"""The folder in which the local cloud keeps what outlives its process.

``state`` is one snapshot: a line that says what it is, a line of JSON about it, and a pickle. It is replaced as a
whole, so that there is always one that is whole. ``objects`` has the contents of S3's objects beside it. Nothing here is
ever deleted because it cannot be read: whoever wants to begin anew takes another folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shared.core.errors import GasError
from shared.core.file_lock import FileLock

FORMAT = 1
"""Of the state. To be raised when this code could not go on with what it wrote before."""
_MAGIC = b"state of a GAS local cloud\n"
_LONGEST_HEAD = 4096


class FolderRefused(GasError):
    """Nothing can be done with this folder as it is."""


@dataclass(frozen=True)
class Head:
    """What is said about a pickle before it."""

    format: int
    moto: str
    """Its version: most of what is pickled are its objects."""
    port: int
    """The local cloud's. Signed messages name it: it cannot change."""
    size: int
    digest: str
    """SHA-256 of the pickle, hexadecimal."""


class Folder:
    """Belongs to one process at a time. Raises `Conflict` when another one has it for longer than ``patience`` seconds:
    the last snapshot of a process that was killed may be under way. Raises `FolderRefused` when it cannot be used."""

    def __init__(self, path: Path, port: int, *, patience: float = 5.0) -> None:
        self.path = path
        self.objects = path / "objects"
        self._port = port
        try:
            self.objects.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)  # passwords' hashes and secrets are in it
            self.lock = FileLock(
                path / "lock", f"{path} is in use by another local cloud: end that one first.", patience=patience
            )
        except OSError as error:
            raise FolderRefused(f"{path} cannot be used: {error.strerror}.") from None

    def read(self) -> bytes | None:
        """The pickle; None where there is none yet. Raises `FolderRefused`."""
        path = self.path / "state"
        try:
            with path.open("rb") as file:
                if file.read(len(_MAGIC)) != _MAGIC:
                    raise self.refused("is not the state of a local cloud, or its beginning is damaged")
                head = self._head(file.readline(_LONGEST_HEAD))
                pickled = file.read()
        except FileNotFoundError:
            if any(self.objects.iterdir()):
                raise self.refused("is missing, and there are objects that it should know of") from None
            return None
        except OSError as error:
            raise FolderRefused(f"{path} cannot be read: {error.strerror}.") from None
        if len(pickled) != head.size or hashlib.sha256(pickled).hexdigest() != head.digest:
            raise self.refused("is damaged: it is not what was written")
        return pickled

    def write(self, pickled: bytes) -> None:
        """From now on this is the state, whatever happens. Raises `OSError`, and then the one before stays."""
        digest = hashlib.sha256(pickled).hexdigest()
        head = Head(FORMAT, version("moto"), self._port, len(pickled), digest)
        new = self.path / "state.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(_MAGIC + json.dumps(vars(head)).encode() + b"\n")
            file.write(pickled)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / "state")
        _sync(self.path)

    def refused(self, what: str) -> FolderRefused:
        """``what`` is wrong with the state, and what to do about it."""
        return FolderRefused(
            f"{self.path / 'state'} {what}. Nothing was changed. Put a copy of {self.path} in its place, or move it "
            "away to begin anew."
        )

    def _head(self, line: bytes) -> Head:
        try:
            given: dict[str, Any] = json.loads(line)
            found = given["format"]
            if found > FORMAT:
                raise self.refused("was written by a newer GAS; use that one")
            head = Head(**given)
        except (ValueError, TypeError, KeyError):
            raise self.refused("is damaged: its beginning cannot be read") from None
        if head.format < FORMAT or head.moto != version("moto"):
            raise self.refused(f"was written by an older GAS (format {head.format}, moto {head.moto}); use that one")
        if head.port != self._port:
            raise FolderRefused(
                f"The local cloud in {self.path} has port {head.port}, which its signed messages name, and not "
                f"{self._port}: set GAS_LOCAL_CLOUD_PORT={head.port}, or begin anew with another GAS_LOCAL_DATA_DIR."
            )
        return head


def _sync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    with contextlib.suppress(OSError):  # not every file system can
        os.fsync(opened)
    os.close(opened)
