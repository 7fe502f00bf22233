"""The folder of each running job, in the folder of them all: private, and gone when its job is over, or its server dead."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from shared.core.errors import Retryable

log = structlog.get_logger()

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def job_folder(work_dir: Path, job_id: str) -> Iterator[Path]:
    """A new folder in ``work_dir``, removed at the end. Raises `Retryable` when the disk is full, also while it is used.

    It is locked as long as it is used: the kernel takes the lock from a process that dies, and `clear` sees that.
    """
    try:
        with contextlib.ExitStack() as stack:
            with _locked(work_dir, fcntl.LOCK_SH):  # `clear` must not come between making it and locking it
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{job_id}-", dir=work_dir))
                stack.enter_context(_locked(Path(folder), fcntl.LOCK_EX))
            yield Path(folder)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise Retryable(f"There is no space left in {work_dir} for the files of a job: {error.strerror}.") from error


def clear(work_dir: Path) -> None:
    """Removes what jobs left behind whose server was killed. Other servers on this machine are not disturbed.

    Raises nothing: a server starts also where it cannot be done, and each job will say what is wrong.
    """
    try:
        with _locked(work_dir, fcntl.LOCK_EX):
            for folder in work_dir.iterdir():
                _clear(folder)
    except OSError as error:
        log.warning("folder of running jobs not cleared", folder=str(work_dir), error=str(error))


def _clear(folder: Path) -> None:
    try:
        with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(folder)
    except OSError as error:  # in use, mostly; or it is no folder, and none of ours
        log.debug("not cleared", folder=folder.name, error=str(error))
    else:
        log.info("cleared after a job that was cut short", folder=folder.name)


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Makes the folder where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
