"""Who somebody is: messages and dead letters know people by their id alone, operators and people by the address."""

from __future__ import annotations

from shared.core.errors import GasError, NotFound
from shared.core.ports import Users
from shared.core.users import normalise_email


def address_of(users: Users, user_id: str) -> str:
    """The e-mail address of an account; empty when there is none, or when it cannot be looked up now: what failed, and
    why, is shown all the same."""
    if not user_id:
        return ""
    try:
        return users.get(user_id).email
    except GasError:
        return ""


def id_of(users: Users, given: str) -> str:
    """The id of whoever has this e-mail address; what is no address is an id itself.

    Raises `NotFound` when nobody has the address, and `Unavailable`.
    """
    if "@" not in given:
        return given
    account = users.by_email(normalise_email(given))
    if account is None:
        raise NotFound(f"Nobody has an account with the address {given}.")
    return account.user_id


def named(user_id: str, address: str) -> str:
    """For a line: both, where both are known."""
    return f"{address} ({user_id})" if address else user_id
