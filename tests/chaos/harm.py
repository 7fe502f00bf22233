"""What is done to the machine that GAS runs on: processes are killed, clocks are wrong, the disk is full."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import requests

from tests.whole import Gas

SERVERS = {"frontend": "FRONTEND", "annotator_hook": "ANNOTATOR", "util_hook": "UTIL"}
"""Name → name of its port."""
_CHILD = "annotator_hook.pipeline.child"
_BLOCK = bytes(64 * 1024)


def wrong_clocks(**seconds: int) -> dict[str, str]:
    """The environment in which these servers' clocks are that much ahead (or behind, where it is negative)."""
    path = [str(Path(__file__).parent / "clocks"), os.environ.get("PYTHONPATH", "")]
    clocks = ",".join(f"{server}={ahead}" for server, ahead in seconds.items())
    return {"GAS_CHAOS_CLOCKS": clocks, "PYTHONPATH": os.pathsep.join(part for part in path if part)}


class SmallDisk:
    """A file system of its own for the folder of running jobs, which can be filled up.

    It needs no rights: `gas up` gets a mount namespace in a user namespace of its own. Some containers forbid even that.
    """

    MIB = 64

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.prefix = [
            *("unshare", "--user", "--map-root-user", "--mount", "sh", "-c"),
            'mount -t tmpfs -o size="$0"m tmpfs "$1" && shift && exec "$@"',
            *(str(self.MIB), str(folder)),
        ]
        """What to write before a command so that it, and what it starts, has the folder on a disk of its own."""

    def is_possible(self) -> bool:
        """Whether this machine lets us. Makes the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            return subprocess.run([*self.prefix, "true"], capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False

    def inside(self, pid: int) -> Path:
        """The folder, as others may reach it. ``pid``: a process that was started with `prefix`."""
        return Path(f"/proc/{pid}/root{self._folder}")

    @contextlib.contextmanager
    def full(self, pid: int) -> Iterator[None]:
        """Not a byte is left on it."""
        path = self.inside(pid) / "everything-else"
        with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
            while True:
                file.write(_BLOCK)
        try:
            yield
        finally:
            path.unlink()


class FullDisk(threading.Thread):
    """Fills the disk up, again and again."""

    def __init__(self, disk: SmallDisk, pid: int, *, every: float, lasts: float) -> None:
        super().__init__(name="full-disk", daemon=True)
        self.times = 0
        self._disk = disk
        self._pid = pid
        self._every = every
        self._lasts = lasts
        self._enough = threading.Event()

    def end(self) -> None:
        self._enough.set()
        self.join()

    def run(self) -> None:
        while not self._enough.wait(self._every):
            with self._disk.full(self._pid):
                self.times += 1
                self._enough.wait(self._lasts)


class Killer(threading.Thread):
    """SIGKILL to one process after the other: masters and workers of the servers, and, as the kernel does when memory
    is short, processes that annotate. Of the latter some are not killed, but get no more memory.

    A server is killed when it is up: on a slow machine it would never come back otherwise.
    """

    def __init__(self, gas: Gas, seed: int, *, between: tuple[float, float], most: int) -> None:
        super().__init__(name="killer", daemon=True)
        self.killed: Counter[str] = Counter()
        """By server; those that annotate as "annotation"."""
        self.starved = 0
        self._gas = gas
        self._dice = random.Random(f"{seed} kills")
        self._between = between
        self._most = most
        self._enough = threading.Event()

    @property
    def servers_killed(self) -> int:
        return sum(self.killed[server] for server in SERVERS)

    def end(self) -> None:
        self._enough.set()
        self.join()

    def run(self) -> None:
        while not self._enough.wait(self._dice.uniform(*self._between)):
            if self._dice.random() < 0.3:
                self._kill("annotation", self._annotating())
            if self._dice.random() < 0.1:
                self._starve(self._annotating())
            server = self._dice.choice(list(SERVERS))
            if self.servers_killed < self._most and self._is_up(server):
                self._kill(server, self._gas.server_processes(server))

    def _is_up(self, server: str) -> bool:
        port = self._gas.ports[SERVERS[server]]
        try:
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def _kill(self, what: str, processes: list[psutil.Process]) -> None:
        if processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._dice.choice(processes).kill()
                self.killed[what] += 1

    def _starve(self, processes: list[psutil.Process]) -> None:
        if processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._dice.choice(processes).rlimit(psutil.RLIMIT_AS, (1, 1))
                self.starved += 1

    def _annotating(self) -> list[psutil.Process]:
        found = []
        for server in self._gas.server_processes("annotator_hook"):
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [child for child in server.children() if _CHILD in child.cmdline()]
        return found
