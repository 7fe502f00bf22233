"""The time as AWS has it.

Leases, and the time that SES is given to report, are agreed upon by several machines. Were the clock of one of them
ten minutes ahead, it would take every lease of the others for over, and an e-mail on its way for lost.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import structlog

from shared.core.clock import Clock, utc_now

log = structlog.get_logger()

TOLERANCE = timedelta(seconds=3)
"""What a machine's clock may differ by and be believed: AWS's answers tell whole seconds and take a while."""


class AwsClock:
    """The machine's clock, put right by the Date of AWS's answers. Implements `shared.core.clock.Clock`.

    Two answers in a row have to agree on how wrong it is: one may just have been long on its way.
    """

    def __init__(self, now: Clock = utc_now) -> None:
        self._machine = now
        self._offset = timedelta()
        self._suspected = timedelta()

    def __call__(self) -> datetime:
        return self._machine() + self._offset

    def listen(self, client: Any) -> None:
        """Hears every answer that this boto3 client gets from now on."""
        client.meta.events.register("after-call", lambda http_response, **_: self.hear(http_response.headers))

    def hear(self, headers: Any) -> None:
        """One answer's headers. Whatever they say, this raises nothing."""
        try:
            told = parsedate_to_datetime(headers.get("Date") or "")
        except ValueError:
            return
        found = (told if told.tzinfo else told.replace(tzinfo=UTC)) - self._machine()
        if abs(found) <= TOLERANCE:
            found = timedelta()
        last, self._suspected = self._suspected, found
        if abs(found - self._offset) > TOLERANCE and abs(found - last) <= TOLERANCE:
            self._offset = found
            log.warning("this machine's clock is wrong", seconds=round(found.total_seconds()))
