"""Finds what nobody works on. It recovers; it is never how work normally starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shared.core.clock import Clock
from shared.core.inbox import Inbox
from shared.inbox.backlog import Backlog

PAGE = 100
READ_AT_ONCE = 300
"""Unfinished entries that a server may read at each beat of its sweep. A thousand servers that sweep every three seconds
read a hundred thousand entries a second then, which DynamoDB gives from one index with room to spare."""


def pause(beat: float, unfinished: int) -> float:
    """Seconds from one sweep to the next. Each reads what is unfinished, so a long line is read more rarely: with many
    servers, which come from as many sides, nothing is found later for it. A server that is idle does not wait for this."""
    return beat * max(1.0, unfinished / READ_AT_ONCE)


class Sweeper:
    """Any number of instances may sweep at once: a sweep only offers, and the claim decides."""

    def __init__(
        self, inbox: Inbox, routes: Iterable[str], backlog: Backlog, *, offer: Callable[[str, str], object], now: Clock
    ) -> None:
        """``offer`` is called with an entry's id and whom it is about."""
        self._inbox = inbox
        self._routes = tuple(routes)
        self._backlog = backlog
        self._offer = offer
        self._now = now
        self._unfinished: dict[str, int] = {}
        """Route → how much it had when it was last counted."""

    def sweep(self) -> bool:
        """Offers what is due, and counts the backlog. Whether more was due than one sweep takes.

        A route that cannot be surveyed keeps no other from being swept, and counts as at the last time. Raises
        `Unavailable`, or what else came of the first of such routes, when all were tried.
        """
        more, failure = False, None
        mark = self._backlog.begin_count()
        for route in self._routes:
            try:
                more = self._sweep_route(route) or more
            except Exception as error:  # noqa: BLE001 - raised below
                failure = failure or error
        self._backlog.counted(sum(self._unfinished.values()), mark)
        if failure is not None:
            raise failure
        return more

    def _sweep_route(self, route: str) -> bool:
        survey = self._inbox.survey(route, now=self._now(), due=PAGE, unfinished=self._backlog.bound)
        self._unfinished[route] = survey.unfinished
        # In the order of their turns. Instances that sweep in the same moment meet at the first few entries only:
        # whoever loses a claim goes on to the next entry while the winner works.
        for waiting in survey.due:
            self._offer(waiting.entry_id, waiting.user_id)
        return len(survey.due) == PAGE
