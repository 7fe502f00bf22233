"""What the tests of `gas deploy` share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import deployment
from tests.contract.deploy.account import Account


@pytest.fixture
def account(moto: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    deployment.mend_change_sets(monkeypatch)
    for name in ("GAS_STRIPE_KEY", "GAS_STRIPE_WEBHOOK_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    return Account(tmp_path, monkeypatch)
