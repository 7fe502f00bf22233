"""Serves a gunicorn's metrics on a port of their own: the sum over its processes.

Each process writes its numbers to files of its own in one folder (prometheus_client's multiprocess mode); the master,
which answers no requests of people, reads them all when Prometheus asks. Counters of processes that ended stay in the
sum; what says how a process stands now goes with it.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import NoReturn
from wsgiref.simple_server import WSGIServer

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.core.settings import FromEnvironment

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


def serve() -> None:
    """In the master, before its first worker: serves metrics from now on, if the settings say so.

    Writes one line to standard error and ends the process when the port or the folder cannot be had.
    """
    global _server
    settings = MetricsSettings.at_entrance()
    if not settings.metrics_port:
        return
    folder = Path(tempfile.gettempdir()) / f"gas-metrics-{os.getuid()}-{settings.metrics_port}"
    os.environ[_FOLDER] = str(folder)
    # Only now: prometheus_client chooses its mode when it is imported. In the workers `shared.metrics` does that.
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.multiprocess import MultiProcessCollector

    _make(folder)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    try:
        _server, _ = start_http_server(settings.metrics_port, settings.metrics_host, registry)
    except OSError as error:
        _refuse(f"Metrics cannot be served on {settings.metrics_host}:{settings.metrics_port}: {error}.")
    for left in folder.glob("*.db"):  # whoever has the port has the folder: a killed predecessor's
        left.unlink()


def forked() -> None:
    """In a new worker: the port is the master's alone, and free as soon as the master is gone."""
    if _server is not None:
        _server.socket.close()


def died(pid: int) -> None:
    """In the master: this worker has ended, however it did."""
    if _server is not None:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]  # it has no types


def ended() -> None:
    """In the master, when its workers have ended, too."""
    if _server is not None:
        shutil.rmtree(os.environ[_FOLDER], ignore_errors=True)


def _make(folder: Path) -> None:
    """The system's folder for temporary files is open to all: what somebody else put there under its name is refused."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        _refuse(f"Metrics cannot be kept in {folder}: somebody else made it. Remove it.")


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    raise SystemExit(1)
