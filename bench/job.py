"""How long a person waits for a job on the running local stack, from the click to COMPLETED."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import datetime

from tests.person import Person
from tests.whole import Gas

JOBS = 10


def measure_example(gas: Gas) -> dict[str, float]:
    """Of the example VCF."""
    demo = Person(gas).sign_in()
    return _measure(demo, demo.start_example)


def measure_upload(gas: Gas, vcf: bytes) -> dict[str, float]:
    """Of a file that is uploaded; its reference is chosen by what it holds."""
    demo = Person(gas).sign_in()
    return _measure(demo, lambda: demo.upload("variants.vcf", vcf))


def _measure(person: Person, start: Callable[[], str]) -> dict[str, float]:
    """Seconds: ``median_s``, ``worst_s``, by the job's own times (queued → finished)."""
    seconds = []
    for _ in range(JOBS):
        job_id = start()
        state = person.wait_until_final(job_id)
        job = person.job(job_id)
        assert state == "COMPLETED", job
        began, ended = (datetime.fromisoformat(job[name]) for name in ("queued_at", "finished_at"))
        seconds.append((ended - began).total_seconds())
    return {"median_s": statistics.median(seconds), "worst_s": max(seconds)}
