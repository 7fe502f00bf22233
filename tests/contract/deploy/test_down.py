"""`gas deploy down`, and what would replace something that holds data."""

from __future__ import annotations

import pytest

from shared.aws.session import client
from tests.contract.deploy.account import ACCESS, NAMES, Account


class TestDown:
    @pytest.fixture(autouse=True)
    def _up(self, account: Account) -> None:
        account.up()
        self.jobs = account.outputs("gas")["JobsTable"]

    def tables(self) -> list[str]:
        return client(ACCESS, "dynamodb").list_tables()["TableNames"]

    def buckets(self) -> list[str]:
        return [bucket["Name"] for bucket in client(ACCESS, "s3").list_buckets()["Buckets"]]

    def test_nothing_is_deleted_without_the_name(self, account: Account) -> None:
        for arguments in (["down"], ["down", "--confirm", "yes"], ["down", "--delete-data", "--confirm", "gas-x"]):
            result = account.run(*arguments, ok=False)
            assert "Nothing was deleted" in str(result.exception)
        assert list(account.stacks) == NAMES

    def test_servers_go_and_data_stays(self, account: Account) -> None:
        account.run("down", "--confirm", "gas")
        assert list(account.stacks) == ["gas-network", "gas"]
        assert self.jobs in self.tables()

    def test_up_brings_the_servers_back_to_their_data(self, account: Account) -> None:
        account.run("down", "--confirm", "gas")
        account.run("up")
        assert sorted(account.stacks) == sorted(NAMES)
        assert account.settings["GAS_JOBS_TABLE"] == self.jobs

    def test_with_its_data_everything_goes(self, account: Account) -> None:
        bucket = account.outputs("gas")["InputsBucket"]
        client(ACCESS, "s3").put_object(Bucket=bucket, Key="alice/job-1/input.vcf", Body=b"##")
        result = account.run("down", "--delete-data", "--confirm", "gas")
        assert bucket in result.output
        assert self.jobs in result.output
        assert account.stacks == {}
        assert self.tables() == self.buckets() == []
        assert client(ACCESS, "sqs").list_queues().get("QueueUrls", []) == []
        assert client(ACCESS, "secretsmanager").list_secrets()["SecretList"] == []

    def test_twice_is_no_error(self, account: Account) -> None:
        shown = [account.run("down", "--delete-data", "--confirm", "gas").output for _ in range(2)]
        assert all("Nothing is left" in each for each in shown)


class TestData:
    """A change that would put an empty table in the place of one that is full."""

    @pytest.fixture(autouse=True)
    def _changed(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        account.up()
        account.rewrite(
            "core", lambda text: text.replace("  Jobs:\n", "  Tasks:\n").replace("!Ref Jobs}", "!Ref Tasks}")
        )

    def test_is_shown_in_the_plan(self, account: Account) -> None:
        assert "holds data" in account.run("plan", ok=False).output

    def test_is_not_made_without_the_name(self, account: Account) -> None:
        before = account.outputs("gas")
        result = account.run("up", ok=False)
        assert "Nothing was changed in gas: it holds data." in str(result.exception)
        assert account.outputs("gas") == before

    def test_is_made_with_it(self, account: Account) -> None:
        before = account.outputs("gas")
        account.run("up", "--confirm", "gas")
        assert account.outputs("gas")["JobsTable"] != before["JobsTable"]
