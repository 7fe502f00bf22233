"""Events as Stripe posts them, and its signature.

Source: "Receive Stripe events in your webhook endpoint", section "Verify webhook signatures manually", Stripe's
documentation: HMAC-SHA256 of ``<timestamp>.<body>``, in the header ``Stripe-Signature: t=…,v1=…``.
"""

from __future__ import annotations

import hmac
import itertools
import json
from datetime import datetime
from typing import Any

from tests.factories import NOON

SECRET = "whsec_of_tests"

_numbers = itertools.count(1)


def an_event(
    type: str = "customer.subscription.updated",  # noqa: A002 - Stripe's own word
    *,
    customer_id: str = "",
    event_id: str = "",
    created: datetime = NOON,
    object: dict[str, Any] | None = None,  # noqa: A002 - Stripe's own word
) -> bytes:
    """The body of an event; it has an id of its own unless one is named."""
    kind, _, _ = type.rpartition(".")
    about = {"id": f"obj_{next(_numbers)}", "object": kind.rpartition(".")[2], **(object or {})}
    if customer_id and kind == "customer":
        about["id"] = customer_id
    elif customer_id:
        about["customer"] = customer_id
    event = {
        "id": event_id or f"evt_{next(_numbers)}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(created.timestamp()),
        "type": type,
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": None,
    }
    return json.dumps(event, indent=2).encode()


def signature(payload: bytes, at: datetime, *, secret: str = SECRET) -> str:
    """The header ``Stripe-Signature`` of this body, sent at this moment."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), b"%d.%s" % (seconds, payload), "sha256").hexdigest()
    return f"t={seconds},v1={digest}"
