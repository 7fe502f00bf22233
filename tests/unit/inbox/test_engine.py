"""Threads: work starts at once, is bounded by slots, is recovered by sweeps, and ends in order."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.errors import Unavailable
from shared.core.inbox import Entry, EntryState, Pause
from shared.core.messages import JobRequested
from shared.inbox import engine as engine_module
from shared.inbox.route import Lease
from shared.inbox.workers import Workers
from tests.unit.inbox.running import PATIENCE, Running, count_sweeps, eventually, threads
from tests.unit.inbox.world import QUEUE


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
    eventually(lambda: not threads("inbox-worker"))
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
    eventually(lambda: not threads("inbox-"))


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
    eventually(lambda: not threads("inbox-subscribe"))
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
