"""A subscription's delivery policy in words. Source of the format: "Creating an HTTP/S delivery policy", Amazon Simple
Notification Service Developer Guide."""

from __future__ import annotations

import json
from datetime import timedelta

from pydantic import BaseModel, Field, ValidationError

from frontend.operators.moments import span


class _Retries(BaseModel):
    """``healthyRetryPolicy``; the delays are in seconds, the numbers are parts of ``numRetries``."""

    numRetries: int = Field(default=3, ge=0)  # noqa: N815 - SNS's own names
    numNoDelayRetries: int = Field(default=0, ge=0)  # noqa: N815 - SNS's own name
    numMinDelayRetries: int = Field(default=0, ge=0)  # noqa: N815 - SNS's own name
    numMaxDelayRetries: int = Field(default=0, ge=0)  # noqa: N815 - SNS's own name
    minDelayTarget: float = Field(default=20, ge=0)  # noqa: N815 - SNS's own name
    maxDelayTarget: float = Field(default=20, ge=0)  # noqa: N815 - SNS's own name


def in_words(delivery_policy: str) -> str:
    """How often and how long SNS tries, in a sentence. What is no policy is shown as it is."""
    if not delivery_policy:
        return ""
    try:
        given = json.loads(delivery_policy)
        retries = _Retries.model_validate(given.get("healthyRetryPolicy") or {})
    except (AttributeError, ValueError, ValidationError):
        return delivery_policy
    if not retries.numRetries:
        return "No retries."
    at_once, early, late = retries.numNoDelayRetries, retries.numMinDelayRetries, retries.numMaxDelayRetries
    between = max(0, retries.numRetries - at_once - early - late)
    first, last = (span(timedelta(seconds=delay)) for delay in (retries.minDelayTarget, retries.maxDelayTarget))
    steps = [
        (at_once, "at once"),
        (early, f"after {first} each"),
        (between, f"after {first} growing to {last}" if first != last else f"after {first} each"),
        (late, f"after {last} each"),
    ]
    words = ", ".join(f"{number} {how}" for number, how in steps if number)
    return f"{retries.numRetries} {'retry' if retries.numRetries == 1 else 'retries'}: {words}."
