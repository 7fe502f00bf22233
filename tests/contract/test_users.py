"""The users table, on the fake and on DynamoDB."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.errors import AlreadyExists, Conflict, NotFound
from shared.core.ports import Users
from shared.core.users import User, new_user_id
from tests.factories import NOON, a_user


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
