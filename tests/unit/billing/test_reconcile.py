"""What the daily look repairs."""

from __future__ import annotations

import pytest

from shared.core.errors import Permanent, Unavailable
from shared.core.users import Subscription, SubscriptionStatus
from tests.unit.billing.world import BillingWorld


def test_what_was_missed_is_repaired_told_and_written_down(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    done = world.reconcile()
    assert world.now_is(world.alice).plan == "premium"
    assert "The plan was free and is premium." in done.changes["alice"]
    [entry] = world.audit.of("user#alice", limit=10)
    assert (entry.who, entry.what, entry.at) == ("reconciliation", done.changes["alice"], world.time)
    assert world.announced == [("alice", 1)]


def test_where_nothing_was_missed_nothing_is_said(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    world.refresh(world.alice)
    done = world.reconcile()
    assert (done.looked_at, done.changes, done.failures) == (1, {}, {})
    assert world.audit.entries == []


def test_a_cancellation_that_was_missed_is_a_change_though_the_plan_stays(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    world.refresh(world.alice)
    world.billing.becomes(world.alice.customer_id, SubscriptionStatus.ACTIVE, ends_at=world.time)
    done = world.reconcile()
    assert "to end at 2026-03-06T12:00:00" in done.changes["alice"]
    assert "The plan was" not in done.changes["alice"]


def test_a_change_that_was_never_announced_is_announced(world: BillingWorld) -> None:
    world.billing.subscribe(world.alice.customer_id)
    world.topics.fail_with = Unavailable("SNS is away.")
    with pytest.raises(Unavailable):
        world.refresh(world.alice)
    world.topics.fail_with = None
    done = world.reconcile()
    assert "not announced yet" in done.changes["alice"]
    assert world.announced == [("alice", 1)]


def test_one_who_fails_does_not_keep_the_others_from_it(world: BillingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    charlie = world.customer("charlie")
    world.billing.subscribe(charlie.customer_id)
    real = world.billing.subscription

    def subscription(customer_id: str) -> Subscription | None:
        if customer_id == world.alice.customer_id:
            raise Unavailable("Stripe does not answer.")
        return real(customer_id)

    monkeypatch.setattr(world.billing, "subscription", subscription)
    done = world.reconcile()
    assert done.failures == {"alice": "Stripe does not answer."}
    assert done.may_succeed_later
    assert world.now_is(charlie).plan == "premium"


def test_what_cannot_succeed_is_not_promised(world: BillingWorld) -> None:
    world.billing.fail_with = Permanent("Stripe refuses the key.")
    done = world.reconcile()
    assert (list(done.failures), done.may_succeed_later) == (["alice"], False)


def test_the_closing_of_an_account_that_nobody_heard_of_is_announced(world: BillingWorld) -> None:
    world.users.close("bob", now=world.time)
    done = world.reconcile()
    assert world.announced == [("bob", 1)]
    assert "not announced yet" in done.changes["bob"]


def test_what_was_paid_while_the_account_was_deleted_is_ended(world: BillingWorld) -> None:
    world.users.close("alice", now=world.time)
    world.billing.subscribe(world.alice.customer_id)
    world.reconcile()
    [subscription] = world.billing.subscriptions[world.alice.customer_id]
    assert subscription.status is SubscriptionStatus.CANCELED
    assert world.now_is(world.alice).plan == "free"


def test_everybody_is_looked_at_however_many_there_are(world: BillingWorld) -> None:
    for number in range(230):
        world.customer(f"customer-{number}")
    assert world.reconcile().looked_at == 231


def test_it_stops_when_it_is_told_to(world: BillingWorld) -> None:
    world.customer("charlie")
    told = iter([False, True])
    assert world.reconcile(stop=lambda: next(told)).looked_at == 1
