"""The pages about accounts: sign up, confirm the address, sign in and out, reset the password."""

from __future__ import annotations

from frontend.accounts import account, reset, sign_in, sign_up  # noqa: F401 - each hangs its routes on the blueprint
from frontend.accounts.blueprint import blueprint

__all__ = ["blueprint"]
