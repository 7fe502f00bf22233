"""An upgrade of somebody with 10,000 archived jobs, on the running local stack.

Each job's file lies in Glacier. The person pays at the local Stripe's Checkout. What is measured: the longest of the web
requests that may store the new plan and announce it (Stripe's event, the way back from Checkout), and the time from
the new plan until the last of 10,000 restore messages is published. Handling them goes on meanwhile, as in life.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.aws.items import to_item
from shared.core.clock import utc_now
from shared.core.jobs import Job, JobState, StoredFile, input_key
from shared.core.retention import FilesState
from tests.factories import a_job
from tests.person import Person
from tests.whole import DEMO, Gas, wait_for

JOBS = 10_000
ROUTES = {"/hooks/stripe", "/account/subscription"}
_BATCH = 25
"""What DynamoDB takes at once."""


def measure(gas: Gas) -> dict[str, float]:
    """``request_ms``: the longest web request. ``published_s``: from the new plan to the last message."""
    demo = Person(gas).sign_in()
    user = _user(gas, DEMO[0])
    _archive(gas, user["user_id"]["S"])
    _subscribe(demo)

    wait_for(f"{JOBS} restore messages", lambda: _published_at(gas), seconds=300, pause=0.5)
    began = datetime.fromisoformat(_user(gas, DEMO[0])["plan_since"]["S"])
    ended = _published_at(gas)
    assert ended is not None
    requests = [line["ms"] for line in _lines(gas, "frontend", "request") if line.get("route") in ROUTES]
    return {"request_ms": max(requests), "published_s": (ended - began).total_seconds()}


def _published_at(gas: Gas) -> datetime | None:
    """When the last job was asked for. The new plan may be announced twice: each announcement asks for every job."""
    asked: Counter[str] = Counter()
    for line in _lines(gas, "util_hook", "asked for files"):
        asked[line["request_id"]] += line["jobs"]
        if asked[line["request_id"]] >= JOBS:
            return datetime.fromisoformat(line["timestamp"])
    return None


def _user(gas: Gas, email: str) -> dict[str, Any]:
    table = gas.stack_outputs()["UsersTable"]
    lock = gas.aws("dynamodb").get_item(TableName=table, Key={"user_id": {"S": f"email#{email}"}})["Item"]
    item: dict[str, Any] = gas.aws("dynamodb").get_item(TableName=table, Key={"user_id": lock["owner"]})["Item"]
    return item


def _archive(gas: Gas, user_id: str) -> None:
    outputs, now = gas.stack_outputs(), utc_now()
    s3, dynamodb = gas.aws("s3"), gas.aws("dynamodb")

    def jobs() -> Iterator[Job]:
        for _ in range(JOBS):
            job = a_job(
                user_id=user_id, state=JobState.COMPLETED, finished_at=now, files=FilesState.ARCHIVED, files_at=now
            )
            yield replace(job, input=StoredFile(input_key(user_id, job.job_id), 3))

    def store(batch: list[Job]) -> None:
        puts = []
        for job in batch:
            s3.put_object(Bucket=outputs["InputsBucket"], Key=job.input.key, Body=b"VCF", StorageClass="GLACIER")
            away = {"away_owner": {"S": f"{user_id}#{FilesState.ARCHIVED}"}}
            puts.append({"PutRequest": {"Item": {**to_item(job), **away}}})
        answer = dynamodb.batch_write_item(RequestItems={outputs["JobsTable"]: puts})
        assert not answer.get("UnprocessedItems")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store, _batches(jobs())))


def _batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    batch: list[Job] = []
    for job in jobs:
        batch.append(job)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _subscribe(person: Person) -> None:
    checkout = person.fill("/account", "/account/subscribe")
    assert "Card number" in checkout.text, checkout.text[:2000]
    paid = person.session.post(
        checkout.url, data={"number": "4242424242424242", "expiry": "12/34", "cvc": "123"}, timeout=60
    )
    assert "Premium" in re.sub(r"<[^>]*>", " ", paid.text), paid.text[:2000]


def _lines(gas: Gas, server: str, event: str) -> list[dict[str, Any]]:
    """What a server logged under this event."""
    text = (gas.data_dir / "logs" / f"{server}.log").read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("event") == event]
