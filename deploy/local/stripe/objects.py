"""Records as Stripe's API shows them: the fields that this API version has and somebody may read.

Source: Stripe API reference, version 2026-10-28.endive (the one that the pinned SDK speaks).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from deploy.local.stripe.records import (
    Checkout,
    Customer,
    Endpoint,
    Event,
    Invoice,
    Portal,
    Price,
    Subscription,
)

API_VERSION = "2026-10-28.endive"


def seconds(moment: datetime | None) -> int | None:
    """Stripe's form of a moment."""
    return None if moment is None else int(moment.timestamp())


def customer(one: Customer) -> dict[str, Any]:
    if one.deleted:
        return {"id": one.id, "object": "customer", "deleted": True}
    return {
        "id": one.id,
        "object": "customer",
        "created": seconds(one.created),
        "email": one.email,
        "name": one.name,
        "livemode": False,
        "metadata": dict(one.metadata),
    }


def payment_method(one: Customer) -> dict[str, Any]:
    card = one.card
    if card is None:
        raise ValueError("The customer has no card.")
    return {
        "id": f"pm_{one.id}_{card.last4}",
        "object": "payment_method",
        "customer": one.id,
        "type": "card",
        "card": {"brand": card.brand, "last4": card.last4, "exp_month": card.exp_month, "exp_year": card.exp_year},
        "livemode": False,
    }


def price(one: Price) -> dict[str, Any]:
    return {
        "id": one.id,
        "object": "price",
        "active": True,
        "created": seconds(one.created),
        "currency": one.currency,
        "livemode": False,
        "product": f"prod_{one.id}",
        "recurring": {"interval": one.interval, "interval_count": 1, "usage_type": "licensed"},
        "type": "recurring",
        "unit_amount": one.amount,
    }


def subscription(one: Subscription) -> dict[str, Any]:
    item = {
        "id": f"si_{one.id}",
        "object": "subscription_item",
        "created": seconds(one.created),
        "current_period_start": seconds(one.period_start),
        "current_period_end": seconds(one.period_end),
        "price": price(one.price),
        "quantity": 1,
        "subscription": one.id,
    }
    return {
        "id": one.id,
        "object": "subscription",
        "billing_mode": {"type": "flexible"},
        "cancel_at": seconds(one.period_end) if one.cancel_at_period_end else None,
        "cancel_at_period_end": one.cancel_at_period_end,
        "canceled_at": seconds(one.canceled_at),
        "collection_method": "charge_automatically",
        "created": seconds(one.created),
        "currency": one.price.currency,
        "customer": one.customer.id,
        "ended_at": seconds(one.ended_at),
        "items": a_page([item], url=f"/v1/subscription_items?subscription={one.id}"),
        "livemode": False,
        "metadata": dict(one.metadata),
        "start_date": seconds(one.created),
        "status": one.status,
    }


def invoice(one: Invoice) -> dict[str, Any]:
    paid = one.status == "paid"
    return {
        "id": one.id,
        "object": "invoice",
        "amount_due": one.amount,
        "amount_paid": one.amount if paid else 0,
        "amount_remaining": 0 if paid else one.amount,
        "attempt_count": one.subscription.attempts + paid,
        "billing_reason": one.billing_reason,
        "collection_method": "charge_automatically",
        "created": seconds(one.created),
        "currency": one.currency,
        "customer": one.subscription.customer.id,
        "livemode": False,
        "next_payment_attempt": None if paid else seconds(one.subscription.next_attempt),
        "number": one.number,
        "parent": _parent(one.subscription),
        "period_start": seconds(one.created),
        "period_end": seconds(one.created),
        "status": one.status,
        "total": one.amount,
    }


def preview(one: Subscription) -> dict[str, Any]:
    """The invoice that comes when the period ends."""
    return {
        "id": f"upcoming_in_{one.id}",
        "object": "invoice",
        "amount_due": one.price.amount,
        "amount_paid": 0,
        "amount_remaining": one.price.amount,
        "billing_reason": "upcoming",
        "collection_method": "charge_automatically",
        "created": seconds(one.period_end),
        "currency": one.price.currency,
        "customer": one.customer.id,
        "livemode": False,
        "next_payment_attempt": seconds(one.period_end),
        "number": None,
        "parent": _parent(one),
        "period_start": seconds(one.period_start),
        "period_end": seconds(one.period_end),
        "status": "draft",
        "total": one.price.amount,
    }


def checkout(one: Checkout, url: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "object": "checkout.session",
        "cancel_url": one.cancel_url,
        "client_reference_id": one.reference or None,
        "created": seconds(one.created),
        "customer": one.customer.id,
        "expires_at": seconds(one.expires_at),
        "livemode": False,
        "mode": "subscription",
        "payment_status": "paid" if one.status == "complete" else "unpaid",
        "status": one.status,
        "subscription": one.subscription.id if one.subscription else None,
        "success_url": one.success_url,
        "url": url if one.status == "open" else None,
    }


def portal(one: Portal, url: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "object": "billing_portal.session",
        "created": seconds(one.created),
        "customer": one.customer.id,
        "livemode": False,
        "return_url": one.return_url,
        "url": url,
    }


def endpoint(one: Endpoint) -> dict[str, Any]:
    """Its secret is not among this: only whoever creates it is told."""
    return {
        "id": one.id,
        "object": "webhook_endpoint",
        "created": seconds(one.created),
        "enabled_events": list(one.events),
        "livemode": False,
        "status": "enabled",
        "url": one.url,
    }


def event(one: Event) -> dict[str, Any]:
    return {
        "id": one.id,
        "object": "event",
        "api_version": API_VERSION,
        "created": seconds(one.created),
        "data": {"object": one.about},
        "livemode": False,
        "pending_webhooks": sum(delivery.state == "pending" for delivery in one.deliveries),
        "request": {"id": None, "idempotency_key": None},
        "type": one.type,
    }


def a_page(data: Sequence[dict[str, Any]], *, url: str, has_more: bool = False) -> dict[str, Any]:
    """A list as the API shows it."""
    return {"object": "list", "data": list(data), "has_more": has_more, "url": url}


def _parent(one: Subscription) -> dict[str, Any]:
    return {
        "type": "subscription_details",
        "subscription_details": {"subscription": one.id, "metadata": dict(one.metadata)},
    }
