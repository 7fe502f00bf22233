"""The pages about accounts: sign up, confirm the address, sign in and out, passwords, and one's own account."""

from __future__ import annotations

from frontend.accounts import (  # noqa: F401 - each hangs its routes on the blueprint
    account,
    closing,
    own_data,
    preferences,
    reset,
    sign_in,
    sign_up,
    storage,
)
from frontend.accounts.blueprint import blueprint

__all__ = ["blueprint"]
