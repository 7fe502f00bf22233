"""What a server tells Auto Scaling about its load, and when it says nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.errors import Unavailable
from shared.core.load import Load
from shared.inbox import engine as engine_module
from tests.unit.inbox.running import Running, count_sweeps, eventually, threads


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(engine_module, "PUBLISH_SECONDS", 0.001)


def test_a_server_publishes_what_is_unfinished_beside_its_slots_and_how_many_are_busy() -> None:
    published: list[Load] = []
    running = Running(publish=published.append)
    for _ in range(5):
        running.world.accept()
    running.world.time += timedelta(seconds=10)
    running.engine.start()
    eventually(lambda: Load(backlog=5, slots=2, busy=2) in published)
    running.go_on.set()
    eventually(lambda: published[-1] == Load(backlog=0, slots=2, busy=0))
    running.engine.stop(1)


def test_a_server_publishes_nothing_as_long_as_it_could_not_count_its_backlog() -> None:
    published: list[Load] = []
    running = Running(publish=published.append)
    running.world.accept()
    running.world.inbox.fail_with = Unavailable("DynamoDB is away.")
    sweeps = count_sweeps(running)
    running.engine.start()
    eventually(lambda: len(sweeps) > 5)
    assert not published
    running.world.inbox.fail_with = None
    eventually(lambda: published)
    assert published[0].backlog == 1
    running.engine.stop(1)


def test_a_server_that_stops_offers_no_slots() -> None:
    published: list[Load] = []
    running = Running(publish=published.append)
    running.engine.start()
    eventually(lambda: published)
    running.engine.drain()
    eventually(lambda: "inbox-load" not in threads("inbox-load"))
    running.engine.stop(1)


def test_publishing_goes_on_when_cloudwatch_was_away() -> None:
    asked: list[Load] = []

    def publish(load: Load) -> None:
        asked.append(load)
        if len(asked) == 1:
            raise Unavailable("CloudWatch did not do what it was asked.")

    running = Running(publish=publish)
    running.engine.start()
    eventually(lambda: len(asked) > 1)
    running.engine.stop(1)
