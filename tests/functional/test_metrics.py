"""Metrics are right under gunicorn's several processes, whatever becomes of these; logs tell one story in all servers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from cli.up import GUNICORN_SETTINGS
from deploy.servers import metrics
from tests.person import Person
from tests.whole import HOST, Gas, free_ports, wait_for

PROCESSES = 2


def samples(port: int) -> dict[tuple[str, str], float]:
    """(name, the labels' values) → value, of all that is served on the port."""
    text = requests.get(f"http://{HOST}:{port}/metrics", timeout=10).text
    return {
        (sample.name, ",".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Server:
    """gunicorn with several processes, on `tests.functional.counting_app`."""

    def __init__(self) -> None:
        self.port, self.metrics_port = free_ports(2)
        self.process: subprocess.Popen[str] | None = None
        self.answered = 0

    def start(self) -> None:
        bind = f"{HOST}:{self.port}"
        command = [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_SETTINGS), "--bind", bind]
        environment = {**os.environ, "WEB_CONCURRENCY": str(PROCESSES), "GAS_METRICS_PORT": str(self.metrics_port)}
        self.process = subprocess.Popen(
            [*command, "tests.functional.counting_app:app"], env=environment, stderr=subprocess.PIPE, text=True
        )
        self.answered = 0
        self.wait_for_all()

    @property
    def workers(self) -> set[int]:
        assert self.process is not None
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def push(self) -> int | None:
        """The process that answered."""
        try:
            answer = requests.get(f"http://{HOST}:{self.port}/push", timeout=10)
        except requests.ConnectionError:
            return None  # no process yet, or the one that was to answer has just ended
        self.answered += 1
        return int(answer.text)

    def wait_for_all(self, *, without: frozenset[int] = frozenset()) -> None:
        """Until there are as many processes as there shall be, none of ``without``, and each has answered."""
        seen: set[int | None] = set()

        def all_answered() -> bool:
            seen.add(self.push())
            return len(self.workers) == PROCESSES and not self.workers & without and self.workers <= seen

        wait_for("an answer of every process", all_answered)

    def metric(self, name: str, labels: str = "") -> float:
        return samples(self.metrics_port)[name, labels]

    @property
    def files(self) -> list[Path]:
        return list(metrics.folder_of(self.metrics_port).glob("*.db"))

    def end(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.communicate(timeout=30)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.end(signal.SIGTERM)


def test_metrics_are_the_sum_over_all_processes(server: Server) -> None:
    assert server.metric("gas_pushes_total", "accepted,job-requests") == server.answered
    assert server.metric("gas_push_seconds_count", "job-requests") == server.answered
    assert server.metric("gas_worker_slots") == 2 * PROCESSES
    assert server.metric("gas_backlog") == 7  # all count the same entries
    assert server.metric("gas_ready") == 1


def test_what_a_process_counted_outlives_it_and_its_state_does_not(server: Server) -> None:
    before = frozenset(server.workers)
    os.kill(min(before), signal.SIGKILL)
    server.wait_for_all(without=frozenset({min(before)}))
    assert server.metric("gas_pushes_total", "accepted,job-requests") >= server.answered
    assert server.metric("gas_worker_slots") == 2 * PROCESSES

    before = frozenset(server.workers)
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_all(without=before)
    assert server.metric("gas_pushes_total", "accepted,job-requests") >= server.answered
    assert server.metric("gas_push_seconds_count", "job-requests") >= server.answered
    assert server.metric("gas_worker_slots") == 2 * PROCESSES
    counters = {path.stem for path in server.files if path.stem.startswith("counter")}
    assert counters == {"counter_ended", *(f"counter_{pid}" for pid in server.workers)}


def test_a_server_that_ends_leaves_no_files(server: Server) -> None:
    assert server.files
    server.end(signal.SIGTERM)
    assert not metrics.folder_of(server.metrics_port).exists()


def test_a_full_disk_ends_no_process_that_counts_as_there_is_room_for_each_number(server: Server) -> None:
    for path in server.files:  # what is mapped into memory and has no room is SIGBUS when it is written to
        assert path.stat().st_blocks * 512 >= path.stat().st_size > 0


def test_a_master_that_was_killed_leaves_its_ports_and_no_numbers_to_the_next(server: Server) -> None:
    server.end(signal.SIGKILL)
    wait_for("free ports", lambda: not any(is_taken(port) for port in (server.port, server.metrics_port)))
    server.start()
    assert server.metric("gas_pushes_total", "accepted,job-requests") == server.answered


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def refused(port: int) -> str:
    """What a server says that does not start."""
    command = [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_SETTINGS), "--bind", f"{HOST}:{free_ports(1)[0]}"]
    environment = {**os.environ, "GAS_METRICS_PORT": str(port)}
    command += ["tests.functional.counting_app:app"]
    ended = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr.splitlines()[-1]


def test_a_server_whose_metrics_port_is_taken_says_so_and_leaves_the_other_its_numbers() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        others = metrics.folder_of(port) / "counter_1.db"
        others.parent.mkdir(mode=0o700)
        others.touch()
        try:
            assert refused(port).startswith(f"Metrics cannot be served on {HOST}:{port}: ")
            assert others.exists()
        finally:
            shutil.rmtree(others.parent)


def test_a_folder_that_somebody_else_put_there_is_refused(tmp_path: Path) -> None:
    [port] = free_ports(1)
    folder = metrics.folder_of(port)
    folder.symlink_to(tmp_path)
    try:
        assert refused(port) == f"Metrics cannot be kept in {folder}: somebody else made it. Remove it."
    finally:
        folder.unlink()


def test_a_job_is_counted_in_each_server_that_it_passes(gas: Gas, demo: Person) -> None:
    def counted() -> dict[str, float]:
        return {
            name + labels: value
            for server in ("FRONTEND", "ANNOTATOR", "UTIL")
            for (name, labels), value in samples(gas.ports[f"{server}_METRICS"]).items()
        }

    before = counted()
    assert demo.wait_until_final(demo.start_example()) == "COMPLETED"
    expected = (
        "gas_http_requests_totaljobs.start_example,POST,303",
        "gas_pushes_totalaccepted,job-requests",
        "gas_messages_totaldone,job-requests",
        "gas_jobs_totalcompleted",
        "gas_pushes_totalaccepted,job-results",
        "gas_messages_totaldone,job-results",
        "gas_mails_totaljob_completed,sent",
    )

    def all_counted() -> bool:
        after = counted()
        return all(after.get(name, 0) > before.get(name, 0) for name in expected)

    wait_for("one more of each", all_counted)


def test_one_request_id_leads_from_the_click_to_the_report_about_the_email(gas: Gas, demo: Person) -> None:
    job_id = demo.start_example()
    demo.wait_until_final(job_id)
    logs = gas.data_dir / "logs"

    def lines(server: str, event: str) -> list[dict[str, str]]:
        read = map(json.loads, (logs / f"{server}.log").read_text().splitlines())
        return [line for line in read if line.get("job_id") == job_id and line["event"] == event]

    [click] = [line for line in lines("frontend", "request") if line["route"] == "/jobs/example"]
    reports = wait_for(
        "SES's report in the log",
        lambda: [line for line in lines("util_hook", "handled") if line["route"] == "mail-feedback"],
    )
    chain = [
        *lines("frontend", "published"),
        *lines("annotator_hook", "push"),
        *lines("annotator_hook", "published"),
        *lines("annotator_hook", "handled"),
        *(line for line in lines("util_hook", "push") if line["route"] == "job-results"),
        *lines("util_hook", "e-mail sent"),
        *reports,
    ]
    assert {line["request_id"] for line in chain} == {click["request_id"]}
    announced, accepted, finished, _, told, mailed, *_ = chain
    assert announced["published_id"] == accepted["message_id"]
    assert finished["published_id"] == told["message_id"] == mailed["message_id"]
