"""How long a push waits between its arrival and the start of its handler, on the running local stack.

200 `mail-feedback` messages (the lightest handler) are published one after the other, as they come in life; each
inbox entry then tells when it was received (before it was verified) and when its handler started.
"""

from __future__ import annotations

import json
import statistics
import threading

from tests.whole import Gas, wait_for

MESSAGES = 200
CLASSES = ("median", "p99")


def measure(gas: Gas) -> dict[str, float]:
    """Milliseconds: ``median_ms``, ``p99_ms``, ``worst_ms``."""
    outputs = gas.stack_outputs()
    sns, dynamodb = gas.aws("sns"), gas.aws("dynamodb")
    event = json.dumps({"eventType": "Delivery", "mail": {"messageId": "bench", "destination": []}})
    ids = set()
    pause = threading.Event()
    for _ in range(MESSAGES):
        ids.add(sns.publish(TopicArn=outputs["MailFeedbackTopic"], Message=event)["MessageId"])
        pause.wait(0.02)  # 50 a second: arrivals, not a burst; the burst is another benchmark

    def waits() -> list[float] | None:
        pages = dynamodb.get_paginator("scan").paginate(TableName=outputs["InboxTable"])
        found = [
            float(item["started_at"]["N"]) - float(item["received_at"]["N"])
            for page in pages
            for item in page["Items"]
            if item["entry_id"]["S"].partition("#")[2] in ids and "started_at" in item
        ]
        return found if len(found) == MESSAGES else None

    measured = sorted(wait_for(f"the handling of {MESSAGES} pushes", waits))
    return {
        "median_ms": statistics.median(measured),
        "p99_ms": measured[int(len(measured) * 0.99) - 1],
        "worst_ms": measured[-1],
    }
