"""How long messages take is told of those that were handled by themselves."""

from __future__ import annotations

from datetime import timedelta

from shared.core.inbox import EntryState, Head
from shared.inbox.figures import Percentiles, timings
from tests.factories import NOON

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def head(state: EntryState, *, took: timedelta, replays: int = 0) -> Head:
    """Accepted after a second and started after another; ``took``: from its start to its end."""
    accepted_at, started_at = NOON + SECOND, NOON + 2 * SECOND
    return Head(
        entry_id="job-requests#1",
        route="job-requests",
        message_id="1",
        state=state,
        received_at=NOON,
        accepted_at=accepted_at,
        started_at=started_at,
        finished_at=started_at + took,
        replays=replays,
    )


def test_dead_and_replayed_messages_do_not_count_where_they_would_tell_how_long_they_lay_there() -> None:
    found = timings(
        [
            head(EntryState.DONE, took=SECOND),
            head(EntryState.DONE, took=DAY, replays=1),
            head(EntryState.DEAD, took=DAY),
        ]
    )["job-requests"]
    assert found.accepting == Percentiles(3, SECOND, SECOND, SECOND)
    assert found.waiting == Percentiles(1, SECOND, SECOND, SECOND)
    assert found.working == Percentiles(1, SECOND, SECOND, SECOND)
    assert found.whole == Percentiles(1, 3 * SECOND, 3 * SECOND, 3 * SECOND)


def test_where_nothing_was_handled_by_itself_there_is_nothing_to_tell() -> None:
    found = timings([head(EntryState.DEAD, took=DAY)])["job-requests"]
    assert found.waiting is found.working is found.whole is None
