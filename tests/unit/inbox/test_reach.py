"""What is said of something outside that is asked again and again."""

from __future__ import annotations

import pytest

from shared.core.errors import Unavailable
from shared.core.health import Check
from shared.inbox.reach import Reach


class World:
    """Something that is reached, or not, and a clock."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.reach = Reach(30.0, lambda: self.seconds)

    def answers(self) -> None:
        self.reach.ask(lambda: None)

    def fails(self, error: Exception) -> None:
        def fail() -> None:
            raise error

        with pytest.raises(type(error)):
            self.reach.ask(fail)


def test_what_was_never_reached_says_so_and_then_why() -> None:
    world = World()
    assert world.reach.check == Check(ok=False, detail="It was not reached yet.")
    world.fails(Unavailable("S3 is away."))
    assert world.reach.check == Check(ok=False, detail="S3 is away.")


def test_what_hangs_says_for_how_long_also_before_any_call_has_ended() -> None:
    world = World()
    world.answers()
    world.seconds += 29
    assert world.reach.check == Check(ok=True)
    world.seconds += 811
    assert world.reach.check == Check(ok=False, detail="It has not answered for 840 s.")


def test_what_fails_says_for_how_long_and_why_until_it_answers_again() -> None:
    world = World()
    world.fails(Unavailable("S3 is away."))
    world.answers()
    world.seconds += 40
    assert world.reach.check.detail == "It has not answered for 40 s."
    world.fails(RuntimeError("secret"))
    assert world.reach.check.detail == "It has not answered for 40 s. Unexpected RuntimeError; see the log."
    world.answers()
    assert world.reach.check == Check(ok=True)
