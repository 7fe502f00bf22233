"""Snapshots of the local cloud: soon after every change, and at the end.

The process forks while nothing changes; its child has that moment for itself, writes it down and ends. So requests wait
for the fork alone, however much there is to be written.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
import traceback
from typing import NoReturn

from deploy.local.folder import Folder
from deploy.local.gate import Gate
from deploy.local.s3.bodies import Bodies, BodyLost
from deploy.local.state import State
from shared.core.errors import GasError

log = logging.getLogger(__name__)

SECONDS_BETWEEN = 1.0
"""From one snapshot to the next, at the least. What a kill may lose is this and the time that writing takes."""
_NICENESS = 5
"""Of the child: requests go before it, but not for long."""


class Snapshots:
    """Of ``state``, into ``folder``."""

    def __init__(self, folder: Folder, state: State, gate: Gate, bodies: Bodies) -> None:
        self._folder = folder
        self._state = state
        self._gate = gate
        self._bodies = bodies
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
        """Takes the last one and ends the process, so that nothing changes afterwards."""
        with self._alone, self._gate.still():
            try:
                self._write()
            except GasError as error:
                log.error("%s", error)  # noqa: TRY400 - it is a sentence
            os._exit(0)

    def _loop(self) -> None:
        while True:
            time.sleep(SECONDS_BETWEEN)
            with self._alone:
                if self._gate.changes != self._saved:
                    self._save()

    def _save(self) -> None:
        with self._gate.still():
            changes = self._gate.changes
            dropped = self._bodies.take_dropped()
            child = os.fork()
            if child == 0:
                self._write_and_end()
        _, status = os.waitpid(child, 0)
        if status != 0:
            log.warning("A snapshot was not written; the one before is still there. The next attempt is in a moment.")
            self._bodies.give_back(dropped)
            return
        self._saved = changes
        for path in dropped:
            path.unlink(missing_ok=True)

    def _write_and_end(self) -> None:
        """In the child, where no other thread is left; no lock may be taken that one of them might have held."""
        try:
            gc.disable()
            lock = self._folder.lock.fileno()
            os.closerange(3, lock)  # the port and the connections are the parent's
            os.closerange(lock + 1, 1 << 16)
            os.nice(_NICENESS)
            self._write()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - nothing may go on in the child
            os.write(2, traceback.format_exc().encode())
            os._exit(1)

    def _write(self) -> None:
        try:
            self._folder.write(self._state.dump())
        except OSError as error:
            raise GasError(f"{self._folder.path} cannot be written to: {error.strerror}.") from None
