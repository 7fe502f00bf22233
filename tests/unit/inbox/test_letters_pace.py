"""A replay of more than the servers can take leaves room for what is pushed meanwhile."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from shared.core.inbox import EntryState
from shared.inbox.backlog import Backlog
from shared.inbox.letters import Stopped
from tests.unit.inbox.dead_letters_world import DeadLetterWorld, everything, verdicts

BOUND = 60
SWEEP = timedelta(seconds=3)
EACH = timedelta(milliseconds=100)


class Server:
    """Handles a message in each tenth of a second, and counts what waits at its sweeps only."""

    def __init__(self, world: DeadLetterWorld) -> None:
        self.world = world
        self.backlog = Backlog(BOUND)
        self.most = 0
        self.swept_at = self.handled_at = world.time
        world.readiness.bound = BOUND
        world.readiness.unfinished = lambda: self.backlog.unfinished
        self._sleep = world.sleep
        world.office._sleep = self.pass_time

    def pass_time(self, seconds: float) -> None:
        self._sleep(seconds)
        for entry_id in self.waiting()[: int((self.world.time - self.handled_at) / EACH)]:
            self.world.settle(entry_id, EntryState.DONE)
        self.handled_at = self.world.time
        if self.world.time - self.swept_at >= SWEEP:
            self.backlog.counted(len(self.waiting()), self.backlog.begin_count())
            self.swept_at = self.world.time

    def waiting(self) -> list[str]:
        return [key for key, entry in self.world.inbox.entries.items() if entry.state is EntryState.RECEIVED]


@pytest.fixture
def world() -> DeadLetterWorld:
    return DeadLetterWorld()


def test_a_push_is_still_accepted_while_twice_what_the_servers_take_is_replayed(world: DeadLetterWorld) -> None:
    letters = [world.undelivered(f"job-{number}") for number in range(2 * BOUND)]
    server = Server(world)
    results = []
    for result in world.office.replay(everything(), who="olga", why="Mended.", dry_run=False):
        results.append(result)
        assert len(server.waiting()) < BOUND
        assert not server.backlog.is_full
    assert verdicts(results) == dict.fromkeys(letters, "replayed")
    assert world.left() == 0


def test_servers_that_have_enough_to_do_are_waited_for_until_it_shall_stop(world: DeadLetterWorld) -> None:
    letters = [world.undelivered(f"job-{number}") for number in range(20)]
    world.readiness.bound, world.readiness.unfinished = BOUND, lambda: BOUND // 2
    stop = threading.Event()

    def sleep(seconds: float) -> None:
        world.sleep(seconds)
        if world.slept > 30:
            stop.set()

    world.office._sleep = sleep
    with pytest.raises(Stopped, match=r"has 30 messages to handle.*below 30.*Nothing was replayed"):
        world.replay(stop=stop)
    assert world.slept < 31
    assert len(world.readiness.asked) <= 32
    world.readiness.unfinished = lambda: 0
    assert verdicts(world.replay()) == dict.fromkeys(letters, "replayed")


@pytest.mark.parametrize("bound", [1, 2])
def test_however_little_the_servers_take_a_replay_comes_to_its_end(world: DeadLetterWorld, bound: int) -> None:
    world.readiness.bound = bound
    letters = [world.undelivered(f"job-{number}") for number in range(25)]
    assert verdicts(world.replay()) == dict.fromkeys(letters, "replayed")


def test_a_server_that_does_not_say_how_much_waits_is_not_waited_for(world: DeadLetterWorld) -> None:
    bare: Any = None
    world.readiness.bound = bare
    for number in range(50):
        world.undelivered(f"job-{number}")
    assert len(world.replay()) == 50
    assert world.slept == 0
