"""A folder of things that were made from objects in S3, bounded in size; what was used longest ago goes first.

Safe with several threads and processes: an entry is made by one at a time (a lock file an entry), beside the folder's
entries, and put into its place by one rename. Whoever has an entry's files open when it is removed keeps them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

log = structlog.get_logger()

ABANDONED_SECONDS = 3600.0
"""What a process that died was making is cleared away when it is older than this."""


class FolderCache:
    """``root`` is made when the first entry is."""

    def __init__(self, root: Path, max_bytes: int) -> None:
        self._entries = root / "entries"
        self._making = root / "making"
        self._locks = root / "locks"
        self._max_bytes = max_bytes

    def get(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder of the entry, made by ``make`` in an empty folder if it is not there. What ``make`` raises is
        raised, and nothing is kept."""
        entry = self._entries / name
        if not self._touch(entry):
            for folder in (self._entries, self._making, self._locks):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._only_one(name):
                if not self._touch(entry):
                    self._make(entry, make)
            self._evict(keep=name)
        return entry

    def has(self, name: str) -> bool:
        """Whether the entry is there now."""
        return (self._entries / name).exists()

    def forget(self, name: str) -> None:
        """Removes the entry. Harmless where there is none."""
        if (self._entries / name).exists():
            self._remove(self._entries / name)

    def _make(self, entry: Path, make: Callable[[Path], None]) -> None:
        folder = Path(tempfile.mkdtemp(prefix=f"{entry.name}-", dir=self._making))
        try:
            make(folder)
            folder.rename(entry)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _touch(entry: Path) -> bool:
        """Notes that the entry was used; False where there is none."""
        try:
            os.utime(entry)
        except FileNotFoundError:
            return False
        return True

    @contextlib.contextmanager
    def _only_one(self, name: str) -> Iterator[None]:
        # the lock belongs to this open file: it also holds back other threads, and ends with the process
        with (self._locks / name).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _evict(self, keep: str) -> None:
        found = []
        for entry in self._entries.iterdir():
            with contextlib.suppress(FileNotFoundError):  # removed by somebody else meanwhile
                found.append((entry.stat().st_mtime, entry, _size(entry)))
        total = sum(size for _, _, size in found)
        for _, entry, size in sorted(found):
            if total <= self._max_bytes:
                break
            if entry.name != keep:
                self._remove(entry)
                total -= size
        for folder in self._making.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)

    def _remove(self, entry: Path) -> None:
        """First out of sight in one step, so that nobody opens half an entry."""
        away = Path(tempfile.mkdtemp(dir=self._making))
        with contextlib.suppress(FileNotFoundError):
            entry.rename(away / entry.name)
        shutil.rmtree(away, ignore_errors=True)
        log.info("results no longer kept here", entry=entry.name)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
