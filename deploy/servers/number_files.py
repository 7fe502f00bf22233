"""Files of numbers for prometheus_client's multiprocess mode that survive a full disk and do not pile up.

prometheus_client maps sparse files into memory: on a full file system the first write to a page that has no room yet
ends the process with SIGBUS. Here room is reserved before it is written to. Where there is none, the numbers stay in
the process's memory, and are in the file as soon as there is.

Imports prometheus_client: to be imported when its mode is decided.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

log = logging.getLogger(__name__)

_FIRST_SIZE = 1 << 16
_LONGEST_FRAME = 36
"""Bytes that a number takes in a file beside its key, at the most."""
_ADDITIVE = ("counter", "histogram")
"""Kinds whose numbers outlive their process. Those of gauges go with it."""


class ReservedFile(MmapedDict):
    """A file with room for all that is written to it. Raises `OSError` when there is none."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            _reserve(path)
        super().__init__(str(path))  # type: ignore[no-untyped-call]  # it has no types

    def _init_value(self, key: str) -> None:
        needed, capacity = self._used + len(key.encode()) + _LONGEST_FRAME, self._capacity
        while capacity < needed:
            capacity *= 2
        if capacity > self._capacity:
            os.posix_fallocate(self._f.fileno(), 0, capacity)
        super()._init_value(key)  # type: ignore[no-untyped-call]  # it has no types


class NumberFile:
    """Takes the place of `MmapedDict` where each value is in memory, too. Raises nothing; warns once a process."""

    _has_warned = False

    def __init__(self, filename: str) -> None:
        self._path = Path(filename)
        self._file: ReservedFile | None = None

    def read_value(self, key: str) -> tuple[float, float]:
        """The value and its time; zeroes where there is none."""
        try:
            value, timestamp = self._open().read_value(key)  # type: ignore[no-untyped-call]  # it has no types
        except OSError as error:
            self._warn(error)
            return 0.0, 0.0
        return float(value), float(timestamp)

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """All of the value, not by how much it grew: what could not be written before is made up for."""
        try:
            self._open().write_value(key, value, timestamp)  # type: ignore[no-untyped-call]  # it has no types
        except OSError as error:
            self._warn(error)

    def close(self) -> None:
        """Harmless when it was never opened."""
        if self._file is not None:
            self._file.close()  # type: ignore[no-untyped-call]  # it has no types

    def _open(self) -> ReservedFile:
        if self._file is None:
            self._file = ReservedFile(self._path)
        return self._file

    def _warn(self, error: OSError) -> None:
        if not NumberFile._has_warned:
            NumberFile._has_warned = True
            log.warning(
                "Some metrics of this process are not served while %s cannot be written to: %s. Make room there.",
                self._path.parent,
                error.strerror,
            )


def _reserve(path: Path) -> None:
    """The file is there with its room, or not at all: the master cannot read an empty one."""
    new = path.with_suffix(".reserved")
    try:
        with new.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _FIRST_SIZE)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def fold(folder: Path, pid: int) -> None:
    """What this process counted, which has ended, is added to what others before it did, and its files go.

    To be called while nobody reads. Raises `OSError` when there is no room, and then everything stays as it is.
    """
    for kind in _ADDITIVE:
        left, ended, new = folder / f"{kind}_{pid}.db", folder / f"{kind}_ended.db", folder / f"{kind}_ended.new"
        if not left.exists():
            continue
        totals: defaultdict[str, float] = defaultdict(float)
        for path in (left, ended):
            if path.exists():
                for key, value, _, _ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]  # it has no types
                    totals[key] += value
        new.unlink(missing_ok=True)
        with closing(ReservedFile(new)) as file:
            for key, value in totals.items():
                file.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]  # it has no types
        new.replace(ended)
        left.unlink()
