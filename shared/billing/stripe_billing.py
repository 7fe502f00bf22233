"""Stripe through its official SDK: implements `shared.core.billing.Billing`. The one place that imports stripe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import stripe

from shared.core.billing import PREMIUM_STATUSES, BillingEvent, Forged, Invoice, Price
from shared.core.clock import from_millis
from shared.core.errors import ConfigurationError, NotFound, Permanent, Unavailable
from shared.core.users import Subscription, SubscriptionStatus, User

_CONNECT_SECONDS, _ANSWER_SECONDS = 3.05, 10.0
"""A request waits for this: a person or Stripe's own webhook stands behind it, and the SDK would wait for 80 s."""
_TOLERANCE_SECONDS = 300
_SERVER_ERROR, _BUSY = 500, 409
_WRONG_PRICE = "The setting GAS_STRIPE_PRICE does not name a price that Stripe can subscribe to."
_ENDED = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED})


class StripeBilling:
    """One account at Stripe.

    ``key``: secret or restricted API key; ``price``: id of the premium plan's price; ``webhook_secrets``: any of them
    may have signed an event, so that one can be replaced by another; ``api``: base address, None for Stripe itself.
    """

    def __init__(self, *, key: str, price: str, webhook_secrets: Sequence[str] = (), api: str | None = None) -> None:
        self._price = price
        self._known_price: Price | None = None
        self._secrets = tuple(webhook_secrets)
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": api.rstrip("/")} if api else None,
            max_network_retries=1,
            http_client=stripe.RequestsClient(timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS)),
        )

    def create_customer(self, user: User) -> str:
        # A customer that was deleted at Stripe is not answered again: the key says which one is to be replaced.
        key = f"gas-customer-{user.user_id}-{user.customer_id}"
        with _translated():
            customer = self._client.v1.customers.create(
                {"email": user.email, "name": user.name, "metadata": {"user_id": user.user_id}},
                {"idempotency_key": key},
            )
        return customer.id

    def checkout_url(self, *, customer_id: str, user_id: str, return_url: str, cancel_url: str) -> str:
        self._expire_checkouts(customer_id)  # two open pages could be paid twice
        with _translated():
            session = self._client.v1.checkout.sessions.create(
                {
                    "mode": "subscription",
                    "customer": customer_id,
                    "client_reference_id": user_id,
                    "line_items": [{"price": self._price, "quantity": 1}],
                    "subscription_data": {"metadata": {"user_id": user_id}},
                    "success_url": return_url,
                    "cancel_url": cancel_url,
                }
            )
        if not session.url:
            raise Unavailable("Stripe opened a Checkout page without an address.")
        return session.url

    def portal_url(self, *, customer_id: str, return_url: str) -> str:
        with _translated():
            session = self._client.v1.billing_portal.sessions.create(
                {"customer": customer_id, "return_url": return_url}
            )
        return session.url

    def subscription(self, customer_id: str) -> Subscription | None:
        try:
            subscriptions = list(self._subscriptions(customer_id))
        except NotFound:
            return None
        if not subscriptions:
            return None
        return _read(max(subscriptions, key=lambda one: (one.status in PREMIUM_STATUSES, one.created, one.id)))

    def owner_of(self, customer_id: str) -> str | None:
        try:
            with _translated():
                customer = self._client.v1.customers.retrieve(customer_id)
        except NotFound:
            return None
        metadata = getattr(customer, "metadata", None)  # a deleted customer has none
        return str(metadata["user_id"]) if metadata is not None and "user_id" in metadata else None

    def next_invoice(self, customer_id: str) -> Invoice | None:
        subscription = self.subscription(customer_id)
        if subscription is None or subscription.status not in PREMIUM_STATUSES:
            return None
        try:
            with _translated():
                invoice = self._client.v1.invoices.create_preview(
                    {"customer": customer_id, "subscription": subscription.subscription_id}
                )
        except NotFound:  # it ends, or was cancelled in between
            return None
        due = from_millis((invoice.next_payment_attempt or invoice.period_end) * 1000)
        return Invoice(invoice.amount_due, invoice.currency, due)

    def price(self) -> Price:
        if self._known_price is None:  # what a price is never changes at Stripe: another one is made instead
            wrong = ConfigurationError(_WRONG_PRICE)
            try:
                with _translated():
                    found = self._client.v1.prices.retrieve(self._price)
            except NotFound:
                raise wrong from None
            if found.recurring is None or found.unit_amount is None:
                raise wrong
            interval, count = found.recurring.interval, found.recurring.interval_count
            self._known_price = Price(found.unit_amount, found.currency, interval, count)
        return self._known_price

    def close(self, customer_id: str) -> None:
        with suppress(NotFound):
            self._expire_checkouts(customer_id)
            for one in self._subscriptions(customer_id):
                if one.status not in _ENDED:
                    with suppress(NotFound), _translated():  # NotFound: it ended in the same moment
                        self._client.v1.subscriptions.cancel(one.id)

    def verify_event(self, payload: bytes, signature: str) -> BillingEvent:
        event = self._construct(payload, signature)
        try:
            about = event.data.object.to_dict(recursive=False)
            customer = about.get("id") if about.get("object") == "customer" else about.get("customer")
            created = from_millis(event.created * 1000)
            return BillingEvent(
                event_id=_text(event.id),
                type=_text(event.type),
                customer_id=customer if isinstance(customer, str) else getattr(customer, "id", ""),
                created_at=created,
                object_id=about.get("id") or "",
            )
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise Permanent("This is signed, but no event of Stripe.") from error

    def _construct(self, payload: bytes, signature: str) -> stripe.Event:
        for secret in self._secrets:
            try:
                return self._client.construct_event(payload, signature, secret, _TOLERANCE_SECONDS)
            except stripe.SignatureVerificationError:
                continue
            except UnicodeDecodeError:
                break
            except (AttributeError, TypeError, ValueError) as error:
                raise Permanent("This is signed, but no event of Stripe.") from error
        raise Forged("The event's signature is wrong, too old, or missing.")

    def _subscriptions(self, customer_id: str) -> Iterator[stripe.Subscription]:
        """All there ever were. Raises `NotFound` where there is no such customer."""
        with _translated():
            page = self._client.v1.subscriptions.list({"customer": customer_id, "status": "all", "limit": 100})
            yield from page.auto_paging_iter()

    def _expire_checkouts(self, customer_id: str) -> None:
        with _translated():
            sessions = self._client.v1.checkout.sessions.list({"customer": customer_id, "status": "open", "limit": 100})
            for session in sessions.auto_paging_iter():
                with suppress(stripe.InvalidRequestError):  # it was paid or expired in the same moment
                    self._client.v1.checkout.sessions.expire(session.id)


def _read(found: stripe.Subscription) -> Subscription:
    """Stripe's object in our words. Since its API of 2025-03-31 the paid period stands on the items."""
    ends = [item.current_period_end for item in found["items"].data]
    period_end = max(ends, default=None)
    if found.status in _ENDED:
        ends_at = found.ended_at
    else:
        ends_at = found.cancel_at or (period_end if found.cancel_at_period_end else None)
    return Subscription(
        subscription_id=found.id,
        status=_status(found.status),
        period_end=from_millis(period_end * 1000) if period_end else None,
        ends_at=from_millis(ends_at * 1000) if ends_at else None,
    )


def _status(word: str) -> SubscriptionStatus:
    try:
        return SubscriptionStatus(word)
    except ValueError:
        raise Permanent(f"Stripe calls a subscription “{word}”, which GAS does not know.") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("not a text")
    return value


@contextmanager
def _translated() -> Iterator[None]:
    """Around a call of Stripe: what comes out is a `GasError`.

    A wrong key is `Unavailable`: an operator has to mend it, and what asked must wait, not be thrown away.
    """
    try:
        yield
    except stripe.APIConnectionError as error:
        raise Unavailable("Stripe could not be reached.") from error
    except (stripe.RateLimitError, stripe.AuthenticationError, stripe.PermissionError) as error:
        raise Unavailable(f"Stripe did not do what it was asked ({type(error).__name__}).") from error
    except stripe.StripeError as error:
        raise _meaning(error) from error


def _meaning(error: stripe.StripeError) -> Unavailable | Permanent:
    status, param = error.http_status or _SERVER_ERROR, getattr(error, "param", None) or ""
    if status >= _SERVER_ERROR or status == _BUSY or isinstance(error, stripe.APIError):
        return Unavailable(f"Stripe did not do what it was asked ({status}).")
    if param.endswith("[price]"):
        return ConfigurationError(_WRONG_PRICE)
    if error.code in {"resource_missing", "invoice_upcoming_none"}:
        return NotFound("Stripe knows no such thing.")
    return Permanent(f"Stripe refused ({error.code or status}): {error.user_message or 'without a reason'}")
