"""A deployment's data is put into another one by the commands that operators give; both are stacks of the local cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.aws.backup import GRACE, Backups, Stores
from shared.aws.jobs import DynamoJobs
from shared.aws.users import DynamoUsers
from shared.core.clock import utc_now
from shared.core.jobs import JobState
from shared.core.ports import Work
from tests.factories import NOON, a_completed_job, a_job, a_user
from tests.functional.local_cloud import Endpoint, LocalCloud, endpoint, running_cloud
from tests.functional.two_of_each import ROOT

BUCKET = "backups-of-gas"
ALICE, BOB = a_user(email="alice@example.org", plan_epoch=3), a_user(email="bob@example.org")


class Deployment:
    """A core stack and what lies in it."""

    def __init__(self, cloud: LocalCloud, name: str, url: str) -> None:
        self.cloud, self.name = cloud, name
        parameters = dict.fromkeys(("AnnotatorUrl", "UtilUrl", "FrontendUrl"), url) | {"HookProtocol": "http"}
        cloud.aws("cloudformation").create_stack(
            StackName=name,
            TemplateBody=(ROOT / "deploy/stack/core.yaml").read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        (stack,) = cloud.aws("cloudformation").describe_stacks(StackName=name)["Stacks"]
        self.outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
        self.jobs = DynamoJobs(cloud.aws("dynamodb"), self.outputs["JobsTable"])
        self.users = DynamoUsers(cloud.aws("dynamodb"), self.outputs["UsersTable"])

    def items(self, table: str) -> list[dict[str, Any]]:
        found = self.cloud.aws("dynamodb").scan(TableName=self.outputs[f"{table}Table"])["Items"]
        return sorted(found, key=json.dumps)

    def store(self, key: str, content: bytes, bucket: str = "Inputs", **more: str) -> None:
        self.cloud.aws("s3").put_object(Bucket=self.outputs[f"{bucket}Bucket"], Key=key, Body=content, **more)

    def files(self, bucket: str = "Inputs") -> dict[str, tuple[bytes, str]]:
        """Key → content and its type."""
        s3, name = self.cloud.aws("s3"), self.outputs[f"{bucket}Bucket"]
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=name).get("Contents", [])]
        found = {key: s3.get_object(Bucket=name, Key=key) for key in keys}
        return {key: (answer["Body"].read(), answer["ContentType"]) for key, answer in found.items()}


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running_cloud() as running:
        running.aws("s3").create_bucket(Bucket=BUCKET)
        yield running


@pytest.fixture(scope="module")
def lost(cloud: LocalCloud) -> Deployment:
    """What was backed up: two people, a job that is done, and one that runs."""
    deployment = Deployment(cloud, "lost", "http://127.0.0.1:9")
    for user in (ALICE, BOB):
        deployment.users.create(user)
    done = a_completed_job(user_id=ALICE.user_id)
    deployment.jobs.create(done)
    deployment.store(done.input.key, b"input")
    deployment.store(done.results["vcf"].key, b"results", "Results", ContentType="application/gzip")
    running = a_job(user_id=BOB.user_id)
    deployment.jobs.create(running)
    deployment.store(running.input.key, b"bob's")
    deployment.jobs.submit(running.job_id, size=5, pack="rcrs", why="chosen", request_id="request-7", now=NOON)
    deployment.jobs.start(running.job_id, run=1, work=Work("entry", 4), now=NOON)
    return deployment


def gas(cloud: LocalCloud, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "GAS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    command = [sys.executable, "-m", "cli", "backup", *arguments, "--bucket", BUCKET]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def backup(cloud: LocalCloud, lost: Deployment) -> dict[str, Any]:
    made = gas(cloud, "create", "--deployment", "lost", "--json")
    assert made.returncode == 0, made.stderr
    found: dict[str, Any] = json.loads(made.stdout)
    return found


def test_a_backup_says_what_is_in_it(cloud: LocalCloud, backup: dict[str, Any]) -> None:
    assert backup["items"] == {"Jobs": 2, "Users": 4, "Audit": 0, "Mails": 0}  # each address is an item, too
    assert (backup["files"], backup["bytes"], backup["archived"]) == (3, 17, 0)
    assert json.loads(gas(cloud, "list", "--json").stdout) == [backup]


def test_without_yes_nothing_is_restored_or_deleted(
    cloud: LocalCloud, lost: Deployment, backup: dict[str, Any]
) -> None:
    for command in (["restore", backup["name"], "--deployment", "lost"], ["delete", backup["name"]]):
        done = gas(cloud, *command)
        assert done.returncode == 0
        assert "--yes does it" in done.stdout
    assert json.loads(gas(cloud, "list", "--json").stdout) == [backup]


@pytest.fixture(scope="module")
def new(cloud: LocalCloud, lost: Deployment, backup: dict[str, Any]) -> Iterator[tuple[Deployment, list[Any]]]:
    """Another deployment that the backup was put into, twice, and what was pushed to its utility server."""
    with endpoint() as utility:
        deployment = Deployment(cloud, "new", utility.url.removesuffix("/hooks/test"))
        confirm(cloud, deployment, utility)
        for _ in range(2):
            done = gas(cloud, "restore", backup["name"], "--deployment", "new", "--yes")
            assert done.returncode == 0, done.stderr
        yield deployment, [notified(utility) for _ in range(4)]


def notified(utility: Endpoint) -> Any:
    """The next message; other topics still ask whether it subscribes."""
    while (envelope := utility.next().envelope)["Type"] != "Notification":
        pass
    return json.loads(envelope["Message"])


def confirm(cloud: LocalCloud, deployment: Deployment, utility: Endpoint) -> None:
    """As a utility server would: for the topic of accounts alone."""
    topic = deployment.outputs["AccountChangesTopic"]
    while True:
        envelope = utility.next().envelope
        if envelope["TopicArn"] == topic:
            cloud.aws("sns").confirm_subscription(TopicArn=topic, Token=envelope["Token"])
            return


def test_accounts_and_finished_jobs_come_back_as_they_were(lost: Deployment, new: tuple[Deployment, list[Any]]) -> None:
    restored, _ = new
    assert restored.items("Users") == lost.items("Users")
    found, was = ([job for job in each.items("Jobs") if job["state"]["S"] == "COMPLETED"] for each in (restored, lost))
    assert found == was != []


def test_files_come_back_with_their_types(lost: Deployment, new: tuple[Deployment, list[Any]]) -> None:
    restored, _ = new
    assert restored.files() == lost.files()
    assert restored.files("Results") == lost.files("Results")
    assert {kind for _, kind in restored.files("Results").values()} == {"application/gzip"}


def test_a_job_that_ran_is_announced_anew_and_can_be_begun_by_whoever_gets_it(
    new: tuple[Deployment, list[Any]],
) -> None:
    restored, _ = new
    (job,) = restored.jobs.unannounced(before=utc_now())
    assert (job.user_id, job.state) == (BOB.user_id, JobState.QUEUED)
    restored.jobs.start(job.job_id, run=1, work=Work("another entry", 1), now=utc_now())


def test_waits_for_the_archive_are_begun_anew_for_every_account(new: tuple[Deployment, list[Any]]) -> None:
    _, messages = new
    told = {(message["user_id"], message["epoch"]) for message in messages}
    assert told == {(ALICE.user_id, 3), (BOB.user_id, 0)}


def test_what_is_there_already_is_left_as_it_is(
    cloud: LocalCloud, new: tuple[Deployment, list[Any]], backup: dict[str, Any]
) -> None:
    restored, _ = new
    restored.users.set_password(ALICE.user_id, password_hash="newer", epoch=1)
    assert gas(cloud, "restore", backup["name"], "--deployment", "new", "--yes").returncode == 0
    assert restored.users.get(ALICE.user_id).password_hash == "newer"


def test_a_file_that_went_to_the_archive_is_still_in_the_next_backup_and_others_are_counted(
    cloud: LocalCloud, lost: Deployment, backup: dict[str, Any]
) -> None:
    lost.store("alice/archived", b"never copied", StorageClass="GLACIER")
    (job,) = [job for job in lost.items("Jobs") if job["state"]["S"] == "COMPLETED"]
    lost.store(job["input"]["M"]["key"]["S"], b"input", StorageClass="GLACIER")
    second = json.loads(gas(cloud, "create", "--deployment", "lost", "--json").stdout)
    assert (second["files"], second["archived"]) == (3, 1)


def test_deleting_a_backup_keeps_the_files_that_another_one_holds(
    cloud: LocalCloud, lost: Deployment, backup: dict[str, Any]
) -> None:
    backups = Backups(cloud.aws("dynamodb"), cloud.aws("s3"), BUCKET)
    for other in backups.all()[1:]:
        backups.delete(other, now=utc_now())
    cloud.aws("s3").put_object(Bucket=BUCKET, Key="objects/Inputs/of-nobody/etag", Body=b"left over")
    first = backups.get(backup["name"])
    later = utc_now() + GRACE + timedelta(minutes=1)
    lost.store("alice/new", b"new")
    second = backups.create(Stores.of(lost.outputs), now=utc_now() + timedelta(seconds=5), gas="1.0.0")
    assert backups.delete(first, now=later) == 1
    assert backups.all() == [second]
    assert backups.restore(second, Stores.of(lost.outputs))


def test_a_backup_or_deployment_that_is_not_there_is_an_error_in_words(cloud: LocalCloud, lost: Deployment) -> None:
    for arguments, words in (
        (["restore", "20200101T000000Z", "--deployment", "lost"], "There is no backup 20200101T000000Z"),
        (["create", "--deployment", "nobody"], "There is no stack nobody"),
    ):
        done = gas(cloud, *arguments)
        assert done.returncode == 1
        assert words in done.stderr
