"""Passwords, kept as argon2id with the first recommended parameters of RFC 9106 for servers of modest memory."""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 10
"""Characters. Length is the only rule: others make passwords that are hard for people and easy for machines."""
LONGEST = 200

_hasher = PasswordHasher()
_at_once = threading.BoundedSemaphore(4)
"""Each hash takes 64 MiB for a moment: sixteen threads must not take them all at the same one."""


def hash_password(password: str) -> str:
    """The PHC string to store."""
    with _at_once:
        return _hasher.hash(_normal(password))


def matches(password: str, password_hash: str | None) -> bool:
    """Whether the password is the one. Takes as long without a hash, so that time does not tell who has an account."""
    try:
        with _at_once:
            _hasher.verify(password_hash or _NOBODYS, _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _normal(password: str) -> str:
    """One form for what looks the same: keyboards and systems differ in how they compose ``é`` (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


_NOBODYS = _hasher.hash("a password that nobody has")
