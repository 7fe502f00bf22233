"""What ``/healthz`` and ``/readyz`` of every server say, as JSON::

    {"status": "not ready", "checks": {"database": {"ok": false, "detail": "DynamoDB does not answer."},
                                       "workers": {"ok": true, "slots": 2, "busy": 1}}}

A load balancer reads the status code alone: 200, or 503 as soon as one check is not ok.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Checks = Mapping[str, "Check"]
"""Name → what was found, such as ``database``."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    ok: bool
    """False: as long as it is so, the server should get no requests."""
    detail: str = ""
    """A sentence, where there is something to say."""
    numbers: Mapping[str, int] = field(default_factory=dict)


def report(checks: Checks, *, good: str, bad: str) -> tuple[str, bool]:
    """The JSON, with ``good`` or ``bad`` as its status, and whether every check is ok."""
    ok = all(check.ok for check in checks.values())
    found = {
        name: {"ok": check.ok, **({"detail": check.detail} if check.detail else {}), **check.numbers}
        for name, check in checks.items()
    }
    return json.dumps({"status": good if ok else bad, "checks": found}) + "\n", ok
