"""The supervisor keeps servers running and leaves no process behind."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli.supervisor import Child, Supervisor, wait_until

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    supervisor.stop(0.1)


def child(tmp_path: Path, code: str) -> Child:
    return Child("server", [sys.executable, "-c", code], dict(os.environ), tmp_path / "server.log")


def is_up(child: Child) -> bool:
    return "up" in child.log_file.read_text()


def test_a_server_that_is_killed_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    server = supervisor.add(child(tmp_path, "import time; time.sleep(600)"))
    first = server.pid
    server.signal(signal.SIGKILL)
    assert wait_until(lambda: server.pid is None, 10)
    supervisor.revive()
    assert server.pid not in {None, first}


def test_a_server_that_keeps_dying_is_not_started_in_a_tight_loop(supervisor: Supervisor, tmp_path: Path) -> None:
    server = supervisor.add(child(tmp_path, "raise SystemExit(1)"))
    for _ in range(30):
        assert wait_until(lambda: server.pid is None, 10)
        supervisor.revive()
    assert len(server.starts) <= Supervisor.MOST_STARTS


def test_a_server_that_ignores_sigterm_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add(child(tmp_path, "import time; time.sleep(600)"))
    server = supervisor.add(child(tmp_path, STUBBORN))
    assert wait_until(lambda: is_up(server), 10)
    pid = server.pid
    assert pid is not None
    supervisor.stop(0.2)
    assert not psutil.pid_exists(pid)


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, os, time; from pathlib import Path; from cli.supervisor import Child, Supervisor; s = Supervisor();"
        "c = s.add(Child('x', [sys.executable, '-c', 'import time; time.sleep(600)'], dict(os.environ), Path(sys.argv[1])));"
        "print('up', c.pid, flush=True); time.sleep(600)"
    )
    outer = Child(
        "outer", [sys.executable, "-c", code, str(tmp_path / "inner.log")], dict(os.environ), tmp_path / "server.log"
    )
    outer.start()
    assert wait_until(lambda: is_up(outer), 20)
    inner = int(outer.log_file.read_text().split()[1])
    outer.signal(signal.SIGKILL)
    assert wait_until(
        lambda: not psutil.pid_exists(inner) or psutil.Process(inner).status() == psutil.STATUS_ZOMBIE, 10
    )
    outer.kill_group()
    assert outer.process is not None
    outer.process.wait()
