"""Messages that AWS itself signed are believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.sns_verify import (
    CertificateStore,
    Message,
    Notification,
    Refused,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
    Verifier,
)
from tests.sns_sender import headers

EVENTS = Path(__file__).parents[2] / "events" / "aws"
RECORDED = sorted(EVENTS.glob("*.json"))
TOPIC = "arn:aws:sns:us-west-2:131990247566:dongie-standard-topic"
THAT_EVENING = datetime(2026, 3, 6, 20, 10, tzinfo=UTC)


def fetch(url: str) -> bytes:
    return (EVENTS / url.removeprefix("https://sns.us-west-2.amazonaws.com/")).read_bytes()


def verify(
    recorded: bytes, *, minimum_version: int = 1, now: datetime = THAT_EVENING, check_age: bool = True
) -> Message:
    store = CertificateStore(fetch=fetch, now=lambda: now)
    verifier = Verifier(topic_arns={TOPIC}, certificates=store, now=lambda: now, minimum_version=minimum_version)
    return verifier.verify(recorded, headers(json.loads(recorded)), check_age=check_age)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_it_is_believed(path: Path) -> None:
    kinds = {
        "Notification": Notification,
        "SubscriptionConfirmation": SubscriptionConfirmation,
        "UnsubscribeConfirmation": UnsubscribeConfirmation,
    }
    recorded = path.read_bytes()
    envelope = json.loads(recorded)
    message = verify(recorded)
    assert type(message) is kinds[envelope["Type"]]
    assert message.message_id == envelope["MessageId"]
    assert message.topic_arn == TOPIC
    assert message.message == envelope["Message"]
    assert message.envelope == recorded.decode()


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_it_is_believed_however_its_json_is_written(path: Path) -> None:
    envelope = json.loads(path.read_bytes())
    verify(json.dumps(dict(reversed(envelope.items())), separators=(",", ":")).encode())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_replay_months_later_is_believed_when_its_age_does_not_count(path: Path) -> None:
    verify(path.read_bytes(), now=datetime(2027, 3, 6, tzinfo=UTC), check_age=False)


@pytest.mark.parametrize("path", [path for path in RECORDED if "-v1" in path.stem], ids=lambda path: path.stem)
def test_version_1_is_refused_where_the_policy_asks_for_2(path: Path) -> None:
    with pytest.raises(Refused) as caught:
        verify(path.read_bytes(), minimum_version=2)
    assert caught.value.reason == "signature-version"


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_it_is_refused_once_its_words_are_changed(path: Path) -> None:
    envelope = json.loads(path.read_bytes())
    envelope["Message"] += "!"
    with pytest.raises(Refused) as caught:
        verify(json.dumps(envelope).encode())
    assert caught.value.reason == "signature"


def test_the_subject_and_the_moment_are_what_aws_wrote() -> None:
    message = verify((EVENTS / "notification-v1-with-subject.json").read_bytes())
    assert isinstance(message, Notification)
    assert message.subject == "My message subject"
    assert message.timestamp == datetime(2026, 3, 6, 19, 53, 21, 424000, tzinfo=UTC)


def test_the_token_is_what_aws_wrote() -> None:
    message = verify((EVENTS / "subscription-confirmation-v1.json").read_bytes())
    assert isinstance(message, SubscriptionConfirmation)
    assert message.token.startswith("2336412f37fb687f5d51e6e2425929f5")
    assert len(message.token) == 256
