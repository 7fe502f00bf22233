"""`gas up` as a newcomer meets it: a port in use, Ctrl-C, a supervisor that is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from tests.whole import HOST, Gas, wait_for


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = subprocess.run(
            [sys.executable, "-m", "cli", "up"],
            env={**os.environ, "GAS_LOCAL_FRONTEND_PORT": str(port), "GAS_LOCAL_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert answer.returncode == 1
    assert f"port {port} is in use" in answer.stderr
    assert "GAS_LOCAL_FRONTEND_PORT" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_wrong_setting_is_one_clear_line(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "cli", "up"],
        env={**os.environ, "GAS_LOCAL_FRONTEND_PORT": "eighty", "GAS_LOCAL_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 1
    assert "GAS_LOCAL_FRONTEND_PORT" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def alive(gas: Gas) -> list[psutil.Process]:
    return [process for process in gas.processes() if process.status() != psutil.STATUS_ZOMBIE]


def test_ctrl_c_ends_every_process_and_a_killed_supervisor_leaves_none(tmp_path: Path) -> None:
    gas = Gas(tmp_path / "gas")
    try:
        gas.start()
        assert "http://127.0.0.1" in gas.output
        assert "demo@example.org" in gas.output
        assert "operator@example.org" in gas.output
        assert len(alive(gas)) >= 5  # the supervisor, the cloud, three servers
        gas.stop(signal.SIGINT)
        assert gas.process is not None
        assert gas.process.returncode == 0
        assert alive(gas) == []
        assert not (gas.data_dir / "settings.sh").exists()
        gas.start()
        gas.stop(signal.SIGKILL)
        wait_for("the end of every process", lambda: not alive(gas))
    finally:
        gas.stop(signal.SIGKILL)
        for process in gas.processes():
            process.kill()


def test_operators_reach_the_same_cloud_by_the_settings_that_are_written_down(gas: Gas) -> None:
    settings = gas.data_dir / "settings.sh"
    assert settings.stat().st_mode & 0o077 == 0
    answer = subprocess.run(
        ["sh", "-c", '. "$0" && exec "$1" -m cli billing reconcile', str(settings), sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "users looked at" in answer.stdout
