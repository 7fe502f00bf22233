"""Snapshots of the local cloud: soon after every change, and at the end.

The process forks while nothing changes; its child has that moment for itself, writes it down and ends. So requests wait
for the fork alone, however much there is to be written. While none can be written, everything else goes on, and
``/healthz`` says so.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from deploy.local.folder import Folder
from deploy.local.gate import Gate
from deploy.local.s3.bodies import Bodies, BodyLost
from deploy.local.state import State
from shared.core.errors import GasError

log = logging.getLogger(__name__)

SECONDS_BETWEEN = 1.0
"""From one snapshot to the next, at the least. What a kill may lose is this and the time that writing takes."""
LONGEST_SECONDS = 30.0
"""What writing may take. A child that takes longer hangs, perhaps on a disk that does not answer, and is killed."""
_NICENESS = 5
"""Of the child: requests go before it, but not for long."""
_LONGEST_REASON = 1000
"""Bytes; a pipe takes them whether or not somebody reads."""
_FAILURES_TOLD = 3


@dataclass
class Persistence:
    """Whether what happens is kept: set by `Snapshots`, told by ``/healthz``."""

    failures: int = 0
    """Attempts since the last snapshot."""
    reason: str = ""
    """One sentence about the latest one."""

    @property
    def problem(self) -> str:
        """What is wrong; empty while nothing is, or while it may pass by itself."""
        return f"Nothing is kept at present. {self.reason}" if self.failures >= _FAILURES_TOLD else ""


class Snapshots:
    """Of ``state``, into ``folder``."""

    def __init__(self, folder: Folder, state: State, gate: Gate, bodies: Bodies, persistence: Persistence) -> None:
        self._folder = folder
        self._state = state
        self._gate = gate
        self._bodies = bodies
        self._persistence = persistence
        self._saved = 0
        self._alone = threading.Lock()

    def resume(self) -> None:
        """The cloud becomes what the folder says, or the folder gets its first snapshot. Raises `FolderRefused`, or
        `GasError` where nothing can be written."""
        with self._gate.still():
            pickled = self._folder.read()
            if pickled is None:
                self._write()
                return
            try:
                self._state.load(pickled)
            except BodyLost as error:
                raise self._folder.refused(f"needs {error}, which is missing or not whole") from None
            except Exception as error:  # whatever a pickle raises that is not of this code
                log.exception("the state cannot be loaded")
                raise self._folder.refused(f"cannot be loaded ({type(error).__name__}: {error})") from None
            gc.collect()  # loading leaves nothing behind that would still hold a file
            self._bodies.tidy()

    def start(self) -> None:
        """From now on there are snapshots, until the process ends."""
        threading.Thread(target=self._loop, name="snapshots", daemon=True).start()

    def finish(self) -> NoReturn:
        """Takes the last one and ends the process, so that nothing changes afterwards; with 1 when it was not written."""
        with self._alone, self._gate.still():
            status = 1
            try:
                self._write()
                status = 0
            except GasError as error:
                log.error("The last snapshot was not written. %s", error)  # noqa: TRY400 - it is a sentence
            except Exception:
                log.exception("the last snapshot was not written")
            os._exit(status)

    def take(self) -> None:
        """One snapshot, where something changed since the last. Whether it was written is in the log and in
        `Persistence`."""
        with self._alone:
            if self._gate.changes == self._saved:
                return
            try:
                self._save()
            except GasError as error:
                self._failed(str(error))
            except Exception as error:  # such as a fork that the system refuses
                log.exception("no snapshot can be taken")
                self._failed(f"{type(error).__name__}: {error}")
            else:
                if self._persistence.failures:
                    log.warning("Snapshots are written again.")
                self._persistence.failures = 0

    def _loop(self) -> None:
        while True:
            time.sleep(SECONDS_BETWEEN)
            self.take()

    def _failed(self, reason: str) -> None:
        """Said once, and not at each attempt: one a second may fail for days."""
        if not self._persistence.failures or reason != self._persistence.reason:
            log.error("A snapshot was not written; the one before is still there. %s", reason)
        self._persistence.reason = reason
        self._persistence.failures += 1

    def _save(self) -> None:
        """Raises `GasError` when it was not written."""
        dropped: list[Path] = []
        try:
            with self._gate.still():
                changes = self._gate.changes
                dropped = self._bodies.take_dropped()
                self._state.prepare()
                child, reasons = self._fork()
            _wait(child, reasons)
        except Exception:
            self._bodies.give_back(dropped)
            raise
        self._saved = changes
        for path in dropped:
            path.unlink(missing_ok=True)

    def _fork(self) -> tuple[int, int]:
        """The child, and a pipe in which it says why it failed, if it does."""
        reasons, writer = os.pipe()
        try:
            child = os.fork()
            if child == 0:
                self._write_and_end(writer)
        except BaseException:
            os.close(reasons)
            raise
        finally:
            os.close(writer)
        return child, reasons

    def _write_and_end(self, writer: int) -> NoReturn:
        """In the child, where no other thread is left; no lock may be taken that one of them might have held."""
        try:
            gc.disable()
            os.dup2(writer, 1)
            lock = self._folder.lock.fileno()
            os.closerange(3, lock)  # the port and the connections are the parent's
            os.closerange(lock + 1, 1 << 16)
            os.nice(_NICENESS)
            self._write()
            os._exit(0)
        except GasError as error:
            os.write(1, str(error).encode()[:_LONGEST_REASON])
        except BaseException as error:  # noqa: BLE001 - nothing may go on in the child
            if not self._persistence.failures:
                os.write(2, traceback.format_exc().encode())
            os.write(1, f"{type(error).__name__}: {error}".encode()[:_LONGEST_REASON])
        finally:
            os._exit(1)

    def _write(self) -> None:
        try:
            self._folder.write(self._state.dump())
        except OSError as error:
            raise GasError(f"{self._folder.path} cannot be written to: {error.strerror}.") from None


def _wait(child: int, reasons: int) -> None:
    """Until the child has ended. Raises `GasError` with the child's reason, or when it had to be killed."""
    with os.fdopen(reasons, "rb") as pipe:
        ready, _, _ = select.select([pipe], [], [], LONGEST_SECONDS)  # its end, too, is something to be read
        if not ready:
            os.kill(child, signal.SIGKILL)
        reason = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    if not ready:
        raise GasError(f"Writing took more than {LONGEST_SECONDS:g} seconds.")
    if status != 0:
        raise GasError(reason or f"Its process ended with status {os.waitstatus_to_exitcode(status)}.")
