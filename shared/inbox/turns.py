"""Who is next: routes take turns, and within a route the owners of its messages do.

So thousands of messages of one kind, or of one person, do not hold up everybody else's: with a slot that works on
somebody's messages and another's arriving, the other's is the next that this slot takes.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from shared.core.inbox import Entry


@dataclass
class _Lane:
    """One route, or one owner within it."""

    turn: int
    """The number of the turn in which it was served last."""
    running: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        """The least is next."""
        return self.running, self.turn


@dataclass
class _Owner(_Lane):
    waiting: OrderedDict[str, Entry | None] = field(default_factory=OrderedDict)


@dataclass
class _Route(_Lane):
    owners: dict[str, _Owner] = field(default_factory=dict)
    waiting: int = 0


@dataclass(frozen=True)
class Turn:
    """An entry whose turn it is."""

    entry_id: str
    user_id: str
    known: Entry | None
    """The entry, where it was at hand."""


class Turns:
    """What waits, in order. Not thread-safe.

    Of routes, and of owners within one, whoever has least running is next, and among those who was served longest ago.
    Somebody new is taken for served just before whoever was served last: a stream of new people cannot keep those out
    who wait.
    """

    def __init__(self) -> None:
        self._routes: dict[str, _Route] = {}
        self._served = 0

    def __len__(self) -> int:
        """How many entries wait."""
        return sum(route.waiting for route in self._routes.values())

    def add(self, entry_id: str, user_id: str, known: Entry | None, *, remembered: int) -> None:
        """Behind what its owner has waiting already. Harmless when it waits. ``known`` is kept where fewer than
        ``remembered`` entries of its route wait: envelopes can be large."""
        route = self._routes.setdefault(_route_of(entry_id), _Route(self._served - 1))
        owner = route.owners.setdefault(user_id, _Owner(self._served - 1))
        if entry_id not in owner.waiting:
            owner.waiting[entry_id] = known if route.waiting < remembered else None
            route.waiting += 1

    def take(self) -> Turn:
        """The next; it runs until `release`. Something must wait."""
        route = min((route for route in self._routes.values() if route.waiting), key=lambda route: route.rank)
        waiting = ((user_id, owner) for user_id, owner in route.owners.items() if owner.waiting)
        user_id, owner = min(waiting, key=lambda item: item[1].rank)
        self._served += 1
        for lane in (route, owner):
            lane.turn = self._served
            lane.running += 1
        route.waiting -= 1
        entry_id, known = owner.waiting.popitem(last=False)
        return Turn(entry_id, user_id, known)

    def release(self, turn: Turn) -> None:
        """It runs no more. Whoever has nothing waiting and nothing running is forgotten."""
        name = _route_of(turn.entry_id)
        route = self._routes[name]
        owner = route.owners[turn.user_id]
        route.running -= 1
        owner.running -= 1
        if not owner.running and not owner.waiting:
            del route.owners[turn.user_id]
        if not route.owners:
            del self._routes[name]


def _route_of(entry_id: str) -> str:
    return entry_id.partition("#")[0]
