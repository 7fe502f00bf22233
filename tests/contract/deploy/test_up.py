"""`gas deploy up` and `plan`: from an empty account to servers, and on from there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.servers.release import zipped
from shared.aws.session import client
from tests import deployment
from tests.contract.deploy.account import ACCESS, NAMES, REGION, Account


def test_one_command_makes_all_stacks_in_order(account: Account) -> None:
    account.up()
    assert list(account.stacks) == NAMES
    assert set(account.stacks.values()) == {"CREATE_COMPLETE"}


def test_outputs_of_one_stack_are_parameters_of_the_next(account: Account) -> None:
    account.up()
    assert account.parameters("gas-roles")["JobsTable"] == account.outputs("gas")["JobsTable"]
    assert account.parameters("gas-servers")["AnnotatorMax"] == "7"
    assert account.parameters("gas")["AnnotatorUrl"] == "https://gas.example.org"


def test_servers_are_told_where_everything_is(account: Account) -> None:
    account.up()
    told = account.settings
    assert told["GAS_JOBS_TABLE"] == account.outputs("gas")["JobsTable"]
    assert told["GAS_PUBLIC_URL"] == told["GAS_HOOK_URL"] == "https://gas.example.org"
    assert told["GAS_REGION"] == REGION
    assert told["GAS_MAX_UPLOAD_MIB"] == "80"


def test_secrets_are_in_secrets_manager_alone(account: Account) -> None:
    shown = account.up().output
    assert account.secrets["GAS_STRIPE_KEY"] == "rk_live_1"
    assert len(account.secrets["GAS_SECRET_KEY"]) >= 32
    everywhere = shown + json.dumps(account.settings) + "".join(str(account.parameters(name)) for name in NAMES)
    for secret in account.secrets.values():
        assert secret not in everywhere


def test_the_release_and_the_functions_lie_in_the_bucket_under_their_hashes(account: Account) -> None:
    account.up()
    bucket = account.outputs("gas-network")["ArtifactsBucket"]
    s3 = client(ACCESS, "s3")
    servers = account.parameters("gas-servers")
    assert s3.get_object(Bucket=bucket, Key=servers["ReleaseKey"])["Body"].read() == b"the first"
    assert servers["ReleaseSha256"] in servers["ReleaseKey"]
    text = str(account.moto_stack("gas").template)
    place = re.search(r"Code: \{S3Bucket: (\S+), S3Key: (functions/[0-9a-f]{64}\.zip)\}", text)
    assert place is not None
    assert place[1] == bucket
    function = Path(__file__).parents[3] / "deploy" / "lambda" / "restore"
    assert s3.get_object(Bucket=bucket, Key=place[2])["Body"].read() == zipped(function)


def test_a_second_up_changes_nothing(account: Account) -> None:
    account.up()
    before = account.secrets
    again = account.run("up")
    assert again.output.count("nothing to change") == len(NAMES)
    assert account.secrets == before


def test_a_plan_for_an_empty_account_makes_nothing(account: Account) -> None:
    result = account.run("plan", ok=False)
    assert result.exit_code == 3
    assert all(f"{name}: is created" in result.output for name in NAMES)
    assert account.stacks == {}


def test_a_plan_says_that_there_is_nothing_to_do(account: Account) -> None:
    account.up()
    result = account.run("plan")
    assert result.output.count("nothing to change") == len(NAMES)


def test_a_new_commit_changes_the_servers_alone(account: Account) -> None:
    account.up()
    account.commit = b"the second"
    planned = account.run("plan", ok=False)
    assert planned.exit_code == 3
    assert "gas-servers: is changed" in planned.output
    assert planned.output.count("nothing to change") == len(NAMES) - 1
    before = account.parameters("gas-servers")["ReleaseSha256"]
    account.run("up")
    assert account.parameters("gas-servers")["ReleaseSha256"] != before


def test_a_new_setting_reaches_the_servers(account: Account) -> None:
    account.up()
    account.set_upload_mib(90)
    assert account.run("plan", ok=False).exit_code == 3
    account.run("up")
    assert account.told["GAS_MAX_UPLOAD_MIB"] == "90"
    assert account.run("plan").exit_code == 0


class TestAnUpdateOfServersThatFails:
    """Their stack is rolled back, and its parameters are those before."""

    @pytest.fixture(autouse=True)
    def _failed(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        account.up()
        account.set_upload_mib(90)
        with monkeypatch.context() as failing:
            account.fail_changes(failing)
            result = account.run("up", ok=False)
        assert "gas-servers was not changed (UPDATE_ROLLBACK_COMPLETE)" in str(result.exception)

    def test_leaves_the_old_ones_the_settings_that_they_had(self, account: Account) -> None:
        assert account.told["GAS_MAX_UPLOAD_MIB"] == "80"
        assert "export GAS_MAX_UPLOAD_MIB=80\n" in account.run("settings").output

    def test_leaves_them_to_those_too_that_are_replaced_for_a_new_secret(self, account: Account) -> None:
        account.run("rotate", "stripe-key", GAS_STRIPE_KEY="rk_live_2")
        assert account.told["GAS_MAX_UPLOAD_MIB"] == "80"

    def test_is_tried_again_by_the_next_up(self, account: Account) -> None:
        account.run("up")
        assert account.told["GAS_MAX_UPLOAD_MIB"] == "90"

    def test_needs_no_other_one_to_go_back(self, account: Account) -> None:
        account.set_upload_mib(80)
        assert account.run("plan").exit_code == 0
        assert account.run("up").output.count("nothing to change") == len(NAMES)


def test_without_a_terminal_a_missing_secret_is_asked_for_before_anything_is_made(account: Account) -> None:
    result = account.run("up", ok=False)
    assert "Set GAS_STRIPE_KEY" in str(result.exception)
    assert account.stacks == {}


def test_a_wrong_setting_is_named_before_anything_is_made(account: Account) -> None:
    account.file.write_text(deployment.FILE.replace("GAS_MAX_UPLOAD_MIB = 80", "GAS_MAX_UPLOAD_MIB = 80000"))
    result = account.run("up", ok=False)
    assert "GAS_MAX_UPLOAD_MIB" in str(result.exception)
    assert account.stacks == {}


@pytest.mark.parametrize("instead", ["#", 'AlarmEmail = "" # '])
def test_a_parameter_of_the_last_stack_is_missed_before_anything_is_made(account: Account, instead: str) -> None:
    account.file.write_text(deployment.FILE.replace("AlarmEmail", instead))
    result = account.run("up", ok=False, GAS_STRIPE_KEY="rk_live_1", GAS_STRIPE_WEBHOOK_SECRETS="whsec_1")
    assert "Say AlarmEmail under [parameters]" in str(result.exception)
    assert account.stacks == {}


class TestServersElsewhere:
    """Nothing is told of what only servers of the deployment's own need."""

    @pytest.fixture(autouse=True)
    def _up(self, account: Account) -> None:
        account.file.write_text(deployment.FILE.replace("AlarmEmail", "#"))
        self.result = account.up("--without-servers")

    def test_what_holds_data_is_made_and_nothing_else(self, account: Account) -> None:
        assert list(account.stacks) == NAMES[:2]

    def test_what_they_are_told_is_there(self, account: Account) -> None:
        assert account.settings["GAS_JOBS_TABLE"] == account.outputs("gas")["JobsTable"]
        assert account.secrets["GAS_STRIPE_KEY"] == "rk_live_1"
        assert "SSM parameter /gas/gas/settings, secret gas/servers" in self.result.output

    def test_a_secret_of_theirs_is_replaced(self, account: Account) -> None:
        account.run("rotate", "stripe-key", GAS_STRIPE_KEY="rk_live_2")
        assert account.secrets["GAS_STRIPE_KEY"] == "rk_live_2"

    def test_servers_are_made_later_where_somebody_wants_them(self, account: Account) -> None:
        account.file.write_text(deployment.FILE)
        account.up()
        assert list(account.stacks) == NAMES

    def test_all_of_it_goes(self, account: Account) -> None:
        account.run("down", "--delete-data", "--confirm", "gas")
        assert account.stacks == {}


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_a_creation_that_failed_is_begun_anew(account: Account, status: str) -> None:
    account.up()
    account.moto_stack("gas-servers").status = status
    result = account.run("up")
    assert "gas-servers was never finished" in result.output
    assert account.stacks["gas-servers"] == "CREATE_COMPLETE"


def test_what_only_a_person_can_mend_is_said(account: Account) -> None:
    account.up()
    account.moto_stack("gas").status = "UPDATE_ROLLBACK_FAILED"
    result = account.run("up", ok=False)
    assert "gas is UPDATE_ROLLBACK_FAILED" in str(result.exception)
    assert "continue the rollback" in str(result.exception)
