"""Threads: work starts at once, is bounded by slots, is recovered by sweeps, and ends in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared import metrics
from shared.core.errors import Unavailable
from shared.core.inbox import Entry, EntryState, Pause
from shared.core.messages import JobRequested
from shared.core.settings import HookSettings
from shared.inbox import engine as engine_module
from shared.inbox.engine import Engine
from shared.inbox.route import Lease
from shared.inbox.workers import Workers
from tests.fake_jobs import Fake
from tests.fakes import FakeInbox, FakeTopics
from tests.unit.inbox.world import QUEUE, World

PATIENCE = 10.0


def eventually(what: Callable[[], object]) -> None:
    """Waits until it is true; a test that waits in vain fails."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


class Running:
    """An engine whose handler waits for the test, and a world to look into."""

    def __init__(
        self, *, inbox: FakeInbox | None = None, monotonic: Callable[[], float] = time.monotonic, **settings: Any
    ) -> None:
        self.world = World(inbox)
        self.bucket = Fake()
        self.topics = FakeTopics()
        self.started: list[Lease] = []
        self.go_on = threading.Event()
        self.world.handler = self.handle
        given = {"sweep_seconds": 0.01, "lease_seconds": 0.03, "subscribe_at_start": False, **settings}
        self.engine = Engine(
            HookSettings(
                public_url="https://gas.example.org",
                inbox_table="inbox",
                hook_url="https://annotator.example.org",
                **given,
            ),
            [self.world.route],
            inbox=self.world.inbox,
            topics=self.topics,
            dead_letters=self.world.dead_letters,
            now=self.world.now,
            bucket=self.bucket.reach,
            monotonic=monotonic,
        )

    def handle(self, message: JobRequested, lease: Lease) -> None:
        self.started.append(lease)
        while not self.go_on.wait(0.001):
            if lease.lost.is_set():
                return

    def accept(self) -> Entry:
        return self.world.entry(self.world.accept())

    def states(self) -> list[EntryState]:
        return [entry.state for entry in self.world.inbox.entries.values()]


def count_sweeps(running: Running) -> list[int]:
    """Grows by one with each sweep."""
    sweeps: list[int] = []
    pauses = running.world.inbox.pauses

    def counted() -> Any:
        sweeps.append(1)
        return pauses()

    running.world.inbox.pauses = counted  # type: ignore[method-assign]
    return sweeps


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running()
    running.engine.start()
    yield running
    running.go_on.set()
    running.engine.stop(PATIENCE)


def test_an_offered_entry_is_started_without_a_sweep() -> None:
    running = Running(sweep_seconds=3600)
    running.engine.start()
    eventually(lambda: running.engine.is_ready)
    running.go_on.set()
    running.engine.offer(running.accept())
    eventually(lambda: running.states() == [EntryState.DONE])
    running.engine.stop(PATIENCE)


def test_no_more_entries_run_at_once_than_there_are_slots(running: Running) -> None:
    for _ in range(5):
        running.engine.offer(running.accept())
    eventually(lambda: len(running.started) == 2)
    assert running.states().count(EntryState.RUNNING) == 2
    running.go_on.set()
    eventually(lambda: running.states() == [EntryState.DONE] * 5)


def test_what_nobody_started_is_found_by_the_sweep(running: Running) -> None:
    running.go_on.set()
    running.world.accept()
    running.world.time += timedelta(seconds=10)
    eventually(lambda: running.states() == [EntryState.DONE])


def test_arrears_of_more_than_a_page_are_worked_off_without_waiting_for_the_next_sweep() -> None:
    running = Running(sweep_seconds=3600)
    running.go_on.set()
    for _ in range(250):
        running.world.accept()
    running.world.time += timedelta(seconds=10)
    running.engine.start()
    eventually(lambda: set(running.states()) == {EntryState.DONE})
    running.engine.stop(PATIENCE)


def test_the_sweep_survives_a_database_that_was_away(running: Running) -> None:
    running.go_on.set()
    sweeps = count_sweeps(running)
    running.world.inbox.fail_with = Unavailable("DynamoDB is away.")
    eventually(lambda: len(sweeps) > 2)
    running.world.inbox.fail_with = None
    running.world.accept()
    running.world.time += timedelta(seconds=10)
    eventually(lambda: running.states() == [EntryState.DONE])


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


def test_the_heartbeat_tells_a_handler_that_its_lease_was_lost(running: Running) -> None:
    entry_id = running.accept().entry_id
    running.engine.offer(running.world.entry(entry_id))
    eventually(lambda: running.started)
    del running.world.inbox.entries[entry_id]
    eventually(running.started[0].lost.is_set)


def test_stopping_lets_running_work_finish(running: Running) -> None:
    running.engine.offer(running.accept())
    eventually(lambda: running.started)
    threading.Timer(0.05, running.go_on.set).start()
    running.engine.stop(PATIENCE)
    assert running.states() == [EntryState.DONE]
    assert not running.engine.is_ready


def test_stopping_gives_back_what_does_not_finish_in_time(running: Running) -> None:
    entry_id = running.accept().entry_id
    running.engine.offer(running.world.entry(entry_id))
    eventually(lambda: running.started)
    running.engine.stop(0.01)
    assert running.started[0].lost.is_set()
    entry = running.world.entry(entry_id)
    assert (entry.state, entry.attempts, entry.due_at) == (EntryState.RECEIVED, 0, running.world.time)


def test_stopping_gives_back_also_what_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "LAST_SECONDS", 0.01)
    running = Running()
    deaf = threading.Event()

    def hear_nothing(message: JobRequested, lease: Lease) -> None:
        running.started.append(lease)
        deaf.wait(PATIENCE)

    running.world.handler = hear_nothing
    running.engine.start()
    entry_id = running.accept().entry_id
    running.engine.offer(running.world.entry(entry_id))
    eventually(lambda: running.started)
    running.engine.stop(0.01)
    assert running.world.entry(entry_id).state is EntryState.RECEIVED
    deaf.set()  # and what it says afterwards does not count
    eventually(lambda: not _threads("inbox-worker"))
    assert running.world.entry(entry_id).state is EntryState.RECEIVED


def test_what_waits_for_a_slot_when_the_server_stops_stays_in_the_inbox(running: Running) -> None:
    for _ in range(4):
        running.engine.offer(running.accept())
    eventually(lambda: len(running.started) == 2)
    threading.Timer(0.05, running.go_on.set).start()
    running.engine.stop(PATIENCE)
    assert sorted(running.states()) == [EntryState.DONE] * 2 + [EntryState.RECEIVED] * 2


def test_no_thread_is_left_after_stopping() -> None:
    running = Running(subscribe_at_start=True)
    running.engine.start()
    running.engine.stop(PATIENCE)
    eventually(lambda: not _threads("inbox-"))


def test_starting_subscribes_every_route_with_its_dead_letters_and_tries_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "FIRST_PAUSE", 0.001)
    running = Running(subscribe_at_start=True)
    running.topics.fail_with = Unavailable("SNS is away.")
    running.engine.start()  # returns although SNS is away: the confirmation is pushed to this very server
    running.topics.fail_with = None
    endpoint = "https://annotator.example.org/hooks/job-requests"
    eventually(lambda: running.topics.subscriptions == {(running.world.route.topic_arn, endpoint): QUEUE})
    running.engine.stop(PATIENCE)


def test_a_confirmation_that_did_not_come_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FIRST_PAUSE", 0.001)
    running = Running(subscribe_at_start=True)
    topic = running.world.route.topic_arn
    running.topics.unconfirmed.add(topic)
    running.engine.start()
    eventually(lambda: len(running.topics.asked) > 2)
    running.topics.unconfirmed.clear()
    eventually(lambda: not _threads("inbox-subscribe"))
    running.engine.stop(PATIENCE)


def test_a_topic_that_is_missing_keeps_no_other_from_being_subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FIRST_PAUSE", 0.001)
    running = Running(subscribe_at_start=True)
    other = replace(running.world.route, name="other", topic_arn="arn:aws:sns:us-east-1:123456789012:other")
    running.engine._routes = [running.world.route, other]
    running.topics.missing.add(running.world.route.topic_arn)
    running.engine.start()
    eventually(lambda: (other.topic_arn, "https://annotator.example.org/hooks/other") in running.topics.subscriptions)
    running.engine.stop(PATIENCE)


def test_a_server_that_shall_not_subscribe_does_not(running: Running) -> None:
    eventually(lambda: running.engine.is_ready)
    assert running.topics.subscriptions == {}


def test_a_worker_thread_outlives_whatever_an_entry_does_to_it() -> None:
    ran: list[str] = []

    def run(entry_id: str, known: Entry | None) -> None:
        ran.append(entry_id)
        if entry_id == "bad":
            raise SystemExit

    workers = Workers(run, slots=1, on_idle=lambda: None)
    workers.start()
    for entry_id in ("bad", "good"):
        workers.offer(entry_id, "alice")
    eventually(lambda: ran == ["bad", "good"])
    workers.close()


def test_routes_take_turns_however_many_entries_of_one_wait() -> None:
    ran: list[str] = []
    workers = Workers(lambda entry_id, _: ran.append(entry_id), slots=1, on_idle=lambda: None)
    for entry_id in ("restores#1", "restores#2", "restores#3", "mails#1", "mails#2"):
        workers.offer(entry_id, "alice")
    workers.start()
    eventually(lambda: len(ran) == 5)
    workers.close()
    assert ran == ["restores#1", "mails#1", "restores#2", "mails#2", "restores#3"]


def test_an_entry_that_waits_already_is_not_queued_twice() -> None:
    workers = Workers(lambda *_: None, slots=1, on_idle=lambda: None)
    for _ in range(3):
        workers.offer("same", "alice")
    assert workers.waiting == 1


def of(user_id: str, number: int = 0) -> str:
    return JobRequested(job_id=f"{user_id}-{number}", run=1, user_id=user_id).to_json()


def whose(running: Running) -> list[str]:
    """Whose messages were begun, in this order."""
    return [message.user_id for message, _ in running.world.handled]


def test_a_restarted_server_begins_with_everybodys_first_message() -> None:
    running = Running(worker_slots=1)
    for number in range(150):
        running.world.accept(of("alice", number))
    for user_id in ("bob", "charlie"):
        running.world.accept(of(user_id))
    running.world.time += timedelta(seconds=10)
    running.go_on.set()
    running.engine.start()
    eventually(lambda: len(running.world.handled) == 152)
    running.engine.stop(PATIENCE)
    assert sorted(whose(running)[:3]) == ["alice", "bob", "charlie"]


def test_bobs_first_message_is_begun_next_while_hundreds_of_alices_wait() -> None:
    running = Running(worker_slots=1)
    running.engine.start()
    for number in range(300):
        running.engine.offer(running.world.entry(running.world.accept(of("alice", number))))
    eventually(lambda: running.started)
    running.engine.offer(running.world.entry(running.world.accept(of("bob"))))
    running.go_on.set()
    eventually(lambda: len(running.started) > 1)
    running.engine.stop(PATIENCE)
    assert whose(running)[:2] == ["alice", "bob"]


def test_of_two_instances_with_alices_messages_the_first_that_is_free_begins_bobs() -> None:
    inbox = FakeInbox()
    pair = [Running(inbox=inbox, worker_slots=1, lease_seconds=3600) for _ in range(2)]
    for number in range(120):
        pair[0].world.accept(of("alice", number))
    for one in pair:
        one.world.time += timedelta(seconds=10)
        one.engine.start()
    eventually(lambda: all(one.started for one in pair))
    pair[0].world.accept(of("bob"))  # whoever accepted it dies: a sweep has to find it
    for one in pair:
        one.world.time += timedelta(seconds=10)
    eventually(lambda: all("bob" in waiting_in(one) for one in pair))
    for one in pair:
        one.go_on.set()
    eventually(lambda: "bob" in whose(pair[0]) + whose(pair[1]))
    for one in pair:
        one.engine.stop(PATIENCE)
    begun = next(whose(one) for one in pair if "bob" in whose(one))
    assert begun.index("bob") == 1


def waiting_in(running: Running) -> set[str]:
    """Of whom something waits in this instance's own queue."""
    owners = [route.owners.items() for route in running.engine._workers._turns._routes.values()]
    return {user_id for pairs in owners for user_id, owner in list(pairs) if owner.waiting}


def test_pauses_are_known_after_a_sweep_and_gone_after_another(running: Running) -> None:
    pause = Pause("job-requests", "operator@example.org", "The disk is full.", running.world.time)
    running.world.inbox.pause(pause)
    eventually(lambda: running.engine.pause_of("job-requests") == pause)
    running.world.inbox.resume("job-requests")
    eventually(lambda: running.engine.pause_of("job-requests") is None)


def test_a_paused_route_is_worked_on_all_the_same(running: Running) -> None:
    running.world.inbox.pause(Pause("job-requests", "operator@example.org", "why", running.world.time))
    running.go_on.set()
    running.accept()
    running.world.time += timedelta(seconds=10)
    eventually(lambda: running.states() == [EntryState.DONE])


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


def test_a_draining_server_starts_nothing_more_and_lets_what_runs_go_on(running: Running) -> None:
    for _ in range(4):
        running.engine.offer(running.accept())
    eventually(lambda: len(running.started) == 2)
    running.engine.drain()
    assert not running.engine.is_ready
    running.go_on.set()
    eventually(lambda: running.states().count(EntryState.DONE) == 2)
    running.engine.stop(PATIENCE)
    assert running.states().count(EntryState.RECEIVED) == 2
    assert running.engine.liveness["threads"].ok  # they ended because they were told to


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


def _threads(prefix: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]
