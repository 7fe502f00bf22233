"""Accounts that exist from the start."""

from __future__ import annotations

from frontend.demo import ensure_account
from tests.frontend_world import FrontendWorld


def ensure(world: FrontendWorld, password: str = "mitochondria") -> None:
    ensure_account(world.users, email="Demo@example.org", password=password, name="Demo", role="operator")


def test_the_demo_account_signs_in_at_once(world: FrontendWorld) -> None:
    ensure(world)
    assert world.browser().sign_in("demo@example.org", "mitochondria").status == 303


def test_its_role_is_as_asked(world: FrontendWorld) -> None:
    ensure(world)
    user = world.users.by_email("demo@example.org")
    assert user is not None
    assert user.role == "operator"


def test_doing_it_again_changes_nothing(world: FrontendWorld) -> None:
    ensure(world)
    before = world.users.by_email("demo@example.org")
    ensure(world)
    assert world.users.by_email("demo@example.org") == before


def test_another_password_replaces_the_one_before(world: FrontendWorld) -> None:
    ensure(world)
    ensure(world, "another password")
    assert world.browser().sign_in("demo@example.org", "another password").status == 303
    assert world.browser().sign_in("demo@example.org", "mitochondria").status == 422
