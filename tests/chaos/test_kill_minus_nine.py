"""Servers are killed at random moments while jobs run: each job completes once, each owner is written to once."""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.person import Person
from tests.whole import Gas, running_gas, wait_for

JOBS = int(os.environ.get("GAS_CHAOS_JOBS", "12"))
KILLS = max(8, JOBS // 2)
SECONDS_BETWEEN_KILLS = (0.3, 1.5)
SERVERS = ("frontend", "annotator_hook", "util_hook")


def kill_at_random(gas: Gas, stop: threading.Event, killed: list[str], seed: int) -> None:
    """SIGKILL to one random process of a random server, masters and workers alike, again and again."""
    choose = random.Random(seed)
    while not stop.wait(choose.uniform(*SECONDS_BETWEEN_KILLS)):
        server = choose.choice(SERVERS)
        if processes := gas.server_processes(server):
            with contextlib.suppress(psutil.NoSuchProcess):
                choose.choice(processes).kill()
                killed.append(server)


def job_mails(gas: Gas) -> Counter[str]:
    """Job id → number of e-mails about it."""
    return Counter(mail["text"].rpartition("/jobs/")[2][:32] for mail in gas.mails() if "/jobs/" in mail["text"])


@pytest.mark.timeout(240 + 5 * JOBS)
def test_jobs_survive_servers_killed_at_random_moments(tmp_path: Path) -> None:
    quick = {"GAS_LOCAL_LEASE_SECONDS": "5", "GAS_LOCAL_MAIL_EVIDENCE_SECONDS": "25"}
    with running_gas(tmp_path / "gas", quick) as gas:
        demo = Person(gas).sign_in()
        stop = threading.Event()
        killed: list[str] = []
        seed = random.randrange(2**32)
        killer = threading.Thread(target=kill_at_random, args=(gas, stop, killed, seed))
        killer.start()
        try:
            # A click that a killed frontend never answered may have made a job all the same: count what was stored.
            for _ in range(JOBS):
                with contextlib.suppress(AssertionError):
                    demo.start_example()
            wait_for(f"{KILLS} kills", lambda: len(killed) >= KILLS)
        finally:
            stop.set()
            killer.join()
        table = gas.stack_outputs()["JobsTable"]

        def states() -> Counter[str]:
            return Counter(item["state"]["S"] for item in gas.aws("dynamodb").scan(TableName=table)["Items"])

        def all_done() -> bool:
            found = states()
            return found["QUEUED"] + found["RUNNING"] == 0 and found["COMPLETED"] >= 1

        try:
            wait_for("the end of all jobs", all_done, seconds=60 + 3 * JOBS)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, killed {Counter(killed)}: {states()}: {error}") from None
        assert states()["FAILED"] == 0, f"seed {seed}: {states()}"
        completed = {
            item["job_id"]["S"]
            for item in gas.aws("dynamodb").scan(TableName=table)["Items"]
            if item["state"]["S"] == "COMPLETED"
        }
        assert len(completed) >= JOBS * 0.8, f"seed {seed}: only {len(completed)} of {JOBS} clicks became jobs"
        wait_for(f"an e-mail for each job (seed {seed})", lambda: set(job_mails(gas)) >= completed, seconds=60 + JOBS)
        assert set(job_mails(gas).values()) == {1}, f"seed {seed}: {job_mails(gas)}"
        for job_id in completed:
            assert demo.download(job_id, "vcf")[:2] == b"\x1f\x8b"
