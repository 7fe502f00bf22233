"""A day's jobs: when they come, whose they are, and how long they take."""

from __future__ import annotations

import json
import math
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.core.messages import JobRequested
from shared.sns_verify import Notification

DAY = 86_400
SLOTS = 2
"""Of an annotator: the default of GAS_WORKER_SLOTS."""
TOPIC = "arn:aws:sns:us-east-1:123456789012:gas-job-requests"

CURVE = (12, 8, 6, 5, 5, 6, 10, 22, 50, 82, 98, 100, 80, 84, 98, 100, 94, 80, 58, 42, 34, 28, 22, 16)
"""Percent of the busiest hour, by the hour of the day; in between, a straight line."""
BUSY_AT_PEAK = 0.7
"""Part of all slots that the busiest hour's jobs take."""
BATCH_AT = 13.5 * 3600
BATCH_JOBS = 5
"""For each annotator that there may be: what one institute announces at once, within a minute."""
PEOPLE = 20
"""For each annotator that there may be."""


@dataclass(frozen=True)
class Kind:
    """One kind of file. Durations are lognormal."""

    share: float
    seconds: float
    """Median, with the neighbouring slot at work as well."""
    spread: float


KINDS = (
    Kind(0.50, 4.0, 0.8),  # a panel or an exome: up to some 100,000 variants
    Kind(0.42, 90.0, 0.4),  # a genome: some five million, with the way from and to S3
    Kind(0.08, 600.0, 0.6),  # many samples together
)
MEAN_SECONDS = sum(kind.share * kind.seconds * math.exp(kind.spread**2 / 2) for kind in KINDS)


@dataclass(frozen=True)
class Job:
    """One announcement."""

    at: float
    """Seconds since midnight."""
    notification: Notification
    seconds: float
    is_batch: bool


def rate(at: float, annotators: int) -> float:
    """Jobs a second at this moment of the day."""
    hour = at / 3600 % 24
    before, part = int(hour), hour % 1
    percent = CURVE[before] * (1 - part) + CURVE[(before + 1) % 24] * part
    return percent / 100 * BUSY_AT_PEAK * annotators * SLOTS / MEAN_SECONDS


def day(annotators: int, seed: int, *, has_batch: bool = True) -> Iterator[Job]:
    """All of a day, in order."""
    dice = random.Random(seed)
    batch = sorted(dice.uniform(BATCH_AT, BATCH_AT + 60) for _ in range(BATCH_JOBS * annotators)) if has_batch else []
    highest = rate(11 * 3600, annotators)
    at = 0.0
    while (at := at + dice.expovariate(highest)) < DAY:
        while batch and batch[0] < at:
            yield _job(batch.pop(0), "institute", dice, is_batch=True)
        if dice.random() < rate(at, annotators) / highest:
            # A few do much: the nth of them does a share of 1/n.
            person = int((PEOPLE * annotators) ** dice.random())
            yield _job(at, f"person-{person}", dice)


def _job(at: float, user_id: str, dice: random.Random, *, is_batch: bool = False) -> Job:
    (kind,) = dice.choices(KINDS, [kind.share for kind in KINDS])
    return Job(at, notification(user_id, dice), kind.seconds * math.exp(dice.gauss(0, kind.spread)), is_batch)


def notification(user_id: str, dice: random.Random) -> Notification:
    """As the verifier hands it on. The verifier itself is measured elsewhere."""
    ids = [str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in range(3)]
    text = JobRequested(job_id=ids[0], run=1, request_id=ids[1], user_id=user_id).to_json()
    stamp = "2026-01-01T00:00:00.000Z"
    envelope = {
        "Type": "Notification",
        "MessageId": ids[2],
        "TopicArn": TOPIC,
        "Message": text,
        "Timestamp": stamp,
        "SignatureVersion": "2",
        "Signature": "A" * 342 + "==",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" + "0" * 32 + ".pem",
        "UnsubscribeURL": f"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={TOPIC}:{ids[0]}",
    }
    return Notification(
        message_id=ids[2],
        topic_arn=TOPIC,
        timestamp=datetime.fromisoformat(stamp),
        message=text,
        subject=None,
        envelope=json.dumps(envelope),
    )


__all__ = ["DAY", "MEAN_SECONDS", "SLOTS", "TOPIC", "Job", "day", "notification", "rate"]
