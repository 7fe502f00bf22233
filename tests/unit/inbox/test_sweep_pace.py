"""A long line is read more rarely, and nothing else suffers for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.inbox import EntryState, Pause
from shared.inbox import sweeper
from tests.factories import NOON
from tests.unit.inbox.running import PATIENCE, Running, count_sweeps, eventually


@pytest.mark.parametrize(("unfinished", "seconds"), [(0, 3), (300, 3), (1500, 15), (9000, 90)])
def test_a_server_reads_no_more_than_so_many_entries_at_each_beat_however_long_the_line(
    unfinished: int, seconds: float
) -> None:
    assert sweeper.pause(3, unfinished) == seconds


class Paced(Running):
    """Time stands still unless the test moves it, and one unfinished entry is a long line."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sweeper, "READ_AT_ONCE", 0.001)
        self.moment = 0.0
        super().__init__(monotonic=lambda: self.moment)
        self.beats = count_sweeps(self)
        self.surveys: list[int] = []
        survey = self.world.inbox.survey

        def counted(*args: object, **kwargs: object) -> object:
            self.surveys.append(1)
            return survey(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they came

        self.world.inbox.survey = counted  # type: ignore[method-assign, assignment]  # a double's method, for this test

    def let_it_beat(self) -> None:
        seen = len(self.beats)
        eventually(lambda: len(self.beats) > seen + 3)


def test_a_long_line_is_looked_through_again_only_after_its_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Paced(monkeypatch)
    running.world.accept()
    running.engine.start()
    running.let_it_beat()
    assert len(running.surveys) == 1
    running.moment += 1000
    running.let_it_beat()
    assert len(running.surveys) == 2
    running.engine.stop(PATIENCE)


def test_an_operator_s_pause_is_seen_at_the_next_beat_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Paced(monkeypatch)
    running.world.accept()
    running.engine.start()
    running.let_it_beat()
    running.world.inbox.pause(Pause("job-requests", "alice", "the disk is full", NOON))
    eventually(lambda: running.engine.pause_of("job-requests"))
    running.engine.stop(PATIENCE)


def test_a_server_that_has_run_dry_while_more_is_due_looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Paced(monkeypatch)
    running.go_on.set()
    for _ in range(250):  # more than two pages
        running.world.accept()
    running.world.time += timedelta(seconds=10)
    running.engine.start()
    eventually(lambda: set(running.states()) == {EntryState.DONE})
    running.engine.stop(PATIENCE)
