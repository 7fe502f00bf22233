"""`gas deploy rotate` and `settings`."""

from __future__ import annotations

import pytest

from tests.contract.deploy.account import Account


class TestRotate:
    @pytest.fixture(autouse=True)
    def _up(self, account: Account) -> None:
        account.up()
        self.key = account.secrets["GAS_SECRET_KEY"]
        self.told = account.parameters("gas-servers")

    def test_a_new_key_signs_and_the_old_one_is_believed(self, account: Account) -> None:
        account.run("rotate", "secret-key")
        new, old = account.secrets["GAS_SECRET_KEY"].split(",")
        assert old == self.key
        assert len(new) >= 32
        assert set(account.secrets) == {"GAS_SECRET_KEY", "GAS_STRIPE_KEY", "GAS_STRIPE_WEBHOOK_SECRETS"}

    def test_servers_are_replaced_but_not_their_release(self, account: Account) -> None:
        account.commit = b"the second"
        account.run("rotate", "stripe-key", GAS_STRIPE_KEY="rk_live_2")
        after = account.parameters("gas-servers")
        assert {name for name in after if after[name] != self.told[name]} == {"SecretsVersion"}
        assert account.run("plan", ok=False).exit_code == 3
        assert account.secrets["GAS_STRIPE_KEY"] == "rk_live_2"

    def test_both_webhook_secrets_are_believed_and_the_next_up_leaves_it_so(self, account: Account) -> None:
        account.run("rotate", "stripe-webhook-secret", GAS_STRIPE_WEBHOOK_SECRETS="whsec_2")
        assert account.secrets["GAS_STRIPE_WEBHOOK_SECRETS"] == "whsec_2,whsec_1"
        told = account.parameters("gas-servers")
        account.run("up")
        assert account.parameters("gas-servers") == told != self.told

    @pytest.mark.parametrize(
        ("secret", "name", "new"),
        [
            ("stripe-key", "GAS_STRIPE_KEY", "rk_live_2"),
            ("stripe-webhook-secret", "GAS_STRIPE_WEBHOOK_SECRETS", "whsec_2"),
        ],
    )
    def test_broken_off_before_servers_were_told_the_same_command_tells_them(
        self, account: Account, monkeypatch: pytest.MonkeyPatch, secret: str, name: str, new: str
    ) -> None:
        monkeypatch.setenv(name, new)
        with monkeypatch.context() as failing:
            account.fail_changes(failing)
            account.run("rotate", secret, ok=False)
        stored = account.secrets
        assert account.parameters("gas-servers") == self.told
        assert "stored already, and servers have it now" in account.run("rotate", secret).output
        assert account.secrets == stored
        assert account.parameters("gas-servers") != self.told

    def test_the_present_secret_changes_nothing_and_says_so(self, account: Account) -> None:
        result = account.run("rotate", "stripe-key", GAS_STRIPE_KEY="rk_live_1")
        assert "stored already" in result.output
        assert "nothing to change" in result.output
        assert account.parameters("gas-servers") == self.told


def test_a_shell_reads_what_servers_are_told_but_no_secret(account: Account) -> None:
    account.up()
    shown = account.run("settings").output
    assert f"export GAS_JOBS_TABLE={account.outputs('gas')['JobsTable']}\n" in shown
    assert "export GAS_MAIL_FROM='GAS <gas@mail.example.org>'\n" in shown
    assert not any(secret in shown for secret in account.secrets.values())
