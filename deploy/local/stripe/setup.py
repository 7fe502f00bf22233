"""What somebody clicks together once in Stripe's dashboard: the premium price and the webhook endpoint."""

from __future__ import annotations

from typing import Any

import requests
import stripe

from deploy.local.stripe.app import PREFIX

KEY = "sk_test_local"
"""The local Stripe takes any test key."""
_EVENTS: list[Any] = [
    "checkout.session.completed",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "invoice.paid",
    "invoice.payment_failed",
]


def create(cloud_url: str, webhook_url: str) -> dict[str, str]:
    """Prepares the local Stripe of a local cloud: the settings of the servers (``GAS_…``) that speak with it. What was
    prepared before is used again; its events go to ``webhook_url`` from now on."""
    api = f"{cloud_url}{PREFIX}"
    client = stripe.StripeClient(KEY, base_addresses={"api": api})
    known = requests.get(f"{api}/endpoints.json", timeout=10).json()
    if known:
        client.v1.webhook_endpoints.update(known[0]["id"], {"url": webhook_url, "enabled_events": _EVENTS})
        price = client.v1.prices.list({"limit": 1}).data[0].id
        secret = known[0]["secret"]
    else:
        price = client.v1.prices.create(
            {
                "currency": "eur",
                "unit_amount": 900,
                "recurring": {"interval": "month"},
                "product_data": {"name": "GAS Premium"},
            }
        ).id
        made = client.v1.webhook_endpoints.create({"url": webhook_url, "enabled_events": _EVENTS})
        secret = str(made.secret)
    return {
        "GAS_STRIPE_API": api,
        "GAS_STRIPE_KEY": KEY,
        "GAS_STRIPE_PRICE": price,
        "GAS_STRIPE_WEBHOOK_SECRETS": secret,
    }
