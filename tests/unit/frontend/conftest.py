"""Each test has a frontend of its own."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from frontend.accounts import passwords
from tests.frontend_world import FrontendWorld

_QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost little: these tests are not about how hard passwords are to guess."""
    monkeypatch.setattr(passwords, "_hasher", _QUICK)
    monkeypatch.setattr(passwords, "_NOBODYS", _QUICK.hash("a password that nobody has"))


@pytest.fixture
def world() -> FrontendWorld:
    """Alice and Bob have accounts, Charlie has none."""
    return FrontendWorld()
