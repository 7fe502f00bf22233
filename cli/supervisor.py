"""Starts processes, keeps them running, and leaves none behind.

Each process leads a group of its own, so that Ctrl-C reaches the supervisor alone, which then ends the others in
order. Should the supervisor itself be killed, the kernel ends them (``PR_SET_PDEATHSIG``).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import structlog

log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Child:
    """One process that should be running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_file: Path
    process: subprocess.Popen[bytes] | None = None
    starts: list[float] = field(default_factory=list)
    """Monotonic times of the latest starts."""

    def start(self) -> None:
        """Starts the process; its output goes to the end of `log_file`."""
        self.starts = [*self.starts[-9:], time.monotonic()]
        with self.log_file.open("ab") as output:
            self.process = _spawn(self.command, self.environment, output)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def signal(self, number: int) -> None:
        """Sends a signal to the process alone (a gunicorn master tells its workers itself)."""
        if self.pid is not None:
            os.kill(self.pid, number)

    def kill_group(self) -> None:
        """Kills whatever is left of the process's group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


def _spawn(command: Sequence[str], environment: Mapping[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - the supervisor has a single thread
    )


class Supervisor:
    """Runs children until told to stop; one that dies is started again, later and later if it keeps dying."""

    MOST_STARTS = 8
    """Starts within `WINDOW_SECONDS` above which a child waits before it is started again."""
    WINDOW_SECONDS = 20.0

    def __init__(self) -> None:
        self.children: list[Child] = []

    def add(self, child: Child) -> Child:
        """Starts the child and watches it from now on."""
        self.children.append(child)
        child.start()
        return child

    def revive(self) -> None:
        """Starts again whatever has died. Call it a few times a second."""
        for child in self.children:
            if child.pid is not None:
                continue
            recent = [moment for moment in child.starts if time.monotonic() - moment < self.WINDOW_SECONDS]
            if len(recent) >= self.MOST_STARTS:
                continue
            log.warning(
                "started again", server=child.name, exit_code=child.process.returncode if child.process else None
            )
            child.kill_group()  # workers of a killed master would still hold the port
            child.start()

    def stop(self, seconds: float) -> None:
        """Ends the children, the latest started first: servers need the cloud to give their leases back.

        ``seconds``: how long the servers may take together before they are killed.
        """
        self._stop(self.children[1:], seconds)
        self._stop(self.children[:1], seconds)

    @staticmethod
    def _stop(children: Sequence[Child], seconds: float) -> None:
        for child in children:
            child.signal(signal.SIGTERM)
        wait_until(lambda: all(child.pid is None for child in children), seconds)
        for child in children:
            child.kill_group()
            if child.process is not None:
                child.process.wait()


def wait_until(condition: Callable[[], bool], seconds: float, *, pause: float = 0.05) -> bool:
    """Whether the condition came true within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True
