"""How a plan comes to be what Stripe says it is."""

from __future__ import annotations

import pytest

from shared.core.billing import PREMIUM_STATUSES
from shared.core.errors import Conflict, NotFound, Unavailable
from shared.core.users import Subscription, SubscriptionStatus
from tests.unit.billing.world import BillingWorld


def test_who_subscribed_has_premium_and_everybody_is_told(world: BillingWorld) -> None:
    paid = world.billing.subscribe(world.alice.customer_id)
    user = world.refresh(world.alice)
    assert (user.plan, user.subscription, user.plan_since) == ("premium", paid, world.time)
    assert world.announced == [("alice", 1)]


@pytest.mark.parametrize("status", list(SubscriptionStatus))
def test_every_status_gives_the_plan_it_should(world: BillingWorld, status: SubscriptionStatus) -> None:
    world.billing.subscribe(world.alice.customer_id, status)
    expected = "premium" if status in PREMIUM_STATUSES else "free"
    assert world.refresh(world.alice).plan == expected


def test_the_grace_after_a_failed_payment_ends_when_stripe_gives_up(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    plans = []
    for status in (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
        world.billing.becomes(world.alice.customer_id, status)
        plans.append(world.refresh(world.alice).plan)
    assert plans == ["premium", "premium", "free"]
    assert world.announced == [("alice", 1), ("alice", 2)]


def test_what_did_not_change_is_announced_once(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    for _ in range(3):
        world.refresh(world.alice)
    assert world.announced == [("alice", 1)]


def test_who_never_went_to_subscribe_costs_no_question(world: BillingWorld) -> None:
    world.billing.fail_with = Unavailable("Stripe is away.")
    assert world.refresh(world.bob).plan == "free"


def test_a_customer_who_was_deleted_at_stripe_is_free(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    world.refresh(world.alice)
    world.billing.deleted.add(world.alice.customer_id)
    assert world.refresh(world.alice).plan == "free"


def test_a_change_that_could_not_be_announced_is_announced_the_next_time(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    world.topics.fail_with = Unavailable("SNS is away.")
    with pytest.raises(Unavailable):
        world.refresh(world.alice)
    assert world.now_is(world.alice).plan == "premium"
    world.topics.fail_with = None
    world.refresh(world.alice)
    assert world.announced == [("alice", 1)]


def test_an_older_answer_of_stripe_never_replaces_a_newer_one(
    world: BillingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow reader has read "premium"; then the subscription ends, and somebody quick stores that."""
    world.billing.subscribe(world.alice.customer_id)
    real, slow = world.billing.subscription, [True]

    def subscription(customer_id: str) -> Subscription | None:
        answer = real(customer_id)
        if slow.pop() if slow else False:
            world.billing.becomes(customer_id, SubscriptionStatus.CANCELED)
            world.refresh(world.alice)
        return answer

    monkeypatch.setattr(world.billing, "subscription", subscription)
    assert world.refresh(world.alice).plan == "free"
    assert world.now_is(world.alice).plan == "free"


def test_an_older_answer_is_refused_even_when_the_newer_one_changed_nothing(
    world: BillingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Free, premium for a moment (which a slow reader saw), free again: the quick one stores what was stored before."""
    real, slow = world.billing.subscription, [True]

    def subscription(customer_id: str) -> Subscription | None:
        if slow.pop() if slow else False:
            world.billing.subscribe(customer_id)
            seen = real(customer_id)
            world.billing.subscriptions.clear()
            world.refresh(world.alice)
            return seen
        return real(customer_id)

    monkeypatch.setattr(world.billing, "subscription", subscription)
    assert world.refresh(world.alice).plan == "free"
    assert world.announced == []


def test_when_others_are_always_quicker_it_is_said_to_try_later(
    world: BillingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always_late(*_: object, **__: object) -> None:
        raise Conflict("Somebody was quicker.")

    monkeypatch.setattr(world.users, "set_subscription", always_late)
    with pytest.raises(Unavailable):
        world.refresh(world.alice)


def test_upgrade_downgrade_upgrade_within_a_minute_ends_as_stripe_has_it(world: BillingWorld) -> None:
    customer = world.alice.customer_id
    world.billing.subscribe(customer)
    world.refresh(world.alice)
    world.billing.close(customer)
    world.refresh(world.alice)
    world.billing.subscribe(customer)
    world.refresh(world.alice)
    user = world.now_is(world.alice)
    assert (user.plan, user.plan_epoch, user.announced_epoch) == ("premium", 3, 3)
    assert world.announced == [("alice", 1), ("alice", 2), ("alice", 3)]


def test_of_two_subscriptions_the_one_that_is_paid_counts(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    world.billing.subscribe(world.alice.customer_id, SubscriptionStatus.INCOMPLETE)
    assert world.refresh(world.alice).plan == "premium"


def test_nobody_is_refreshed_who_is_gone(world: BillingWorld) -> None:
    world.users.delete("alice")
    with pytest.raises(NotFound):
        world.refresh(world.alice)
