"""Finds what nobody works on. It recovers; it is never how work normally starts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from shared.core.clock import Clock
from shared.core.inbox import Inbox
from shared.inbox.backlog import Backlog

PAGE = 100


class Sweeper:
    """Any number of instances may sweep at once: a sweep only offers, and the claim decides."""

    def __init__(
        self, inbox: Inbox, routes: Iterable[str], backlog: Backlog, *, offer: Callable[[str], None], now: Clock
    ) -> None:
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
            # Instances that sweep in the same moment would fight over each entry in turn if all kept to one order.
            for entry_id in random.sample(survey.due, len(survey.due)):
                self._offer(entry_id)
        self._backlog.counted(unfinished, mark)
        return more
