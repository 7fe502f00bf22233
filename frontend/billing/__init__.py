"""Plans and payment: to Stripe and back, and the events that Stripe posts."""

from __future__ import annotations

from frontend.billing import visits, webhook  # noqa: F401 - each hangs its routes on the blueprint
from frontend.billing.blueprint import blueprint

__all__ = ["blueprint"]
