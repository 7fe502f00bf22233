"""A file that one process has to itself until it ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

from shared.core.errors import Conflict


class FileLock:
    """Taken when it is made. Raises `Conflict` with ``sentence`` when another process has it for longer than ``patience``
    seconds, and `OSError`."""

    def __init__(self, path: Path, sentence: str, *, patience: float = 0.0) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        give_up = time.monotonic() + patience
        while not self._taken():
            if time.monotonic() >= give_up:
                os.close(self._file)
                raise Conflict(sentence)
            time.sleep(0.05)

    def fileno(self) -> int:
        """Of the open file. Whoever has it open, such as a forked child, has the lock."""
        return self._file

    def release(self) -> None:
        """Others may have it."""
        os.close(self._file)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise
            return False
        return True
