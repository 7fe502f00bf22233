"""A job that waits says where it stands in line, and when it is likely to start."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from frontend.jobs.presentation import in_line
from frontend.jobs.queue import AT_ONCE, FRESH_SECONDS, REMEMBERED_SECONDS, JobQueue, Place
from shared.core.errors import Unavailable
from shared.core.inbox import About, Entry, EntryState, Found, Line, Query
from shared.core.jobs import Job, JobState
from tests.client import Browser
from tests.factories import NOON
from tests.fakes import FakeInbox
from tests.unit.frontend_jobs.test_list import live_tag
from tests.unit.frontend_jobs.world import JobsWorld

MINUTE = timedelta(minutes=1)
PATIENCE = 10.0


class Waiting:
    """An inbox, and a clock that the test turns."""

    def __init__(self, **options: Any) -> None:
        self.inbox = FakeInbox()
        self.passed = 0.0
        self.queue = JobQueue(self.inbox, monotonic=lambda: self.passed, **{"patience": PATIENCE, **options})
        self.numbers = itertools.count()

    def add(self, user_id: str, job_id: str = "", state: EntryState = EntryState.RECEIVED, **fields: Any) -> None:
        """A message that was accepted after those before it."""
        add(self.inbox, user_id, job_id or f"job-{next(self.numbers)}", state, **fields)

    def add_done(self, *minutes: int) -> None:
        """Jobs that took so long."""
        for took in minutes:
            self.add("zoe", state=EntryState.DONE, started_at=NOON, finished_at=NOON + took * MINUTE, due_at=None)


def add(inbox: FakeInbox, user_id: str, job_id: str, state: EntryState = EntryState.RECEIVED, **fields: Any) -> None:
    number = len(inbox.entries)
    at = NOON + timedelta(seconds=number)
    given: dict[str, Any] = {
        "message_id": str(number),
        "topic_arn": "",
        "envelope": "",
        "digest": "",
        "received_at": at,
        "accepted_at": at,
        "due_at": at,
        **fields,
    }
    entry = Entry(f"job-requests#{number}", "job-requests", state=state, about=About(job_id, user_id), **given)
    inbox.entries[entry.entry_id] = entry


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    waiting = Waiting()
    yield waiting
    waiting.queue._pool.shutdown()


def test_the_place_is_counted_among_those_who_wait(waiting: Waiting) -> None:
    waiting.add("alice", state=EntryState.RUNNING)
    waiting.add("alice", "hers")
    waiting.add("bob", "his")
    assert waiting.queue.place("his") == Place(2, None)


def test_owners_take_turns_in_line(waiting: Waiting) -> None:
    for _ in range(100):
        waiting.add("alice")
    waiting.add("bob", "his-first")
    waiting.add("bob", "his-second")
    assert [waiting.queue.place(job_id) for job_id in ("his-first", "his-second")] == [Place(2, None), Place(4, None)]


def test_the_start_is_reckoned_from_how_long_jobs_took_and_how_many_run_at_once(waiting: Waiting) -> None:
    waiting.add_done(1, 2, 60)
    for _ in range(2):
        waiting.add("alice", state=EntryState.RUNNING)
    for _ in range(4):
        waiting.add("alice")
    waiting.add("alice", "hers")
    assert waiting.queue.place("hers") == Place(5, 6 * MINUTE)


def test_a_job_that_is_announced_twice_stands_where_the_first_does(waiting: Waiting) -> None:
    waiting.add("alice", "hers")
    waiting.add("alice", "hers")
    assert waiting.queue.place("hers") == Place(1, None)


@pytest.mark.parametrize("state", [EntryState.RUNNING, EntryState.DONE])
def test_a_job_that_does_not_wait_has_no_place(waiting: Waiting, state: EntryState) -> None:
    waiting.add("alice", "hers", state)
    assert waiting.queue.place("hers") is None


def test_the_inbox_is_asked_once_in_a_while_however_many_pages_ask(waiting: Waiting) -> None:
    asked: list[str] = []
    line = waiting.inbox.line

    def counted(route: str, *, limit: int) -> Line:
        asked.append(route)
        return line(route, limit=limit)

    waiting.inbox.line = counted  # type: ignore[method-assign]  # a double's method, for this test
    for job_id in ("hers", "his"):
        waiting.add("alice", job_id)
    for _ in range(3):
        assert [waiting.queue.place(job_id) for job_id in ("hers", "his")] == [Place(1, None), Place(2, None)]
    assert len(asked) == 1
    waiting.passed += FRESH_SECONDS
    waiting.queue.place("hers")
    assert len(asked) == 2


def test_an_inbox_that_is_away_leaves_the_place_out_until_it_is_back(waiting: Waiting) -> None:
    waiting.add("alice", "hers")
    waiting.inbox.fail_with = Unavailable("DynamoDB is away.")
    assert waiting.queue.place("hers") is None
    waiting.inbox.fail_with = None
    waiting.passed += FRESH_SECONDS
    assert waiting.queue.place("hers") == Place(1, None)


def test_nobody_waits_for_an_inbox_that_is_slow_and_it_is_not_asked_again_meanwhile() -> None:
    waiting = Waiting(patience=0.0)
    waiting.add("alice", "hers")
    answered, asked = threading.Event(), []
    find = waiting.inbox.find

    def slow(*given: Any, **named: Any) -> Any:
        asked.append(given)
        answered.wait(PATIENCE)
        return find(*given, **named)

    waiting.inbox.find = slow  # type: ignore[method-assign]  # a double's method, for this test
    for _ in range(5):
        assert waiting.queue.place("hers") is None
        waiting.passed += FRESH_SECONDS
    answered.set()
    waiting.queue._pool.shutdown()
    assert len(asked) == 2  # for the job, then for those that are done
    assert waiting.queue._asked["hers"].answer.result() == Place(1, None)


def test_an_answer_that_took_long_is_shown_for_as_long_as_any(waiting: Waiting) -> None:
    waiting.add("alice", "hers")
    asked, find = [], waiting.inbox.find

    def slow(query: Query, **named: Any) -> Found:
        asked.append(query)
        waiting.passed += FRESH_SECONDS
        return find(query, **named)

    waiting.inbox.find = slow  # type: ignore[method-assign]  # a double's method, for this test
    assert waiting.queue.place("hers") == Place(1, None)
    number = len(asked)
    waiting.passed += FRESH_SECONDS / 2
    assert waiting.queue.place("hers") == Place(1, None)
    assert len(asked) == number


def test_the_answer_before_is_shown_while_the_next_one_is_slow_but_not_for_ever() -> None:
    waiting = Waiting(patience=0.0)
    waiting.add("alice", "first")
    waiting.add("alice", "hers")
    waiting.queue.place("hers")
    assert waiting.queue._asked["hers"].answer.result(PATIENCE) == Place(2, None)
    del waiting.inbox.entries["job-requests#0"]
    answered, line = threading.Event(), waiting.inbox.line

    def slow(route: str, *, limit: int) -> Line:
        assert answered.wait(PATIENCE)
        return line(route, limit=limit)

    waiting.inbox.line = slow  # type: ignore[method-assign]  # a double's method, for this test
    waiting.passed += FRESH_SECONDS
    for _ in range(3):
        assert waiting.queue.place("hers") == Place(2, None)
        waiting.passed += FRESH_SECONDS
    waiting.passed += REMEMBERED_SECONDS
    assert waiting.queue.place("hers") is None
    answered.set()
    assert waiting.queue._asked["hers"].answer.result(PATIENCE) == Place(1, None)
    waiting.queue._pool.shutdown()


def test_how_long_jobs_take_is_known_still_when_what_is_done_is_too_far_back(waiting: Waiting) -> None:
    waiting.add_done(2)
    waiting.add("alice", "hers")
    assert waiting.queue.place("hers") == Place(1, 2 * MINUTE)
    waiting.passed += FRESH_SECONDS
    find = waiting.inbox.find

    def only_by_job(query: Query, **named: Any) -> Found:
        return find(query, **named) if query.job_id else Found((), "further back")

    waiting.inbox.find = only_by_job  # type: ignore[method-assign]  # a double's method, for this test
    assert waiting.queue.place("hers") == Place(1, 2 * MINUTE)


def test_jobs_that_nobody_asks_about_any_more_are_forgotten(waiting: Waiting) -> None:
    for number in range(5):
        waiting.add("alice", f"job-{number}")
        waiting.queue.place(f"job-{number}")
        waiting.passed += REMEMBERED_SECONDS
    assert set(waiting.queue._asked) == {"job-4"}


@pytest.mark.parametrize(
    ("position", "starts_in", "words"),
    [
        (1, None, "Next in line, starts soon."),
        (2, timedelta(seconds=20), "2nd in line, starts in less than a minute."),
        (3, timedelta(seconds=100), "3rd in line, starts in about 2 minutes."),
        (11, MINUTE, "11th in line, starts in about 1 minute."),
        (23, 89 * MINUTE, "23rd in line, starts in about 89 minutes."),
        (1112, 150 * MINUTE, "1,112th in line, starts in about 2 hours."),
    ],
)
def test_the_place_is_said_in_words(position: int, starts_in: timedelta | None, words: str) -> None:
    assert in_line(position, starts_in) == words


# ---- on the page ----


def a_waiting_job(world: JobsWorld) -> Job:
    """Of alice, behind one of bob, for as long as it takes to be asked about."""
    job = world.job(JobState.QUEUED)
    add(world.inbox, world.bob.user_id, "his")
    add(world.inbox, world.alice.user_id, job.job_id)
    world.time += AT_ONCE
    return job


def test_the_page_of_a_job_that_waits_says_where_it_stands(world: JobsWorld, alice: Browser) -> None:
    job = a_waiting_job(world)
    for path in (f"/jobs/{job.job_id}", f"/jobs/{job.job_id}/live"):
        assert "2nd in line, starts soon." in alice.get(path).words


def test_the_page_changes_when_the_line_moves_and_not_otherwise(
    world: JobsWorld, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_waiting_job(world)
    tag = live_tag(alice.get(f"/jobs/{job.job_id}"))
    asks = {"headers": {"HX-Request": "true", "If-None-Match": tag}}
    assert alice.get(f"/jobs/{job.job_id}/live", **asks).status == 304
    del world.inbox.entries["job-requests#0"]
    monkeypatch.setattr("frontend.jobs.queue.FRESH_SECONDS", 0.0)
    assert "Next in line" in alice.get(f"/jobs/{job.job_id}/live", **asks).words


def test_a_job_that_was_queued_just_now_is_not_asked_about(world: JobsWorld, alice: Browser) -> None:
    job = a_waiting_job(world)
    world.time -= AT_ONCE
    assert "in line" not in alice.get(f"/jobs/{job.job_id}").words


def test_the_page_is_whole_while_the_inbox_is_away(world: JobsWorld, alice: Browser) -> None:
    job = a_waiting_job(world)
    world.inbox.fail_with = Unavailable("DynamoDB is away.")
    page = alice.get(f"/jobs/{job.job_id}")
    assert (page.status, "in line" in page.words, "You can close this page" in page.words) == (200, False, True)


def test_nobody_else_learns_where_a_job_stands(world: JobsWorld, bob: Browser) -> None:
    job = a_waiting_job(world)
    assert bob.get(f"/jobs/{job.job_id}/live").status == 404
