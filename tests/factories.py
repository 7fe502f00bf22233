"""Things to test with; every call makes one of its own, and the test names what it cares about."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.core.jobs import Job, JobState, StoredFile, input_key, new_job_id, results_prefix
from shared.core.users import Subscription, SubscriptionStatus, User, new_user_id

NOON = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)

_minutes = itertools.count()


def a_job(**fields: Any) -> Job:
    """A job of its own owner, a minute younger than the one made before; CREATED unless ``state`` says otherwise."""
    job_id = fields.setdefault("job_id", new_job_id())
    user_id = fields.setdefault("user_id", new_user_id())
    job = Job(
        job_id=job_id,
        user_id=user_id,
        name="exome.vcf",
        state=JobState.CREATED,
        run=1,
        created_at=NOON + timedelta(minutes=next(_minutes)),
        input=StoredFile(input_key(user_id, job_id), 0),
        request_id="request-1",
    )
    return replace(job, **fields)


def a_completed_job(**fields: Any) -> Job:
    """A job that completed at `NOON`, with an input and two results; nothing of it lies in a bucket."""
    job = a_job(**fields)
    under = results_prefix(job.user_id, job.job_id, job.run, 1)
    defaults: dict[str, Any] = {
        "state": JobState.COMPLETED,
        "started_at": NOON - timedelta(seconds=5),
        "finished_at": NOON,
        "input": StoredFile(job.input.key, 100),
        "results": {
            "vcf": StoredFile(f"{under}annotated.vcf.gz", 50),
            "log": StoredFile(f"{under}log.txt", 10),
        },
    }
    return replace(job, **{**defaults, **fields})


def a_subscription(**fields: Any) -> Subscription:
    """An active subscription, paid for 30 days after `NOON`."""
    subscription = Subscription("sub_1", SubscriptionStatus.ACTIVE, period_end=NOON + timedelta(days=30))
    return replace(subscription, **fields)


def a_user(**fields: Any) -> User:
    """A user whose address is theirs, verified; the hash is of no password."""
    user_id = fields.setdefault("user_id", new_user_id())
    user = User(
        user_id=user_id,
        email=f"{user_id[:12]}@example.org",
        name="Alice",
        password_hash="$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$bm9wYXNzd29yZA",
        created_at=NOON,
        verified_at=NOON,
    )
    return replace(user, **fields)
