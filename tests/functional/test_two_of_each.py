"""Two servers of each kind behind a load balancer, and what operators do to them while people work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.functional.test_rolling_restart import Load, mails_about, messages_about
from tests.functional.two_of_each import AWS, EACH, ROOT, TwoOfEach, running_two_of_each
from tests.person import Person
from tests.whole import wait_for

JOBS = int(os.environ.get("GAS_TEST_ROLLING_JOBS", "20"))
"""How many there are at least. Servers are replaced all the while."""

pytestmark = [
    pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed"),
    pytest.mark.timeout(180 + 6 * JOBS),
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoOfEach]:
    with running_two_of_each(tmp_path_factory.mktemp("two") / "gas") as running:
        yield running


@pytest.fixture(scope="module")
def alice(servers: TwoOfEach) -> Person:
    return Person(servers).join("alice@example.org")


def test_replacing_every_server_during_jobs_loses_and_doubles_nothing_and_shows_nobody_an_error(
    servers: TwoOfEach, alice: Person
) -> None:
    load = Load(servers, [alice, Person(servers).join("bob@example.org", name="Bob")])
    rounds = 0
    with load.going_on():
        while not load.failures:
            for number in range(EACH):
                servers.restart([server for server in servers.servers if server.number == number])
            rounds += 1
            if len(load.jobs) >= JOBS:
                break
    assert load.failures == [], servers.logs()
    jobs = set(load.jobs)
    assert len(jobs) == len(load.jobs) >= JOBS
    wait_for("an e-mail about each job", lambda: set(mails_about(servers, jobs)) == jobs, pause=0.5)
    done = {(route, "DONE") for route in ("job-requests", "job-results", "mail-feedback")}
    wait_for(
        "every message to be done",
        lambda: all(found == done for found in messages_about(servers, jobs).values()),
        pause=0.5,
    )
    assert set(mails_about(servers, jobs).values()) == {1}
    print(f"{len(jobs)} jobs; each of {len(servers.servers)} servers replaced, {rounds} times over")


def test_when_all_tables_and_files_are_lost_people_go_on_with_what_the_backup_holds(
    servers: TwoOfEach, alice: Person
) -> None:
    job_id = alice.start_example()
    assert alice.wait_until_final(job_id) == "COMPLETED"
    result = alice.download(job_id, "vcf")
    servers.aws("s3").create_bucket(Bucket="backups-of-gas")
    backup(servers, "create")
    (name,) = [line.split()[0] for line in backup(servers, "list").splitlines()]
    lose_everything(servers)
    assert alice.ask("GET", f"/jobs/{job_id}/files/vcf").content != result
    backup(servers, "restore", name, "--yes")
    assert alice.sign_in("alice@example.org", "correct horse battery").download(job_id, "vcf") == result
    assert alice.wait_until_final(alice.start_example()) == "COMPLETED"


def backup(servers: TwoOfEach, *arguments: str) -> str:
    """`gas backup`, as an operator gives it."""
    command = [sys.executable, "-m", "cli", "backup", *arguments, "--bucket", "backups-of-gas"]
    environment = {**os.environ, **AWS, "GAS_ENDPOINT_URL": servers.cloud_url}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lose_everything(servers: TwoOfEach) -> None:
    for output, name in servers.stack_outputs().items():
        if output.endswith("Table"):
            dynamodb = servers.aws("dynamodb")
            keys = [part["AttributeName"] for part in dynamodb.describe_table(TableName=name)["Table"]["KeySchema"]]
            for item in dynamodb.scan(TableName=name)["Items"]:
                dynamodb.delete_item(TableName=name, Key={key: item[key] for key in keys})
        elif output.endswith("Bucket"):
            s3 = servers.aws("s3")
            for item in s3.list_objects_v2(Bucket=name).get("Contents", []):
                s3.delete_object(Bucket=name, Key=item["Key"])
