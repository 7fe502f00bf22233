"""Accounts that exist from the start where GAS is tried out."""

from __future__ import annotations

from frontend.accounts.passwords import hash_password, matches
from shared.core.clock import utc_now
from shared.core.ports import Users
from shared.core.users import Role, User, new_user_id, normalise_email


def ensure_account(users: Users, *, email: str, password: str, name: str, role: Role) -> None:
    """Makes sure that the account exists, is verified, and has this password. Harmless when repeated.

    The role is given to a new account only.
    """
    now = utc_now()
    user = users.by_email(normalise_email(email))
    if user is None:
        user = User(
            user_id=new_user_id(),
            email=normalise_email(email),
            name=name,
            password_hash=hash_password(password),
            created_at=now,
            role=role,
        )
        users.create(user)
    elif not matches(password, user.password_hash):
        users.set_password(user.user_id, password_hash=hash_password(password), epoch=user.session_epoch)
    users.verify(user.user_id, now=now)
