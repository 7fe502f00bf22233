"""Taking turns, so that whoever has much to do does not keep the others waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def in_turns(things: Iterable[T], owner: Callable[[T], str]) -> list[T]:
    """The first of each owner, then the second of each, and so on; otherwise in the order in which they are given."""
    seen: Counter[str] = Counter()
    rounds: list[tuple[int, T]] = []
    for thing in things:
        rounds.append((seen[owner(thing)], thing))
        seen[owner(thing)] += 1
    return [thing for _, thing in sorted(rounds, key=lambda pair: pair[0])]
