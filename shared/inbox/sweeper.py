"""Finds what nobody works on. It recovers; it is never how work normally starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shared.core.clock import Clock
from shared.core.inbox import Inbox
from shared.inbox.backlog import Backlog

PAGE = 100


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

    def sweep(self) -> bool:
        """Offers what is due, and counts the backlog. Whether more was due than one sweep takes.

        Raises `Unavailable`.
        """
        more, unfinished = False, 0
        mark = self._backlog.begin_count()
        for route in self._routes:
            survey = self._inbox.survey(route, now=self._now(), due=PAGE, unfinished=self._backlog.bound)
            more = more or len(survey.due) == PAGE
            unfinished += survey.unfinished
            # In the order of their turns. Instances that sweep in the same moment meet at the first few entries only:
            # whoever loses a claim goes on to the next entry while the winner works.
            for waiting in survey.due:
                self._offer(waiting.entry_id, waiting.user_id)
        self._backlog.counted(unfinished, mark)
        return more
