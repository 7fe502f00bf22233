"""All of GAS as `gas up` runs it, on free ports, for functional, browser and chaos tests and for the benchmarks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil
import requests

from tests import calls

T = TypeVar("T")
AnyGas = TypeVar("AnyGas", bound="Gas")
HOST = "127.0.0.1"
DEMO = ("demo@example.org", "mitochondria")


def wait_for(what: str, probe: Callable[[], T | None], *, seconds: float = 60.0, pause: float = 0.05) -> T:
    """What ``probe`` answers as soon as it is truthy; fails saying ``what`` did not happen."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s (last answer: {answer!r})"
        time.sleep(pause)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Gas:
    """A running GAS."""

    def __init__(self, data_dir: Path, environment: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        names = ("FRONTEND", "ANNOTATOR", "UTIL", "CLOUD", "FRONTEND_METRICS", "ANNOTATOR_METRICS", "UTIL_METRICS")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.base_url = f"http://{HOST}:{self.ports['FRONTEND']}"
        self.cloud_url = f"http://{HOST}:{self.ports['CLOUD']}"
        self.environment = {
            **os.environ,
            **{f"GAS_LOCAL_{name}_PORT": str(port) for name, port in self.ports.items()},
            "GAS_LOCAL_DATA_DIR": str(data_dir),
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        }
        self.command = [sys.executable, "-m", "cli", "up"]
        self.process: subprocess.Popen[str] | None = None
        self.output = ""

    def start(self) -> None:
        """Returns when GAS says that it is ready."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if "Ctrl-C" in line:
                return
        self.process.wait()
        raise AssertionError(f"GAS did not start:\n{self.output}\n{self.logs()}")

    def stop(self, number: int = signal.SIGINT) -> None:
        """As Ctrl-C; waits for the end."""
        if self.process is not None and self.process.poll() is None:
            calls.keep(self)
            self.process.send_signal(number)
            self.process.wait(timeout=60)
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def pid(self) -> int:
        """Of `gas up`."""
        assert self.process is not None
        return self.process.pid

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this GAS, whoever its parent is by now."""
        mark = ("GAS_LOCAL_DATA_DIR", str(self.data_dir))
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(mark[0]) == mark[1]:
                    found.append(process)
            except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return found

    def server_processes(self, server: str) -> list[psutil.Process]:
        """The gunicorn processes of ``frontend``, ``annotator_hook`` or ``util_hook``."""
        found = []
        for process in self.processes():
            try:
                if any(part == f"{server}.wsgi:app" for part in process.cmdline()):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def aws(self, service: str) -> Any:
        """A boto3 client of the local cloud."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # any service
            endpoint_url=self.cloud_url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def stack_outputs(self) -> dict[str, str]:
        """What the stack's outputs say: table names, topics, queues."""
        stacks = self.aws("cloudformation").describe_stacks()["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for stack in stacks for item in stack.get("Outputs", [])}

    def mails(self, to: str | None = None) -> list[dict[str, Any]]:
        """The local mailbox, newest first."""
        mails: list[dict[str, Any]] = requests.get(f"{self.cloud_url}/mailbox.json", timeout=10).json()
        return [mail for mail in mails if to is None or to in json.dumps(mail["to"])]

    def logs(self) -> str:
        """The end of every log, for a failing test to show."""
        ends = [
            f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-30:])
            for path in sorted((self.data_dir / "logs").glob("*.log"))
        ]
        return "\n".join(ends)


def running_gas(data_dir: Path, environment: dict[str, str] | None = None) -> AbstractContextManager[Gas]:
    """As `running`, of a new one."""
    return running(Gas(data_dir, environment))


@contextmanager
def running(gas: AnyGas) -> Iterator[AnyGas]:
    """It is started, and ended with all its processes, whatever happens."""
    try:
        gas.start()
        yield gas
    finally:
        gas.stop()
        for process in gas.processes():
            process.kill()
