"""What a server says of itself: alive, ready, and how it stands."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from shared import metrics
from shared.core.errors import Unavailable
from shared.core.inbox import EntryState, Pause
from shared.inbox.engine import Engine
from shared.inbox.workers import Workers
from tests.unit.inbox.running import PATIENCE, Running, count_sweeps, eventually
from tests.unit.inbox.site import Site


def test_a_server_is_ready_only_once_it_has_reached_its_inbox() -> None:
    running = Running()
    running.world.inbox.fail_with = Unavailable("DynamoDB is away.")
    sweeps = count_sweeps(running)
    running.engine.start()
    eventually(lambda: len(sweeps) > 2)
    assert not running.engine.is_ready
    running.world.inbox.fail_with = None
    eventually(lambda: running.engine.is_ready)
    running.engine.stop(PATIENCE)


def test_a_server_that_no_longer_reaches_its_inbox_is_ready_no_more_until_it_does() -> None:
    passed = [0.0]
    running = Running(monotonic=lambda: passed[0])
    running.engine.start()
    eventually(lambda: running.engine.is_ready)
    running.world.inbox.fail_with = Unavailable("DynamoDB is away.")
    sweeps = count_sweeps(running)
    eventually(lambda: len(sweeps) > 2)
    assert running.engine.is_ready  # for a moment
    passed[0] = 60.0
    assert not running.engine.is_ready
    running.world.inbox.fail_with = None
    eventually(lambda: running.engine.is_ready)
    running.engine.stop(PATIENCE)


def test_a_server_that_does_not_reach_its_bucket_is_not_ready_and_works_on() -> None:
    running = Running()
    running.bucket.fail_with = Unavailable("S3 is away.")
    running.engine.start()
    eventually(lambda: running.engine.readiness["bucket"].detail == "S3 is away.")
    eventually(lambda: running.engine.readiness["database"].ok)
    assert not running.engine.is_ready
    running.go_on.set()
    running.engine.offer(running.accept())
    eventually(lambda: running.states() == [EntryState.DONE])
    running.bucket.fail_with = None
    eventually(lambda: running.engine.is_ready)
    running.engine.stop(PATIENCE)


def test_a_single_failure_of_the_bucket_does_not_take_the_server_out_of_service(running: Running) -> None:
    eventually(lambda: running.engine.is_ready)
    asked = threading.Event()

    def fail() -> None:
        asked.set()
        raise Unavailable("S3 is away.")

    running.engine._bucket = fail
    eventually(asked.is_set)
    assert running.engine.is_ready


def test_how_many_slots_are_busy_and_how_much_waits_is_told(running: Running) -> None:
    for _ in range(5):
        running.engine.offer(running.accept())
    eventually(lambda: len(running.started) == 2)
    assert running.engine.readiness["workers"].numbers == {"slots": 2, "busy": 2, "waiting": 3}


def test_a_full_backlog_is_told_and_keeps_no_server_from_being_ready() -> None:
    running = Running(max_backlog=1)
    running.accept()
    running.engine.start()
    eventually(lambda: running.engine.backlog.is_full)
    eventually(lambda: running.engine.is_ready)
    backlog = running.engine.readiness["backlog"]
    assert (backlog.numbers, bool(backlog.detail)) == ({"unfinished": 1, "bound": 1}, True)
    running.engine.stop(PATIENCE)


@pytest.mark.parametrize("thread", ["worker", "sweep"])
def test_a_server_of_which_a_thread_has_ended_is_neither_healthy_nor_ready(
    monkeypatch: pytest.MonkeyPatch, thread: str
) -> None:
    def end(*_: object) -> None:
        return None

    owner, name = {"worker": (Workers, "_loop"), "sweep": (Engine, "_sweep")}[thread]
    monkeypatch.setattr(owner, name, end)
    running = Running()
    running.engine.start()
    eventually(lambda: not running.engine.liveness["threads"].ok)
    assert f"inbox-{thread}" in running.engine.liveness["threads"].detail
    assert not running.engine.readiness["workers"].ok
    running.engine.stop(PATIENCE)


def test_how_the_process_stands_is_told_also_while_aws_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(metrics, "server_state", lambda **state: told.append(state))
    running = Running(max_backlog=9)
    running.world.inbox.fail_with = Unavailable("DynamoDB is away.")
    running.engine.start()
    eventually(lambda: len(told) > 1)
    assert told[-1] == {"ready": False, "backlog": 0, "bound": 9, "slots": 2, "busy": 0}
    running.world.inbox.fail_with = None
    eventually(lambda: told[-1]["ready"])
    running.engine.stop(PATIENCE)


def test_a_server_that_has_not_started_is_healthy_and_not_ready(site: Site) -> None:
    assert site.browser.get("/healthz").status_code == 200
    assert site.browser.get("/readyz").status_code == 503


def test_what_is_wrong_is_told_to_whoever_asks_whether_the_server_is_ready(site: Site) -> None:
    answer = site.browser.get("/readyz").get_json()
    assert answer["status"] == "not ready"
    assert answer["checks"]["database"] == {"ok": False, "detail": "It was not reached yet."}
    assert answer["checks"]["workers"] == {"ok": True, "slots": 2, "busy": 0, "waiting": 0}


def test_a_server_that_is_ready_says_so_in_the_same_shape(started: Site) -> None:
    answer = started.browser.get("/readyz").get_json()
    assert answer["status"] == "ready"
    assert all(check["ok"] for check in answer["checks"].values())


def test_whoever_knows_the_endpoint_alone_may_ask_there(site: Site) -> None:
    """Behind a load balancer the host's own ``/readyz`` is another server's."""
    answer = site.browser.get("/hooks/job-requests/readyz")
    assert (answer.status_code, answer.get_json()) == (503, site.browser.get("/readyz").get_json())


def test_who_paused_and_why_is_not_told_to_the_world(started: Site) -> None:
    started.world.inbox.pause(Pause("job-requests", "operator@example.org", "s3cret", started.world.time))
    eventually(lambda: "paused job-requests" in started.browser.get("/readyz").text)
    assert not {"operator@example.org", "s3cret"} & set(started.browser.get("/readyz").text.split())
    assert started.browser.get("/readyz").status_code == 200


def test_a_server_is_unhealthy_once_a_thread_has_ended(started: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = threading.Thread(target=lambda: None, name="inbox-worker-0")
    dead.start()
    dead.join()
    monkeypatch.setattr(started.gas._engine._workers, "_threads", [dead])
    answer = started.browser.get("/healthz")
    assert (answer.status_code, answer.get_json()["status"]) == (500, "failed")
    assert "inbox-worker-0" in answer.text
