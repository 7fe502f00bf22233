"""Servers are replaced, one of each kind at a time, as a deployment does it, while jobs come in through the load balancer."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.functional.test_rolling_restart import Load, mails_about, messages_about
from tests.functional.two_of_each import EACH, running_two_of_each
from tests.person import Person
from tests.whole import wait_for

JOBS = int(os.environ.get("GAS_TEST_ROLLING_JOBS", "20"))
"""How many there are at least. Servers are replaced all the while."""


@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
@pytest.mark.timeout(180 + 6 * JOBS)
def test_replacing_every_server_during_jobs_loses_and_doubles_nothing_and_shows_nobody_an_error(
    tmp_path: Path,
) -> None:
    with running_two_of_each(tmp_path) as gas:
        load = Load(gas, [Person(gas).join("alice@example.org"), Person(gas).join("bob@example.org", name="Bob")])
        with load.going_on():
            while not load.failures:
                for number in range(EACH):
                    gas.restart([server for server in gas.servers if server.number == number])
                if len(load.jobs) >= JOBS:
                    break
        assert load.failures == [], gas.logs()
        jobs = set(load.jobs)
        assert len(jobs) == len(load.jobs) >= JOBS
        wait_for("an e-mail about each job", lambda: set(mails_about(gas, jobs)) == jobs, pause=0.5)
        done = {(route, "DONE") for route in ("job-requests", "job-results", "mail-feedback")}
        wait_for(
            "every message to be done",
            lambda: all(found == done for found in messages_about(gas, jobs).values()),
            pause=0.5,
        )
        assert set(mails_about(gas, jobs).values()) == {1}
