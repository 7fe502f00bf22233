"""`gas deploy` from an empty account to an empty account, on moto."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from moto.cloudformation.models import CloudFormationBackend, cloudformation_backends

from cli import deploy
from cli.deploy_cloud import Cloud, connect
from cli.deploy_file import read
from cli.deploy_templates import load
from cli.main import gas
from deploy.servers.release import Release, zipped
from shared.aws.mail_identity import MailIdentity
from shared.aws.session import client
from shared.core.settings import AwsSettings
from tests import deployment

REGION = "eu-central-1"
NAMES = ["gas-network", "gas", "gas-roles", "gas-servers", "gas-alarms"]
ACCESS = AwsSettings(region=REGION)


class Account:
    """An account, and a checkout of which a release is built."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.file = folder / "deployment.toml"
        self.file.write_text(deployment.FILE)
        self.templates = folder / "templates"
        self.templates.mkdir()
        deployment.templates(self.templates)
        self.mail: MailIdentity | None = MailIdentity(True, (), True)
        self.subscriptions = deployment.pushed("https://gas.example.org")
        self.readiness = ""
        self.commit = b"the first"
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(deploy, "load", lambda: load(self.templates))
        monkeypatch.setattr(deploy, "build", self._build)
        monkeypatch.setattr(deploy, "connect", lambda _: self._cloud)
        monkeypatch.setattr(deploy, "_readiness", lambda _: self.readiness)

    def _build(self, root: Path, folder: Path) -> Release:
        path = self.folder / "release.tar"
        path.write_bytes(self.commit)
        return Release(path, hashlib.sha256(self.commit).hexdigest(), "c0ffee")

    @functools.cached_property
    def _cloud(self) -> Cloud:
        return dataclasses.replace(
            connect(read(self.file), ACCESS), mail_identity=lambda _: self.mail, subscriptions=self.subscriptions
        )

    def run(self, *arguments: str, ok: bool = True, **environment: str) -> Result:
        result = CliRunner().invoke(gas, ["deploy", *arguments, "--file", str(self.file)], env=environment)
        assert not ok or result.exit_code == 0, f"{result.output}{result.exception}"
        return result

    def up(self, *options: str) -> Result:
        return self.run("up", *options, GAS_STRIPE_KEY="rk_live_1", GAS_STRIPE_WEBHOOK_SECRETS="whsec_1")

    def rewrite(self, template: str, change: Callable[[str], str]) -> None:
        path = self.templates / f"{template}.yaml"
        path.write_text(change(path.read_text()))

    @property
    def stacks(self) -> dict[str, str]:
        found = client(ACCESS, "cloudformation").describe_stacks()["Stacks"]
        return {stack["StackName"]: stack["StackStatus"] for stack in found}

    def outputs(self, name: str) -> dict[str, str]:
        (stack,) = client(ACCESS, "cloudformation").describe_stacks(StackName=name)["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    def parameters(self, name: str) -> dict[str, str]:
        (stack,) = client(ACCESS, "cloudformation").describe_stacks(StackName=name)["Stacks"]
        return {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}

    @property
    def secrets(self) -> dict[str, str]:
        text = client(ACCESS, "secretsmanager").get_secret_value(SecretId="gas/servers")["SecretString"]
        found: dict[str, str] = json.loads(text)
        return found

    @property
    def settings(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(
            client(ACCESS, "ssm").get_parameter(Name="/gas/gas/settings")["Parameter"]["Value"]
        )
        return found

    @property
    def told(self) -> dict[str, str]:
        """The settings of which the servers stack speaks."""
        version = self.parameters("gas-servers")["SettingsVersion"]
        parameter = client(ACCESS, "ssm").get_parameter(Name=f"/gas/gas/settings:{version}")["Parameter"]
        found: dict[str, str] = json.loads(parameter["Value"])
        return found

    def set_upload_mib(self, mib: int) -> None:
        self.file.write_text(deployment.FILE.replace("GAS_MAX_UPLOAD_MIB = 80", f"GAS_MAX_UPLOAD_MIB = {mib}"))

    def fail_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Changes of stacks are rolled back, as moto never does it."""

        def roll_back(backend: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
            stack = backend.stacks[backend.change_sets[change_set_name].stack_id]
            stack._add_stack_event("UPDATE_IN_PROGRESS")
            stack._add_stack_event("UPDATE_ROLLBACK_COMPLETE")
            stack.status = "UPDATE_ROLLBACK_COMPLETE"

        monkeypatch.setattr(CloudFormationBackend, "execute_change_set", roll_back)

    def moto_stack(self, name: str) -> Any:
        return cloudformation_backends["123456789012"][REGION].get_stack(name)


@pytest.fixture
def account(moto: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    deployment.mend_change_sets(monkeypatch)
    for name in ("GAS_STRIPE_KEY", "GAS_STRIPE_WEBHOOK_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    return Account(tmp_path, monkeypatch)


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
    function = Path(__file__).parents[2] / "deploy" / "lambda" / "restore"
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
