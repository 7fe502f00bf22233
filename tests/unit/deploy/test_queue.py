"""The local cloud's SQS queues."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from moto.sqs.exceptions import InvalidParameterValue, ReceiptHandleIsInvalid

from deploy.local import queue as local_queue
from deploy.local.gate import Gate
from deploy.local.queue import LocalQueue
from deploy.local.sqs import LocalSqs
from deploy.local.state import State

DAY = 24 * 60 * 60


class World:
    """A queue `q`, and its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1_000_000.0
        for module in (local_queue, __import__("moto.sqs.models", fromlist=["models"])):
            monkeypatch.setattr(module, "unix_time_millis", lambda: self.seconds * 1000)
        monkeypatch.setattr(LocalSqs, "gate", Gate(), raising=False)
        self.sqs = LocalSqs("us-east-1", "123456789012")
        self.sqs.create_queue("q", MessageRetentionPeriod=14 * DAY)

    def send(self, *bodies: str, **more: Any) -> None:
        for body in bodies:
            self.sqs.send_message("q", body, **more)

    def receive(self, count: int = 10, hold: int = 600) -> list[Any]:
        return self.sqs.receive_message("q", count, 0, hold, ["All"])

    def bodies(self, hold: int = 600) -> list[str]:
        return sorted(message.body for message in self.receive(hold=hold))

    def wait(self, seconds: float) -> None:
        self.seconds += seconds

    def counts(self) -> tuple[int, int, int]:
        """Free, held, delayed."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = self.sqs.get_queue_attributes("q", names)
        free, held, delayed = (int(found[name]) for name in names)
        return free, held, delayed


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_what_is_held_is_received_by_nobody_else_until_the_hold_ends(world: World) -> None:
    world.send("a", "b", "c")
    assert [message.body for message in world.receive(2)] == ["a", "b"]
    assert world.bodies() == ["c"]
    world.wait(599)
    assert (world.bodies(), world.counts()) == ([], (0, 3, 0))
    world.wait(2)
    assert world.bodies() == ["a", "b", "c"]


def test_each_receive_has_a_receipt_of_its_own_under_the_same_id(world: World) -> None:
    world.send("a")
    [first] = world.receive(hold=0)
    [second] = world.receive(hold=0)
    assert first.id == second.id
    assert first.receipt_handle != second.receipt_handle
    assert second.approximate_receive_count == 2


def test_what_is_released_is_free_at_once_also_days_after_it_was_sent(world: World) -> None:
    world.send("a", "b")
    world.wait(3 * DAY)
    for message in world.receive():
        world.sqs.change_message_visibility("q", message.receipt_handle, 0)
    world.wait(0.001)
    assert world.bodies() == ["a", "b"]


def test_a_hold_that_is_prolonged_ends_later_alone(world: World) -> None:
    world.send("a")
    [message] = world.receive(hold=10)
    world.sqs.change_message_visibility("q", message.receipt_handle, 100)
    world.wait(50)
    assert world.bodies() == []
    world.wait(51)
    assert world.bodies() == ["a"]


def test_nobody_holds_a_message_longer_than_twelve_hours(world: World) -> None:
    world.send("a")
    [message] = world.receive()
    with pytest.raises(InvalidParameterValue):
        world.sqs.change_message_visibility("q", message.receipt_handle, DAY // 2 + 1)


def test_what_is_deleted_is_gone_and_deleting_again_is_harmless(world: World) -> None:
    world.send("a", "b")
    first, _ = world.receive()
    for _ in range(2):
        world.sqs.delete_message("q", first.receipt_handle)
    world.wait(601)
    assert (world.bodies(), world.counts()) == (["b"], (0, 1, 0))


def test_what_is_no_receipt_is_refused(world: World) -> None:
    world.send("a")
    deleted = world.receive()[0].receipt_handle
    world.sqs.delete_message("q", deleted)
    asked: list[Callable[[], None]] = [
        lambda: world.sqs.delete_message("q", "x"),
        lambda: world.sqs.change_message_visibility("q", "x", 0),
        lambda: world.sqs.change_message_visibility("q", deleted, 0),
    ]
    for ask in asked:
        with pytest.raises(ReceiptHandleIsInvalid):
            ask()


def test_what_is_delayed_comes_later(world: World) -> None:
    world.send("a", delay_seconds=10)
    assert (world.bodies(), world.counts()) == ([], (0, 0, 1))
    world.wait(11)
    assert (world.bodies(), world.counts()) == (["a"], (0, 1, 0))


def test_what_is_older_than_the_queue_keeps_messages_is_forgotten_and_hides_nothing(world: World) -> None:
    world.send("old")
    world.wait(13 * DAY)
    world.send("young")
    world.wait(2 * DAY)
    assert world.bodies() == ["young"]


def test_only_the_attributes_that_are_asked_for_come_and_the_rest_is_kept(world: World) -> None:
    world.send("a", message_attributes={"reason": {"DataType": "String", "StringValue": "no"}})
    [bare] = world.sqs.receive_message("q", 1, 0, 0, [])
    assert bare.message_attributes == {}
    [message] = world.receive()
    assert message.message_attributes["reason"]["StringValue"] == "no"


def test_a_purged_queue_is_empty(world: World) -> None:
    world.send("a", "b")
    world.receive(1)
    world.sqs.purge_queue("q")
    assert (world.bodies(), world.counts()) == ([], (0, 0, 0))


def test_making_a_queue_again_changes_nothing_and_another_kind_is_motos(world: World) -> None:
    world.send("a")
    assert world.sqs.create_queue("q") is world.sqs.get_queue("q")
    assert world.bodies() == ["a"]
    fifo = world.sqs.create_queue("q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    assert not isinstance(fifo, LocalQueue)


def test_what_is_sent_while_others_are_deleted_is_not_lost(world: World) -> None:
    world.send(*("x" for _ in range(200)))
    messages = [message for _ in range(20) for message in world.receive()]

    def delete() -> None:
        for message in messages:
            world.sqs.delete_message("q", message.receipt_handle)

    deleting = threading.Thread(target=delete)
    deleting.start()
    world.send(*(f"new {number}" for number in range(200)))
    deleting.join()
    assert world.counts() == (200, 0, 0)


def test_a_queue_outlives_the_process(world: World) -> None:
    world.send("a", "b", "c")
    held, gone = world.receive(2)
    world.sqs.delete_message("q", gone.receipt_handle)

    class Part:
        def __init__(self, kept: Any = None) -> None:
            self.kept = kept

        def dump(self) -> Any:
            return self.kept

        def load(self, kept: Any) -> None:
            self.kept = kept

    pickled = State({"sqs": Part(world.sqs.queues)}, {}).dump()
    again = Part()
    State({"sqs": again}, {}).load(pickled)
    world.sqs.queues = again.kept
    assert world.bodies() == ["c"]
    world.sqs.change_message_visibility("q", held.receipt_handle, 0)
    world.wait(0.001)
    assert world.bodies() == ["a"]
