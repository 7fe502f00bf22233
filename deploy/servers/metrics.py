"""Serves a gunicorn's metrics on a port of their own: the sum over its processes.

Each process writes its numbers to files of its own in one folder (prometheus_client's multiprocess mode); the master,
which answers no requests of people, reads them all when Prometheus asks. Counters of processes that ended stay in the
sum; what says how a process stands now goes with it. The folder is in memory where the system has such a place: a full
disk is when metrics are needed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from wsgiref.simple_server import WSGIServer

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.core.settings import FromEnvironment

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.multiprocess import MultiProcessCollector

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what lies there under our name is looked at
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client looks for the folder, once, when it is imported."""


class MetricsSettings(FromEnvironment):
    """Settings of the metrics' port."""

    model_config = SettingsConfigDict(env_prefix="GAS_")

    metrics_port: int = Field(default=0, ge=0, le=65535, description="Port of Prometheus's metrics; 0 for none.")
    metrics_host: str = Field(
        default="127.0.0.1",
        description="Address on which metrics are served: nobody but Prometheus should reach it, there is no password.",
    )


_server: WSGIServer | None = None
"""Of this process, or inherited from the master. Here and not in gunicorn's settings, which are read anew at a reload."""
_reading = threading.Lock()
"""Held while files are read, and while those of a process that ended are put together."""


def folder_of(port: int) -> Path:
    """Where the numbers of the server are whose metrics are served on this port."""
    place = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    return place / f"gas-metrics-{os.getuid()}-{port}"


def serve() -> None:
    """In the master, before its first worker: serves metrics from now on, if the settings say so.

    Writes one line to standard error and ends the process when the port cannot be had, or somebody else has the folder.
    Where no folder can be made, nothing but the metrics is missing: it is one line, and no end.
    """
    global _server
    settings = MetricsSettings.at_entrance()
    if not settings.metrics_port:
        return
    folder = folder_of(settings.metrics_port)
    try:
        _make(folder)
    except OSError as error:
        sys.stderr.write(f"Metrics are not served: {folder} cannot be made: {error.strerror}.\n")
        return
    os.environ[_FOLDER] = str(folder)
    # Only now: prometheus_client chooses its mode when it is imported. In the workers `shared.metrics` does that.
    from prometheus_client import CollectorRegistry, start_http_server, values
    from prometheus_client.multiprocess import MultiProcessCollector

    from deploy.servers.number_files import NumberFile

    values.MmapedDict = NumberFile  # type: ignore[assignment,attr-defined]  # it has a part of it: what is called there
    registry = CollectorRegistry()
    registry.register(_Collector(MultiProcessCollector(None, str(folder))))  # type: ignore[no-untyped-call]  # it has no types
    try:
        _server, _ = start_http_server(settings.metrics_port, settings.metrics_host, registry)
    except OSError as error:
        _refuse(f"Metrics cannot be served on {settings.metrics_host}:{settings.metrics_port}: {error}.")
    for left in folder.iterdir():  # whoever has the port has the folder: a killed predecessor's
        left.unlink()


def forked() -> None:
    """In a new worker: the port is the master's alone, and free as soon as the master is gone."""
    if _server is not None:
        _server.socket.close()


def died(pid: int) -> None:
    """In the master: this worker has ended, however it did."""
    if _server is not None:
        from prometheus_client.multiprocess import mark_process_dead

        from deploy.servers.number_files import fold

        with _reading:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]  # it has no types
            with contextlib.suppress(OSError):  # no room: its files are read as they are
                fold(Path(os.environ[_FOLDER]), pid)


def ended() -> None:
    """In the master, when its workers have ended, too."""
    if _server is not None:
        shutil.rmtree(os.environ[_FOLDER], ignore_errors=True)


class _Collector:
    """Reads while no files are put together."""

    def __init__(self, inner: MultiProcessCollector) -> None:
        self._inner = inner

    def collect(self) -> Iterable[Metric]:
        with _reading:
            return list(self._inner.collect())  # type: ignore[no-untyped-call]  # it has no types


def _make(folder: Path) -> None:
    """Where it lies is open to all: what somebody else put there under its name is refused. Raises `OSError`."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        _refuse(f"Metrics cannot be kept in {folder}: somebody else made it. Remove it.")


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    raise SystemExit(1)
