"""`gas deploy status`."""

from __future__ import annotations

import pytest

from shared.aws.mail_identity import MailIdentity
from tests.contract.deploy.account import NAMES, Account


class TestStatus:
    def test_all_is_well(self, account: Account) -> None:
        account.up()
        assert "All is well" in account.run("status").output

    def test_after_a_change_that_was_rolled_back_all_is_as_it_was_and_that_is_said(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account.up()
        account.commit = b"the second"
        with monkeypatch.context() as failing:
            account.fail_changes(failing)
            account.run("up", ok=False)
        account.commit = b"the first"
        account.run("up")
        result = account.run("status")
        assert "gas-servers: the last change was rolled back" in result.output
        assert "All is well" in result.output

    @pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_FAILED", "ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"])
    def test_a_stack_that_does_not_stand_is_not_well(self, account: Account, status: str) -> None:
        account.up()
        account.moto_stack("gas-servers").status = status
        assert account.run("status", ok=False).exit_code == 1

    def test_pushes_that_reach_nobody_are_said_by_up_and_are_not_well(self, account: Account) -> None:
        account.subscriptions.topics["JobRequestsTopic"] = []
        assert "reaches nobody: job-requests. " in account.up().output
        result = account.run("status", ok=False)
        assert result.exit_code == 1
        assert "reaches nobody: job-requests. " in result.output

    def test_of_an_empty_account_nothing_is_there(self, account: Account) -> None:
        account.mail, account.readiness = None, "does not answer (ConnectionError)"
        result = account.run("status", ok=False)
        assert result.exit_code == 1
        assert result.output.count("not there") == len(NAMES)

    def test_what_is_left_to_do_is_said(self, account: Account) -> None:
        account.up()
        account.mail = MailIdentity(False, ("abc", "def"), False)
        account.readiness = "is not ready (503)"
        result = account.run("status", ok=False)
        assert result.exit_code == 1
        assert "abc._domainkey.example.org  CNAME  abc.dkim.amazonses.com" in result.output
        assert "production access" in result.output
        assert "is not ready (503)" in result.output
