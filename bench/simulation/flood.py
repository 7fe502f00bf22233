"""More than the inbox takes: what becomes of it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bench.simulation.load import Job, notification

ANNOTATORS = 10
JOBS = 30_000
WITHIN_SECONDS = 600.0
JOB_SECONDS = 5.0
PEOPLE = 200


def jobs() -> Iterator[Job]:
    """Ten times what so many annotators can do in that time, and three times the backlog that pushes are accepted to."""
    dice = random.Random(1)
    for number in range(JOBS):
        person = f"person-{dice.randrange(PEOPLE)}"
        yield Job(number * WITHIN_SECONDS / JOBS, notification(person, dice), JOB_SECONDS, is_batch=False)
