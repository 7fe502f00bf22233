"""A person's plan in words. No I/O, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.billing import Price
from shared.core.users import Subscription, SubscriptionStatus, User

_NO_CENTS = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()  # noqa: SIM905 - a table is longer
)
"""Currencies without a smaller unit. Source: "Zero-decimal currencies", Stripe's documentation."""
_FREE_FILES = (
    "Files are archived {} after a job ended. Summaries stay readable, and an upgrade brings the files back by itself."
)
_MENDABLE = {
    SubscriptionStatus.UNPAID: "Your payment failed several times, so you have the free plan until it is paid.",
    SubscriptionStatus.PAUSED: "Your subscription is paused.",
    SubscriptionStatus.INCOMPLETE: "Your first payment is not complete: nothing is charged until it is.",
}


@dataclass(frozen=True)
class PlanWords:
    """What the account page says of the plan."""

    name: str
    gives: tuple[str, ...]
    """What it means, in sentences."""
    next: str = ""
    """What will become of the subscription, and when: with ``at`` at its end."""
    at: datetime | None = None
    trouble: str = ""
    may_subscribe: bool = False
    may_manage: bool = False
    """Stripe's Portal has something to show."""
    is_charged_again: bool = False
    """There is a next invoice."""


def plan_words(user: User, *, retention: timedelta, max_upload_mib: int) -> PlanWords:
    """For this person, as stored."""
    subscription = user.subscription
    trouble = _MENDABLE.get(subscription.status, "") if subscription else ""
    if user.plan == "premium":
        sentence, at = _future(subscription)
        return PlanWords(
            "Premium",
            ("Files of any size.", "Files stay available for as long as you keep them."),
            next=sentence,
            at=at,
            may_manage=True,
            is_charged_again=subscription is not None and subscription.ends_at is None,
        )
    return PlanWords(
        "Free",
        (f"Files of up to {max_upload_mib:,} MiB.", _FREE_FILES.format(duration(retention))),
        trouble=trouble,
        may_subscribe=not trouble
        or (subscription is not None and subscription.status is SubscriptionStatus.INCOMPLETE),
        may_manage=bool(user.customer_id),
    )


def money(amount: int, currency: str) -> str:
    """As people write it: ``9.00 EUR``. ``amount`` is in the currency's smallest unit."""
    return f"{amount:,} {currency.upper()}" if currency in _NO_CENTS else f"{amount / 100:,.2f} {currency.upper()}"


def price_words(price: Price) -> str:
    """As people say it: ``9.00 EUR a month``."""
    how_often = (
        f"a {price.interval}" if price.interval_count == 1 else f"every {price.interval_count} {price.interval}s"
    )
    return f"{money(price.amount, price.currency)} {how_often}"


def duration(length: timedelta) -> str:
    """In the largest unit of which there is one, rounded: ``7 days``, ``90 seconds``."""
    seconds = length.total_seconds()
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size or seconds == size:
            return _counted(round(seconds / size), unit)
    return _counted(round(seconds), "second")


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _future(subscription: Subscription | None) -> tuple[str, datetime | None]:
    if subscription is None or subscription.status is SubscriptionStatus.PAST_DUE:
        return "", None
    if subscription.ends_at is not None:
        return "Cancelled: it ends, and the free plan begins, on", subscription.ends_at
    if subscription.period_end is None:
        return "", None
    if subscription.status is SubscriptionStatus.TRIALING:
        return "The trial ends, and the first payment is due, on", subscription.period_end
    return "It renews on", subscription.period_end
