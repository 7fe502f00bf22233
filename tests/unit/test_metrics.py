"""What is counted when something happens: by its kind, once, and with the time that it took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from prometheus_client.samples import Sample

from shared import metrics
from shared.core.errors import Permanent, Unavailable
from shared.core.inbox import Attempt, Entry, Outcome

NOON = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=20)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.fixture
def grown() -> Callable[..., float]:
    """By how much a metric of this process, which other tests count in, too, grew since the test began."""
    before = {(sample.name, *sorted(sample.labels.items())): sample.value for sample in samples()}

    def difference(name: str, **labels: str) -> float:
        return (REGISTRY.get_sample_value(name, labels) or 0) - before.get((name, *sorted(labels.items())), 0)

    return difference


def samples() -> list[Sample]:
    return [sample for family in REGISTRY.collect() for sample in family.samples]


def entry() -> Entry:
    return Entry(
        entry_id="job-requests#1",
        route="job-requests",
        message_id="1",
        topic_arn="arn:aws:sns:us-east-1:123456789012:job-requests",
        envelope="{}",
        digest="d",
        received_at=NOON,
        accepted_at=NOON,
        due_at=NOON,
    )


def test_a_push_is_counted_by_route_and_outcome_with_its_time(grown: Callable[..., float]) -> None:
    metrics.push_answered("job-requests", "inbox-unavailable", 0.5)
    assert grown("gas_pushes_total", route="job-requests", outcome="inbox-unavailable") == 1
    assert grown("gas_push_seconds_sum", route="job-requests") == 0.5


def test_a_message_waits_from_its_acceptance_to_its_first_attempt(grown: Callable[..., float]) -> None:
    metrics.attempt_started(entry().claimed(holder="here", now=NOON + seconds(3), lease=LEASE))
    assert grown("gas_message_wait_seconds_count", route="job-requests") == 1
    assert grown("gas_message_wait_seconds_sum", route="job-requests") == 3


def test_the_delay_before_another_attempt_is_no_wait(grown: Callable[..., float]) -> None:
    first = entry().claimed(holder="here", now=NOON, lease=LEASE)
    later = first.postponed(NOON, NOON + seconds(60), "S3 is away.")
    metrics.attempt_started(later.claimed(holder="here", now=NOON + seconds(60), lease=LEASE))
    assert grown("gas_message_wait_seconds_count", route="job-requests") == 0


def test_an_attempt_is_counted_by_its_outcome_with_the_time_of_its_work(grown: Callable[..., float]) -> None:
    claimed = entry().claimed(holder="here", now=NOON, lease=LEASE)
    done = replace(claimed, started_at=NOON + seconds(1)).completed(NOON + seconds(5))
    metrics.attempt_ended("job-requests", done.history[-1])
    assert grown("gas_messages_total", route="job-requests", outcome="done") == 1
    assert grown("gas_message_work_seconds_sum", route="job-requests") == 4


def test_an_attempt_of_which_nothing_was_heard_has_no_time_of_work(grown: Callable[..., float]) -> None:
    metrics.attempt_ended("job-requests", Attempt("there", NOON, None, NOON + LEASE, Outcome.LOST))
    assert grown("gas_messages_total", route="job-requests", outcome="lost") == 1
    assert grown("gas_message_work_seconds_count", route="job-requests") == 0


def test_a_clock_that_was_put_back_makes_no_negative_time(grown: Callable[..., float]) -> None:
    metrics.attempt_started(entry().claimed(holder="here", now=NOON - seconds(3), lease=LEASE))
    metrics.attempt_ended("job-requests", Attempt("here", NOON, NOON, NOON - seconds(3), Outcome.DONE))
    assert grown("gas_message_wait_seconds_sum", route="job-requests") == 0
    assert grown("gas_message_work_seconds_sum", route="job-requests") == 0


@pytest.mark.parametrize(
    ("error", "outcome"), [(Permanent("No such address."), "refused"), (Unavailable("SES is away."), "failed")]
)
def test_an_email_that_was_not_taken_is_counted_and_its_error_goes_on(
    grown: Callable[..., float], error: Exception, outcome: str
) -> None:
    with pytest.raises(type(error)), metrics.sending_mail("job_completed"):
        raise error
    assert grown("gas_mails_total", kind="job_completed", outcome=outcome) == 1
    assert grown("gas_mails_total", kind="job_completed", outcome="sent") == 0


def test_an_email_that_was_taken_is_counted_once(grown: Callable[..., float]) -> None:
    with metrics.sending_mail("job_completed"):
        pass
    assert grown("gas_mails_total", kind="job_completed", outcome="sent") == 1


def test_only_completed_jobs_are_timed(grown: Callable[..., float]) -> None:
    metrics.job_ended("rejected")
    metrics.job_ended("completed", seconds(2))
    assert grown("gas_jobs_total", outcome="rejected") == grown("gas_jobs_total", outcome="completed") == 1
    assert grown("gas_job_seconds_count") == 1
    assert grown("gas_job_seconds_sum") == 2
