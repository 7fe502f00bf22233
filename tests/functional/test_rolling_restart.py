"""All servers are restarted one after the other while jobs come in: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psutil
import pytest
import requests

from tests.person import Person
from tests.whole import HOST, Gas, wait_for

SERVERS = {"frontend": "FRONTEND", "annotator_hook": "ANNOTATOR", "util_hook": "UTIL"}


class Load:
    """People who have two jobs each under way, and start others when these are done, until told to stop."""

    def __init__(self, gas: Gas, people: list[Person]) -> None:
        self.gas = gas
        self.people = people
        self.table = gas.stack_outputs()["JobsTable"]
        self.jobs: list[str] = []
        self.stop = threading.Event()
        self.failures: list[BaseException] = []

    def work(self, person: Person) -> None:
        try:
            while not self.stop.is_set():
                under_way = [person.start_example() for _ in range(2)]
                self.jobs += under_way
                wait_for("the end of two jobs", partial(self.are_done, under_way), pause=0.2)
        except BaseException as error:  # noqa: BLE001 - the test tells it
            self.failures.append(error)

    def are_done(self, jobs: list[str]) -> bool:
        """Fails when one ended otherwise."""
        keys = [{"job_id": {"S": job_id}} for job_id in jobs]
        asked = {self.table: {"Keys": keys, "ConsistentRead": True}}
        items = self.gas.aws("dynamodb").batch_get_item(RequestItems=asked)["Responses"][self.table]
        states = {item["state"]["S"] for item in items}
        assert states <= {"CREATED", "QUEUED", "RUNNING", "COMPLETED"}, states
        return states == {"COMPLETED"} and len(items) == len(jobs)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.work, args=(person,)) for person in self.people]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()


def restart(gas: Gas, server: str, number: int) -> None:
    """HUP: its workers are replaced. TERM: it ends in order, and whoever watches over it starts it again."""
    processes = {process.pid: process.ppid() for process in gas.server_processes(server)}
    [master] = [pid for pid, parent in processes.items() if parent not in processes]
    before = set(processes) - {master}
    os.kill(master, number)

    def is_replaced() -> bool:
        if any(psutil.pid_exists(pid) for pid in before):
            return False
        try:
            return requests.get(f"http://{HOST}:{gas.ports[SERVERS[server]]}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    wait_for(f"another {server} to be ready", is_replaced, pause=0.2)


def messages_about(gas: Gas, jobs: set[str]) -> dict[str, set[tuple[str, str]]]:
    """Job → route and state of each message about it that was accepted."""
    found: dict[str, set[tuple[str, str]]] = {job_id: set() for job_id in jobs}
    inbox = gas.stack_outputs()["InboxTable"]
    for page in gas.aws("dynamodb").get_paginator("scan").paginate(TableName=inbox):
        for item in page["Items"]:
            for job_id in jobs:
                if job_id in item.get("envelope", {}).get("S", ""):
                    found[job_id].add((item["route"]["S"], item["state"]["S"]))
    return found


def mails_about(gas: Gas, jobs: set[str]) -> Counter[str]:
    """Job → how many e-mails there are about it."""
    return Counter(job_id for mail in gas.mails() for job_id in jobs if job_id in mail["text"])


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_rolling_restart_under_load_loses_and_doubles_nothing(
    gas: Gas, alice: Person, bob: Person, number: int
) -> None:
    load = Load(gas, [alice, bob])
    with load.going_on():
        for server in SERVERS:
            restart(gas, server, number)
    assert load.failures == []
    jobs = set(load.jobs)
    assert len(jobs) == len(load.jobs) >= 4
    wait_for("an e-mail about each job", lambda: set(mails_about(gas, jobs)) == jobs, pause=0.3)
    # What SNS could not deliver, or nobody could handle, would be missing here, or not be done.
    done = {(route, "DONE") for route in ("job-requests", "job-results", "mail-feedback")}

    def all_done() -> bool:
        return all(found == done for found in messages_about(gas, jobs).values())

    wait_for("every message to be done", all_done, pause=0.3)
    assert set(mails_about(gas, jobs).values()) == {1}
