"""Counters that forget, on the fake and on DynamoDB."""

from __future__ import annotations

from datetime import timedelta

from shared.core.ports import Limits
from tests.factories import NOON

MINUTE = timedelta(minutes=1)


def test_hits_within_a_window_are_counted_and_the_next_window_starts_at_one(limits: Limits) -> None:
    moments = [NOON, NOON + timedelta(seconds=59.999), NOON + timedelta(seconds=60)]
    assert [limits.hit("sign-in#alice", window=MINUTE, now=now) for now in moments] == [1, 2, 1]


def test_a_hit_that_is_forgiven_does_not_count(limits: Limits) -> None:
    limits.hit("sign-in#alice", window=MINUTE, now=NOON)
    limits.hit("sign-in#alice", window=MINUTE, now=NOON)
    limits.forgive("sign-in#alice", window=MINUTE, now=NOON)
    assert limits.hit("sign-in#alice", window=MINUTE, now=NOON) == 2


def test_nothing_is_forgiven_in_advance(limits: Limits) -> None:
    limits.forgive("sign-in#alice", window=MINUTE, now=NOON)
    assert limits.hit("sign-in#alice", window=MINUTE, now=NOON) == 1


def test_each_key_and_each_length_of_window_counts_by_itself(limits: Limits) -> None:
    limits.hit("sign-in#alice", window=MINUTE, now=NOON)
    assert limits.hit("sign-in#bob", window=MINUTE, now=NOON) == 1
    assert limits.hit("sign-in#alice", window=2 * MINUTE, now=NOON) == 1


def test_a_key_of_any_text_and_length_counts(limits: Limits) -> None:
    for key in ("", "x" * 5000, "naïve#试验", "\ud800"):
        assert [limits.hit(key, window=MINUTE, now=NOON) for _ in range(2)] == [1, 2]
    assert limits.hit("x" * 5001, window=MINUTE, now=NOON) == 1
