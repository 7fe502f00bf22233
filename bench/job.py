"""How long a person waits for the example VCF on the running local stack, from the click to COMPLETED."""

from __future__ import annotations

import statistics
from datetime import datetime

from tests.person import Person
from tests.whole import Gas

EXAMPLES = 10


def measure_example(gas: Gas) -> dict[str, float]:
    """Seconds: ``median_s``, ``worst_s``, by the job's own times (queued → finished)."""
    demo = Person(gas).sign_in()
    seconds = []
    for _ in range(EXAMPLES):
        job_id = demo.start_example()
        assert demo.wait_until_final(job_id) == "COMPLETED"
        job = demo.job(job_id)
        began, ended = (datetime.fromisoformat(job[name]) for name in ("queued_at", "finished_at"))
        seconds.append((ended - began).total_seconds())
    return {"median_s": statistics.median(seconds), "worst_s": max(seconds)}
