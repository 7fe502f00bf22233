"""The users table, on the fake and on DynamoDB."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.errors import AlreadyExists, Conflict, NotFound
from shared.core.ports import Users
from shared.core.users import SubscriptionStatus, User, new_user_id
from tests.factories import NOON, a_subscription, a_user

LATER = NOON + timedelta(hours=1)


def alice(users: Users) -> User:
    user = a_user(email="alice@example.org", verified_at=None)
    users.create(user)
    return user


def test_a_user_comes_back_as_stored_by_id_and_by_address(users: Users) -> None:
    user = alice(users)
    assert users.get(user.user_id) == user
    assert users.by_email("alice@example.org") == user


def test_nobody_is_found_under_an_unknown_address_or_id(users: Users) -> None:
    alice(users)
    assert users.by_email("bob@example.org") is None
    assert users.by_email("") is None
    assert users.by_email("x" * 5000) is None
    with pytest.raises(NotFound):
        users.get(new_user_id())


def test_an_address_is_not_an_account(users: Users) -> None:
    alice(users)
    with pytest.raises(NotFound):
        users.get("email#alice@example.org")
    with pytest.raises(NotFound):
        users.verify("email#alice@example.org", now=NOON)
    with pytest.raises(NotFound):
        users.set_password("email#alice@example.org", password_hash="x", epoch=1)


def test_an_address_has_one_account(users: Users) -> None:
    user = alice(users)
    with pytest.raises(AlreadyExists):
        users.create(a_user(email="alice@example.org", name="Eve"))
    assert users.by_email("alice@example.org") == user


def test_an_account_that_could_not_be_made_leaves_nothing_behind(users: Users) -> None:
    alice(users)
    eve = a_user(email="alice@example.org")
    with pytest.raises(AlreadyExists):
        users.create(eve)
    with pytest.raises(NotFound):
        users.get(eve.user_id)


def test_an_address_is_verified_once_and_keeps_the_moment(users: Users) -> None:
    user = alice(users)
    users.verify(user.user_id, now=NOON)
    users.verify(user.user_id, now=NOON + timedelta(hours=1))
    assert users.get(user.user_id).verified_at == NOON
    with pytest.raises(NotFound):
        users.verify(new_user_id(), now=NOON)


def test_a_new_password_ends_the_epoch(users: Users) -> None:
    user = alice(users)
    users.set_password(user.user_id, password_hash="new", epoch=1)
    changed = users.get(user.user_id)
    assert (changed.password_hash, changed.session_epoch) == ("new", 2)


def test_a_password_is_changed_once_in_an_epoch(users: Users) -> None:
    user = alice(users)
    users.set_password(user.user_id, password_hash="new", epoch=1)
    with pytest.raises(Conflict):
        users.set_password(user.user_id, password_hash="newer", epoch=1)
    assert users.get(user.user_id).password_hash == "new"
    with pytest.raises(NotFound):
        users.set_password(new_user_id(), password_hash="x", epoch=1)


def test_an_address_is_blocked_for_its_owner_alone(users: Users) -> None:
    user, bob = alice(users), a_user()
    users.create(bob)
    users.block_mail("alice@example.org", reason="bounce")
    users.block_mail("alice@example.org", reason="bounce")
    assert users.get(user.user_id).mail_blocked == "bounce"
    assert users.get(bob.user_id).mail_blocked == ""


def test_blocking_an_address_that_nobody_has_makes_no_account(users: Users) -> None:
    users.block_mail("nobody@example.org", reason="bounce")
    assert users.by_email("nobody@example.org") is None


def test_what_is_known_of_a_subscription_comes_back_as_it_was_stored(users: Users) -> None:
    user = a_user(
        plan="premium",
        mail_off=("completed", "archive"),
        customer_id="",
        subscription=a_subscription(ends_at=LATER),
        billing_version=3,
        plan_since=NOON,
        plan_epoch=2,
        announced_epoch=1,
        closed_at=LATER,
    )
    users.create(user)
    assert users.get(user.user_id) == user


def test_which_emails_somebody_does_not_want_is_stored_as_a_whole(users: Users) -> None:
    user = alice(users)
    users.set_mail_off(user.user_id, ("completed", "failed"))
    users.set_mail_off(user.user_id, ("archive",))
    assert users.get(user.user_id).mail_off == ("archive",)
    with pytest.raises(NotFound):
        users.set_mail_off(new_user_id(), ())


def test_a_role_is_given_and_taken_away(users: Users) -> None:
    user = alice(users)
    assert users.set_role(user.user_id, "operator").role == "operator" == users.get(user.user_id).role
    assert users.set_role(user.user_id, "user") == user
    gone = new_user_id()
    with pytest.raises(NotFound):
        users.set_role(gone, "operator")
    with pytest.raises(NotFound):
        users.get(gone)


class TestCustomers:
    def test_a_customer_is_found(self, users: Users) -> None:
        user = alice(users)
        stored = users.set_customer(user.user_id, "cus_1")
        assert stored.customer_id == "cus_1"
        assert users.by_customer("cus_1") == stored == users.get(user.user_id)

    def test_who_is_a_customer_stays_it(self, users: Users) -> None:
        user = alice(users)
        users.set_customer(user.user_id, "cus_1")
        for customer_id in ("cus_1", "cus_2"):
            assert users.set_customer(user.user_id, customer_id).customer_id == "cus_1"
        assert users.by_customer("cus_2") is None

    def test_a_customer_has_one_account(self, users: Users) -> None:
        user, bob = alice(users), a_user()
        users.create(bob)
        users.set_customer(user.user_id, "cus_1")
        with pytest.raises(AlreadyExists):
            users.set_customer(bob.user_id, "cus_1")
        assert users.get(bob.user_id).customer_id == ""
        found = users.by_customer("cus_1")
        assert found is not None
        assert found.user_id == user.user_id

    def test_nobody_is_found_under_an_unknown_customer(self, users: Users) -> None:
        alice(users)
        for customer_id in ("", "cus_1", "x" * 5000):
            assert users.by_customer(customer_id) is None
        with pytest.raises(NotFound):
            users.set_customer(new_user_id(), "cus_1")
        assert users.by_customer("cus_1") is None

    def test_a_customer_is_not_an_account(self, users: Users) -> None:
        users.set_customer(alice(users).user_id, "cus_1")
        with pytest.raises(NotFound):
            users.get("customer#cus_1")
        with pytest.raises(NotFound):
            users.close("customer#cus_1", now=NOON)
        users.delete("customer#cus_1")
        assert users.by_customer("cus_1") is not None

    def test_all_customers_are_gone_through_and_nobody_else(self, users: Users) -> None:
        customers = {users_id: f"cus_{number}" for number, users_id in enumerate(new_user_id() for _ in range(5))}
        for user_id, customer_id in customers.items():
            users.create(a_user(user_id=user_id))
            users.create(a_user())
            users.set_customer(user_id, customer_id)
        found: list[User] = []
        start = None
        while True:
            some, start = users.billed(limit=3, start=start)
            found += some
            if start is None:
                break
        assert {user.user_id: user.customer_id for user in found} == customers
        assert len(found) == 5

    def test_whoever_closed_their_account_is_gone_through_too(self, users: Users) -> None:
        leaving = alice(users)
        users.create(a_user())
        users.close(leaving.user_id, now=NOON)
        some, start = users.billed(limit=10)
        assert ([user.user_id for user in some], start) == ([leaving.user_id], None)


class TestSubscription:
    def test_what_stripe_says_is_stored_with_the_plan(self, users: Users) -> None:
        user, subscription = alice(users), a_subscription()
        stored = users.set_subscription(user.user_id, version=0, subscription=subscription, plan="premium", now=LATER)
        assert stored == users.get(user.user_id)
        assert (stored.subscription, stored.billing_version) == (subscription, 1)
        assert (stored.plan, stored.plan_since, stored.plan_epoch) == ("premium", LATER, 1)

    def test_a_plan_that_stays_has_no_new_epoch(self, users: Users) -> None:
        user = alice(users)
        users.set_subscription(user.user_id, version=0, subscription=a_subscription(), plan="premium", now=NOON)
        late = a_subscription(status=SubscriptionStatus.PAST_DUE)
        stored = users.set_subscription(user.user_id, version=1, subscription=late, plan="premium", now=LATER)
        assert (stored.plan_since, stored.plan_epoch, stored.billing_version) == (NOON, 1, 2)
        assert stored.subscription == late

    def test_a_subscription_that_is_no_more_is_forgotten(self, users: Users) -> None:
        user = alice(users)
        users.set_subscription(user.user_id, version=0, subscription=a_subscription(), plan="premium", now=NOON)
        stored = users.set_subscription(user.user_id, version=1, subscription=None, plan="free", now=LATER)
        assert (stored.subscription, stored.plan, stored.plan_epoch) == (None, "free", 2)
        assert stored == users.get(user.user_id)

    @pytest.mark.parametrize("version", [0, 2])
    def test_what_was_read_before_something_newer_was_stored_is_refused(self, users: Users, version: int) -> None:
        user = alice(users)
        stored = users.set_subscription(
            user.user_id, version=0, subscription=a_subscription(), plan="premium", now=NOON
        )
        with pytest.raises(Conflict):
            users.set_subscription(user.user_id, version=version, subscription=None, plan="free", now=LATER)
        assert users.get(user.user_id) == stored

    def test_an_account_that_is_not_there_has_no_subscription(self, users: Users) -> None:
        with pytest.raises(NotFound):
            users.set_subscription(new_user_id(), version=0, subscription=None, plan="free", now=NOON)

    def test_the_latest_announcement_is_remembered(self, users: Users) -> None:
        user = alice(users)
        for epoch, remembered in ((2, 2), (1, 2), (2, 2), (3, 3)):
            users.announced(user.user_id, epoch=epoch)
            assert users.get(user.user_id).announced_epoch == remembered

    def test_an_announcement_about_somebody_who_is_gone_brings_nothing_back(self, users: Users) -> None:
        gone = new_user_id()
        users.announced(gone, epoch=1)
        with pytest.raises(NotFound):
            users.get(gone)


class TestClosing:
    def test_a_closed_account_has_new_epochs(self, users: Users) -> None:
        user = alice(users)
        closed = users.close(user.user_id, now=NOON)
        assert closed == users.get(user.user_id)
        assert (closed.closed_at, closed.plan_epoch, closed.session_epoch) == (NOON, 1, 2)

    def test_an_account_is_closed_once(self, users: Users) -> None:
        user = alice(users)
        closed = users.close(user.user_id, now=NOON)
        assert users.close(user.user_id, now=LATER) == closed == users.get(user.user_id)
        with pytest.raises(NotFound):
            users.close(new_user_id(), now=NOON)

    def test_nothing_is_left_of_a_deleted_account(self, users: Users) -> None:
        user = alice(users)
        users.set_customer(user.user_id, "cus_1")
        users.delete(user.user_id)
        users.delete(user.user_id)
        with pytest.raises(NotFound):
            users.get(user.user_id)
        assert users.by_email("alice@example.org") is None
        assert users.by_customer("cus_1") is None
        assert users.billed(limit=10) == ([], None)

    def test_the_address_and_the_customer_of_a_deleted_account_are_free(self, users: Users) -> None:
        user = alice(users)
        users.set_customer(user.user_id, "cus_1")
        users.delete(user.user_id)
        again = alice(users)
        users.set_customer(again.user_id, "cus_1")
        users.delete(user.user_id)
        for found in (users.by_customer("cus_1"), users.by_email("alice@example.org")):
            assert found is not None
            assert found.user_id == again.user_id
