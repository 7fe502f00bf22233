"""What becomes of subscriptions: they begin, renew, fail, are paid after all, end.

Source: "How subscriptions work" and "Automate payment retries", Stripe's documentation.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from deploy.local.stripe import objects
from deploy.local.stripe.account import Account
from deploy.local.stripe.cards import LATER_REFUSALS, Card
from deploy.local.stripe.records import Checkout, Customer, Interval, Invoice, Subscription

RETRIES = (timedelta(days=3), timedelta(days=2), timedelta(days=2))
"""A failed renewal is tried again after each of these."""
_NO_CARD = "There is no card."


def begin(account: Account, checkout: Checkout, card: Card) -> Subscription:
    """The first payment was made with this card, its holder being there."""
    now = account.now()
    customer, price = checkout.customer, checkout.price
    made = Subscription(
        account.new_id("sub"),
        now,
        customer,
        price,
        checkout.metadata,
        status="active",
        period_start=now,
        period_end=after(now, price.interval, now.day),
    )
    account.subscriptions[made.id] = made
    invoice = _bill(account, made, "subscription_create")
    invoice.status = "paid"
    checkout.status, checkout.subscription = "complete", made
    use_card(account, customer, card)
    account.emit("customer.subscription.created", objects.subscription(made))
    _tell_paid(account, invoice)
    account.emit("checkout.session.completed", objects.checkout(checkout, account.checkout_url(checkout)))
    return made


def use_card(account: Account, customer: Customer, card: Card) -> None:
    """From now on payments are made with it."""
    customer.card = card
    account.emit("payment_method.attached", objects.payment_method(customer))
    account.emit("customer.updated", objects.customer(customer))


def cancel(account: Account, subscription: Subscription, *, when: Literal["now", "period_end"]) -> None:
    """Harmless where it has ended."""
    if subscription.ended:
        return
    subscription.canceled_at = account.now()
    if when == "now":
        _end(account, subscription)
    else:
        subscription.cancel_at_period_end = True
        _tell_changed(account, subscription)


def resume(account: Account, subscription: Subscription) -> None:
    """It is not to end with its period after all."""
    if subscription.cancel_at_period_end and not subscription.ended:
        subscription.cancel_at_period_end, subscription.canceled_at = False, None
        _tell_changed(account, subscription)


def pay(account: Account, invoice: Invoice) -> None:
    """An open invoice is paid after all."""
    subscription = invoice.subscription
    invoice.status = "paid"
    _tell_paid(account, invoice)
    if not subscription.ended and not account.open_invoices(subscription):
        subscription.status, subscription.attempts, subscription.next_attempt = "active", 0, None
        _tell_changed(account, subscription)


def refusal_of(card: Card | None) -> str | None:
    """Why a payment fails while the card's holder is away; None when it does not."""
    return _NO_CARD if card is None else LATER_REFUSALS.get(card.outcome)


def delete_customer(account: Account, customer: Customer) -> None:
    """Ends their subscriptions too."""
    for one in account.subscriptions_of(customer):
        cancel(account, one, when="now")
    account.emit("customer.deleted", objects.customer(customer))
    customer.deleted, customer.card = True, None


def advance(account: Account, until: datetime) -> None:
    """Everything happens that is due until then, each at its own moment; then it is that moment."""
    happened = False
    while first := min(due(account), default=None, key=lambda found: found[0]):
        moment, subscription = first
        if moment > until:
            break
        account.clock.set(moment)
        _happen(account, subscription)
        happened = True
    if happened or until > account.clock.now():
        account.clock.set(until)
    for checkout in account.checkouts.values():
        if checkout.status == "open" and checkout.expires_at <= until:
            expire(account, checkout)


def expire(account: Account, checkout: Checkout) -> None:
    """Nobody can pay there any more."""
    checkout.status = "expired"
    account.emit("checkout.session.expired", objects.checkout(checkout, account.checkout_url(checkout)))


def after(moment: datetime, interval: Interval, day: int) -> datetime:
    """One interval later; ``day`` is the day of the month on which it began."""
    if interval == "day":
        return moment + timedelta(days=1)
    if interval == "week":
        return moment + timedelta(weeks=1)
    months = moment.year * 12 + moment.month - 1 + (12 if interval == "year" else 1)
    year, month = months // 12, months % 12 + 1
    return moment.replace(year=year, month=month, day=min(day, calendar.monthrange(year, month)[1]))


def due(account: Account) -> Iterator[tuple[datetime, Subscription]]:
    """When something happens next to each subscription."""
    for one in account.subscriptions.values():
        if one.status in {"active", "trialing", "past_due", "unpaid"}:
            yield min(one.period_end, one.next_attempt or one.period_end), one


def _happen(account: Account, one: Subscription) -> None:
    if one.next_attempt is not None and one.next_attempt <= one.period_end:
        _collect(account, one)
    elif one.cancel_at_period_end:
        _end(account, one)
    else:
        _renew(account, one)


def _renew(account: Account, one: Subscription) -> None:
    one.period_start, one.period_end = one.period_end, after(one.period_end, one.price.interval, one.created.day)
    if one.status == "unpaid":
        _tell_changed(account, one)
        return
    one.status = "active" if one.status == "trialing" else one.status
    _bill(account, one, "subscription_cycle")
    _collect(account, one)


def _collect(account: Account, one: Subscription) -> None:
    unpaid = account.open_invoices(one)
    if refusal_of(one.customer.card) is None:
        for invoice in unpaid:
            pay(account, invoice)
        return
    one.attempts += 1
    exhausted = one.attempts > len(RETRIES)
    one.next_attempt = None if exhausted else account.now() + RETRIES[one.attempts - 1]
    account.emit("invoice.payment_failed", objects.invoice(unpaid[-1]))
    if exhausted and account.after_retries == "canceled":
        one.canceled_at = account.now()
        _end(account, one)
    else:
        one.status = "unpaid" if exhausted else "past_due"
        _tell_changed(account, one)


def _end(account: Account, one: Subscription) -> None:
    one.status, one.ended_at, one.next_attempt = "canceled", account.now(), None
    account.emit("customer.subscription.deleted", objects.subscription(one))


def _bill(account: Account, one: Subscription, reason: Literal["subscription_create", "subscription_cycle"]) -> Invoice:
    number = f"GAS-{len(account.invoices) + 1:04d}"
    made = Invoice(
        account.new_id("in"), account.now(), number, one, one.price.amount, one.price.currency, "open", reason
    )
    account.invoices[made.id] = made
    return made


def _tell_paid(account: Account, invoice: Invoice) -> None:
    account.emit("invoice.paid", objects.invoice(invoice))
    account.emit("invoice.payment_succeeded", objects.invoice(invoice))


def _tell_changed(account: Account, one: Subscription) -> None:
    account.emit("customer.subscription.updated", objects.subscription(one))
