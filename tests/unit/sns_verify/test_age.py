"""Family 7, as far as one message tells: how old it is. That none counts twice is the inbox's business."""

from __future__ import annotations

import pytest

from tests.sns_sender import body, headers
from tests.unit.sns_verify.endpoint import Endpoint


@pytest.mark.parametrize("minutes", [0, 1, 59, 60, 75])
def test_a_push_is_believed_as_long_as_sns_tries_again(minutes: int) -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    endpoint.wait(minutes=minutes)
    assert endpoint.believes(envelope)


@pytest.mark.parametrize("minutes", [75.1, 120, 60 * 24, 60 * 24 * 400])
def test_an_older_push_is_refused_before_anything_is_fetched(minutes: float) -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    endpoint.wait(minutes=minutes)
    assert endpoint.reason(envelope) == (403, "too-old")
    assert endpoint.sender.fetches == []


def test_a_clock_that_is_a_quarter_of_an_hour_slow_does_not_matter() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    endpoint.wait(minutes=-15)
    assert endpoint.believes(envelope)


@pytest.mark.parametrize("minutes", [15.1, 60, 60 * 24 * 365])
def test_a_push_from_the_future_is_refused(minutes: float) -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    endpoint.wait(minutes=-minutes)
    assert endpoint.reason(envelope) == (403, "from-the-future")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
def test_the_ends_of_time_are_refused(moment: str) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(endpoint.sender.notification(Timestamp=moment))[0] == 403


def test_a_fresh_timestamp_cannot_be_put_on_an_old_message() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    endpoint.wait(hours=2)
    fresh = endpoint.sender.notification(at=endpoint.time)["Timestamp"]
    assert endpoint.reason(envelope | {"Timestamp": fresh}) == (403, "signature")


def test_a_replay_of_what_was_kept_is_verified_without_its_age() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    endpoint.wait(days=14)
    assert endpoint.verifier.verify(body(envelope), headers(envelope), check_age=False).message == "Hello"


def test_a_replay_is_verified_in_everything_else() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification() | {"Message": "Goodbye"}
    endpoint.wait(days=14)
    with pytest.raises(Exception, match="Signature is wrong"):
        endpoint.verifier.verify(body(envelope), check_age=False)


def test_the_same_message_id_with_another_payload_needs_another_signature() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    endpoint.push(envelope)
    assert endpoint.reason(envelope | {"Message": "Goodbye"}) == (403, "signature")


def test_the_verifier_remembers_no_messages_so_that_a_retry_is_believed_again() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    assert endpoint.push(envelope) == endpoint.push(envelope)
