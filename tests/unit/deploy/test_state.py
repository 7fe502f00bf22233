"""What is to be done later outlives the process: a timer, lanes and their tasks, through a pickle and back."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.gate import Gate
from deploy.local.s3.bodies import Bodies, Body, BodyLost
from deploy.local.sns import lanes as lanes_module
from deploy.local.sns.lanes import Hours, Lanes, Task, ThreadLane, ThreadTimer
from deploy.local.state import Part, State
from shared.core.clock import utc_now

SOON = 10.0
DONE: list[str] = []
HAPPENED = threading.Semaphore(0)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    DONE.clear()
    monkeypatch.setattr(lanes_module, "GRACE_SECONDS", 0.0)


def note(what: str) -> None:
    DONE.append(what)
    HAPPENED.release()


def work(what: str) -> Task:
    return functools.partial(note, what)


class Anything:
    """A part that keeps what it is given."""

    def __init__(self, kept: Any = None) -> None:
        self.kept = kept

    def dump(self) -> Any:
        return self.kept

    def load(self, kept: Any) -> None:
        self.kept = kept


class Process:
    """The parts of one run of the cloud."""

    def __init__(self, folder: Path, anything: Any = None) -> None:
        self.gate = Gate()
        self.timer = ThreadTimer(self.gate)
        self.lanes = Lanes(self.gate, self.timer)
        self.anything = Anything(anything)
        self.bodies = Bodies(folder)
        parts: dict[str, Part] = {"timer": self.timer, "lanes": self.lanes, "anything": self.anything}
        self.state = State(parts, {"bodies": self.bodies})

    def dump(self) -> bytes:
        with self.gate.still():
            return self.state.dump()

    def load(self, pickled: bytes) -> Process:
        with self.gate.still():
            self.state.load(pickled)
        return self


def happened(count: int) -> list[str]:
    for _ in range(count):
        assert HAPPENED.acquire(timeout=SOON), f"only {DONE}"
    return DONE


def test_tasks_are_done_after_a_restart_in_the_order_in_which_they_are_due(tmp_path: Path) -> None:
    first = Process(tmp_path)
    first.timer.later(1000.3, functools.partial(note, "last"))
    first.timer.later(1000.1, functools.partial(note, "first"))
    first.timer.at(utc_now() + timedelta(seconds=1000.2), functools.partial(note, "second"))
    with first.gate.still():
        kept = first.timer.dump()
    short = [
        (due - 1000, moment and moment - timedelta(seconds=1000), task)  # as if it had been stopped a bit later
        for due, moment, task in kept.tasks
    ]
    second = Process(tmp_path)
    with second.gate.still():
        second.timer.load(replace(kept, tasks=short))
    assert happened(3) == ["first", "second", "last"]


def test_seconds_stand_still_while_nothing_runs_and_moments_pass(tmp_path: Path) -> None:
    timer, hour = Process(tmp_path).timer, timedelta(hours=1)
    ago = utc_now() - hour
    tasks: list[Any] = [
        (160.0, None, functools.partial(note, "in a minute")),
        (160.0, ago + timedelta(minutes=1), functools.partial(note, "59 minutes ago")),
    ]
    timer.load(Hours(now=100.0, wall=ago, stopped=hour, tasks=tasks))
    assert happened(1) == ["59 minutes ago"]
    assert 100 <= timer.now() < 160
    assert 2 * hour <= timer.stopped < 2 * hour + timedelta(minutes=1)


def test_work_that_was_under_way_is_begun_again_on_its_own_lane(tmp_path: Path) -> None:
    first = Process(tmp_path)
    lane = first.lanes.new(1)
    first.anything.kept = {"subscription": lane}
    lane._unfinished.update({1: functools.partial(work, "under way"), 2: functools.partial(work, "next")})
    second = Process(tmp_path).load(first.dump())
    assert happened(2) == ["under way", "next"]
    restored = second.anything.kept["subscription"]
    assert isinstance(restored, ThreadLane)
    assert (restored.width, restored is lane) == (1, False)


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    first = Process(tmp_path)
    lane = first.lanes.new()
    lane.run(functools.partial(work, "once"))
    happened(1)
    with first.gate.still():
        pass  # the step that it happened in is over
    second = Process(tmp_path).load(first.dump())
    assert second.lanes.dump() == []
    assert second.timer.dump().tasks == []


@dataclass
class Holder:
    """Has what a pickle may not have: a lock, and parts of the process."""

    lock: Any
    timer: ThreadTimer
    body: Body


def test_parts_of_the_process_are_found_again_and_locks_are_new(tmp_path: Path) -> None:
    first = Process(tmp_path)
    held = Holder(threading.RLock(), first.timer, first.bodies.keep(b"##fileformat"))
    first.anything.kept = [held, held]
    with held.lock:
        pickled = first.dump()
    second = Process(tmp_path).load(pickled)
    one, same = second.anything.kept
    assert one is same
    assert one.timer is second.timer
    assert one.lock.acquire(blocking=False)
    assert one.body.path.read_bytes() == b"##fileformat"


def test_a_file_goes_after_its_last_object_and_only_after_the_next_snapshot(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path)
    kept, dropped = bodies.keep(b"kept"), bodies.keep(b"dropped")
    paths = [kept.path, dropped.path]
    assert bodies.take_dropped() == []
    del dropped
    assert paths[1].exists()
    assert bodies.take_dropped() == [paths[1]]


def test_files_that_nothing_knows_of_are_removed_after_a_load(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path)
    kept = bodies.keep(b"kept")
    (tmp_path / "lost").write_bytes(b"of the last moment")
    bodies.tidy()
    assert list(tmp_path.iterdir()) == [kept.path]


@pytest.mark.parametrize("left", [None, b"", b"##file"])
def test_a_file_that_is_missing_or_cut_off_is_named(tmp_path: Path, left: bytes | None) -> None:
    first = Process(tmp_path)
    body = first.bodies.keep(b"##fileformat")
    first.anything.kept = body
    pickled = first.dump()
    body.path.unlink()
    if left is not None:
        body.path.write_bytes(left)
    with pytest.raises(BodyLost, match=body.path.name):
        Process(tmp_path).load(pickled)
