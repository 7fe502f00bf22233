"""What somebody clicks together once in Stripe's dashboard: the premium price and the webhook endpoint."""

from __future__ import annotations

import stripe

from deploy.local.stripe.app import PREFIX

KEY = "sk_test_local"
"""The local Stripe takes any test key."""


def create(cloud_url: str, webhook_url: str) -> dict[str, str]:
    """Prepares the local Stripe of a local cloud: the settings of the servers (``GAS_…``) that speak with it."""
    api = f"{cloud_url}{PREFIX}"
    client = stripe.StripeClient(KEY, base_addresses={"api": api})
    price = client.v1.prices.create(
        {
            "currency": "eur",
            "unit_amount": 900,
            "recurring": {"interval": "month"},
            "product_data": {"name": "GAS Premium"},
        }
    )
    endpoint = client.v1.webhook_endpoints.create(
        {
            "url": webhook_url,
            "enabled_events": [
                "checkout.session.completed",
                "customer.deleted",
                "customer.subscription.created",
                "customer.subscription.updated",
                "customer.subscription.deleted",
                "customer.subscription.paused",
                "customer.subscription.resumed",
                "invoice.paid",
                "invoice.payment_failed",
            ],
        }
    )
    return {
        "GAS_STRIPE_API": api,
        "GAS_STRIPE_KEY": KEY,
        "GAS_STRIPE_PRICE": price.id,
        "GAS_STRIPE_WEBHOOK_SECRETS": str(endpoint.secret),
    }
