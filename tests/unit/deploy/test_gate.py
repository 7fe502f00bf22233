"""The gate: a snapshot sees no change half made."""

from __future__ import annotations

import threading

import pytest

from deploy.local.gate import Gate

SOON = 10.0
"""Seconds after which something that should have happened has not."""


def test_a_snapshot_waits_for_the_end_of_a_change() -> None:
    gate, started, go_on = Gate(), threading.Event(), threading.Event()
    seen: list[str] = []

    def change() -> None:
        with gate.change():
            started.set()
            go_on.wait(SOON)
            seen.append("changed")

    changing = threading.Thread(target=change)
    changing.start()
    started.wait(SOON)
    threading.Timer(0.05, go_on.set).start()
    with gate.still():
        seen.append("snapshot")
    changing.join(SOON)
    assert seen == ["changed", "snapshot"]


def test_nothing_begins_while_a_snapshot_is_taken_and_all_goes_on_afterwards() -> None:
    gate, changed, looked = Gate(), threading.Event(), threading.Event()

    def change() -> None:
        with gate.change():
            changed.set()

    def look() -> None:
        with gate.look():
            looked.set()

    with gate.still():
        for each in (change, look):
            threading.Thread(target=each).start()
        assert not changed.wait(0.05)
        assert not looked.is_set()
    assert changed.wait(SOON)
    assert looked.wait(SOON)


def test_a_change_within_a_change_is_part_of_it_even_when_a_snapshot_waits() -> None:
    gate, inside, waiting = Gate(), threading.Event(), threading.Event()

    def change() -> None:
        with gate.change():
            inside.set()
            waiting.wait(SOON)
            with gate.change(), gate.look():  # or this hangs, and the snapshot with it
                pass

    changing = threading.Thread(target=change)
    changing.start()
    inside.wait(SOON)
    threading.Timer(0.05, waiting.set).start()
    with gate.still():
        assert not changing.is_alive() or gate.changes > 0
    changing.join(SOON)


def test_who_waits_within_a_change_keeps_no_snapshot_waiting() -> None:
    gate, away, back = Gate(), threading.Event(), threading.Event()

    def receive() -> None:
        with gate.change(), gate.away():
            away.set()
            back.wait(SOON)

    receiving = threading.Thread(target=receive)
    receiving.start()
    assert away.wait(SOON)
    with gate.still():
        back.set()
    receiving.join(SOON)
    assert not receiving.is_alive()


def test_looking_is_no_change_and_what_fails_may_be_one() -> None:
    gate = Gate()
    with gate.look():
        pass
    assert gate.changes == 0
    with pytest.raises(ZeroDivisionError), gate.change():
        _ = 1 / 0
    assert gate.changes == 1
