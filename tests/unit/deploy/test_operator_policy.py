"""deploy/stack/operator-policy.json allows what operators' commands call, and nothing else: each is given here, on moto,
and what it asks of AWS is read off its requests, as the local cloud reads what servers ask."""

from __future__ import annotations

import fnmatch
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
import pytest
from click.testing import CliRunner
from moto import mock_aws
from moto.core import botocore_stubber

from cli import billing
from cli.main import gas
from deploy.local.calls import Calls, Recorded
from deploy.local.stack import TEMPLATE
from deploy.stack_settings import settings_from_outputs
from shared.aws import dead_letters
from shared.aws.backup import BUCKETS
from shared.aws.inbox import DynamoInbox
from shared.aws.jobs import DynamoJobs
from shared.aws.server_settings import ServerSettings
from shared.aws.session import client
from shared.aws.users import DynamoUsers
from shared.core.clock import utc_now
from shared.core.messages import JobRequested
from shared.core.settings import AwsSettings
from shared.inbox import operations
from shared.inbox.readiness import HttpReadiness, ServerState
from tests import deployment
from tests.contract import tables
from tests.factories import a_job, a_user
from tests.fake_billing import FakeBilling
from tests.sns_sender import SnsSender, body, certificate, rsa_key
from tests.unit.deploy.templates import STACKS, listed
from tests.unit.deploy.test_least_privilege import LARGEST_POLICY

REGION, ACCOUNT = "us-east-1", "123456789012"
BACKUPS = "gas-backups-example"
POLICY = json.loads((TEMPLATE.parent / "operator-policy.json").read_text())
RUNBOOK = Path("docs/operations.md").read_text()
WHY = ("--why", "She watches at night.")

Call = tuple[str, str]
"""Action and ARN."""
ACCIDENTS: dict[str, set[Call]] = {
    "a copy of more than 5 GiB breaks off": {
        ("s3:AbortMultipartUpload", f"arn:aws:s3:::{BACKUPS}/*"),
        ("s3:AbortMultipartUpload", "arn:aws:s3:::gas-inputs-0abc/*"),
        ("s3:AbortMultipartUpload", "arn:aws:s3:::gas-results-0abc/*"),
    },
}
"""What happens only at the wrong moment: when → calls."""


class World:
    """A deployment as operators' commands find it: its data, its settings, and one letter that SNS could not deliver."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "deployment.toml"
        self.file.write_text(deployment.FILE.replace("eu-central-1", REGION))
        self.access = AwsSettings(region=REGION)
        self.outputs = {name: self._made(name) for name in STACKS["core"]["Outputs"]}
        client(self.access, "s3").create_bucket(Bucket=BACKUPS)
        client(self.access, "cloudformation").create_stack(StackName="gas", TemplateBody=json.dumps(self._template()))
        settings = {**settings_from_outputs(self.outputs), "GAS_PUBLIC_URL": "https://gas.example.org"}
        self.environment = {**settings, "GAS_REGION": REGION, "GAS_OPERATOR": "olga"}
        key, now = rsa_key(), utc_now()
        pem = certificate(key, not_before=now - timedelta(days=9), not_after=now + timedelta(days=9))
        self.sender = SnsSender(self.outputs["JobRequestsTopic"], key=key, pem=pem)
        self.alice = a_user(user_id="alice", email="alice@example.org", verified_at=utc_now(), customer_id="cus_alice")
        dynamodb = client(self.access, "dynamodb")
        DynamoUsers(dynamodb, self.outputs["UsersTable"]).create(self.alice)
        DynamoJobs(dynamodb, self.outputs["JobsTable"]).create(a_job(user_id="alice"))
        dynamodb.put_item(TableName=self.outputs["MailsTable"], Item={"mail_id": {"S": "mail"}})
        ServerSettings(client(self.access, "ssm"), "/gas/gas/settings").write(settings)
        self.letter = ""
        self.is_recording = False

    def _made(self, output: str) -> str:
        name = re.sub("(?<!^)(?=[A-Z])", "-", output).lower()
        if output.endswith("Table"):
            return self._table(output.removesuffix("Table"))
        if output.endswith("Bucket"):
            bucket = f"gas-{name.removesuffix('-bucket')}-0abc"
            client(self.access, "s3").create_bucket(Bucket=bucket)
            return bucket
        if output.endswith("Topic"):
            sns = client(self.access, "sns")
            arn = sns.create_topic(Name=f"gas-{name.removesuffix('-topic')}")["TopicArn"]
            if output == "JobRequestsTopic":
                sns.subscribe(TopicArn=arn, Protocol="https", Endpoint="https://gas.example.org/hooks/job-requests")
            return arn
        if output.endswith("DeadLetters"):
            return client(self.access, "sqs").create_queue(QueueName=f"gas-{name}")["QueueUrl"]
        return output

    def _table(self, logical_id: str) -> str:
        """Named as CloudFormation names what has no name of its own."""
        return tables.create(client(self.access, "dynamodb"), logical_id, name=f"gas-{logical_id}-0ABC")

    def _template(self) -> dict[str, Any]:
        return {
            "Resources": {"One": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in self.outputs.items()},
        }

    def lose_a_push(self) -> None:
        """SNS puts it into the dead-letter queue."""
        text = JobRequested(job_id="job", run=1, user_id="alice").to_json()
        envelope = body(self.sender.notification(text, at=utc_now() - timedelta(minutes=5))).decode()
        queue = self.outputs["JobRequestsDeadLetters"]
        self.letter = client(self.access, "sqs").send_message(QueueUrl=queue, MessageBody=envelope)["MessageId"]

    def message(self) -> str:
        """The id of the one message that was accepted."""
        inbox = DynamoInbox(client(self.access, "dynamodb"), self.outputs["InboxTable"])
        (entry_id,) = [
            item["entry_id"]["S"]
            for item in client(self.access, "dynamodb").scan(TableName=self.outputs["InboxTable"])["Items"]
            if "#" in item["entry_id"]["S"]
        ]
        assert inbox.get(entry_id) is not None
        return entry_id

    def run(self, *arguments: str) -> str:
        self.is_recording = True
        result = CliRunner().invoke(gas, list(arguments), env=self.environment)
        self.is_recording = False
        assert result.exit_code == 0, f"{arguments}: {result.output} {result.exception}"
        return result.stdout


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with mock_aws():
        yield World(tmp_path_factory.mktemp("deployment"))


def give_all_commands(world: World) -> None:
    """Every command that operators have, and the one that tells them where their deployment is."""
    world.run("deploy", "settings", "--file", str(world.file))
    world.lose_a_push()
    world.run("dlq", "list")
    world.run("dlq", "show", "job-requests", world.letter)
    world.run("dlq", "replay", "--all", "--yes", *WHY)
    entry_id = world.message()
    world.lose_a_push()
    world.run("dlq", "discard", "--queue", "job-requests", "--id", world.letter, "--yes", *WHY)

    for narrowed in ([], ["--state", "dead"], ["--job", "job"], ["--user", "alice@example.org"]):
        world.run("messages", "list", *narrowed)
    world.run("messages", "show", entry_id)
    world.run("messages", "retry", entry_id, *WHY)
    world.run("messages", "pause", "job-results", *WHY)
    world.run("messages", "resume", "job-results", *WHY)

    world.run("users", "show", "alice@example.org")
    world.run("users", "role", "alice@example.org", "operator", *WHY)
    world.run("billing", "reconcile")

    s3 = client(world.access, "s3")
    for bucket in BUCKETS:
        s3.put_object(Bucket=world.outputs[f"{bucket}Bucket"], Key="alice/job/file", Body=b"file")
    name = json.loads(world.run("backup", "create", "--bucket", BACKUPS, "--json"))["name"]
    world.run("backup", "list", "--bucket", BACKUPS)
    for bucket in BUCKETS:
        s3.delete_object(Bucket=world.outputs[f"{bucket}Bucket"], Key="alice/job/file")
    world.run("backup", "restore", name, "--bucket", BACKUPS, "--yes")
    world.run("backup", "delete", name, "--bucket", BACKUPS, "--yes")


@pytest.fixture(scope="module")
def called(world: World) -> set[Call]:
    """What they asked of AWS."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(operations, "fetch_certificate", world.sender.fetch)
        patched.setattr(dead_letters, "_LONG_POLL", 0)  # moto waits as SQS does
        patched.setattr(HttpReadiness, "ask", lambda *_: ServerState())
        paying = FakeBilling()
        paying.subscribe("cus_alice")
        patched.setattr(billing, "StripeBilling", lambda **_: paying)
        patched.setitem(world.environment, "GAS_STRIPE_KEY", "rk_test_of_tests")
        patched.setitem(world.environment, "GAS_STRIPE_PRICE", "price_premium")
        found: set[Call] = set()
        patched.setattr(botocore_stubber.BotocoreStubber, "__call__", recording(world, found))
        give_all_commands(world)
    return found


def recording(world: World, found: set[Call]) -> Callable[..., Any]:
    """moto, with what is asked of it written down."""
    answered = botocore_stubber.BotocoreStubber.__call__

    def asked(self: Any, event_name: str, request: Any, **more: Any) -> Any:
        response = answered(self, event_name, request, **more)
        if world.is_recording and response is not None:
            found.update(calls_of(request, response.status_code))
        return response

    return asked


def calls_of(request: Any, status: int) -> Iterator[Call]:
    parts = urlsplit(request.url)
    sent = request.body.read() if hasattr(request.body, "read") else request.body or b""
    sent = sent.encode() if isinstance(sent, str) else sent
    bucket, is_bucket, _ = parts.netloc.partition(".s3.")
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    if ("/cloudformation/aws4_request") in headers["authorization"]:  # servers call none of it
        action, stack = (parse_qs(sent.decode())[name][0] for name in ("Action", "StackName"))
        yield f"cloudformation:{action}", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/*"
        return
    environ = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": f"/{bucket}{parts.path}" if is_bucket else parts.path,
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "HTTP_AUTHORIZATION": headers["authorization"],
        "HTTP_X_AMZ_TARGET": headers.get("x-amz-target", ""),
        "HTTP_X_AMZ_COPY_SOURCE": headers.get("x-amz-copy-source", ""),
        "wsgi.input": BytesIO(sent),
    }
    calls = Calls()

    def answer(_: Any, start_response: Any) -> list[bytes]:
        start_response(f"{status} as moto has it", [])
        return []

    Recorded(answer, calls)(environ, lambda *_: lambda _: None)
    yield from ((item["action"], item["resource"]) for item in calls.all())


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def needed(called: set[Call]) -> set[Call]:
    """All that the policy has to allow: what is done to one queue or topic is done to all of them, by the same code."""
    queues = {queue for action, queue in called if action == "sqs:GetQueueAttributes"}
    topics = {queue.replace(":sqs:", ":sns:").removesuffix("-dead-letters") for queue in queues}
    done = {action for action, _ in called if action.startswith("sqs:")}
    return (
        called
        | {(action, queue) for action in done for queue in queues}
        | {("sns:ListSubscriptionsByTopic", topic) for topic in topics}
        | {call for each in ACCIDENTS.values() for call in each}
        | of_the_runbook()
    )


def of_the_runbook() -> set[Call]:
    """What the AWS CLI calls where docs/operations.md tells how to look at logs and servers."""
    groups = [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:gas-{kind}:*" for kind in ("frontend", "annotator", "util")]
    found: set[Call] = set()
    for service, verb in re.findall(r"\baws ([a-z0-9]+) ([a-z][a-z-]+)", RUNBOOK):
        match service, verb:
            case "logs", "tail" | "filter-log-events":
                found |= {("logs:FilterLogEvents", group) for group in groups}
            case "logs", "start-query":
                found |= {("logs:StartQuery", group) for group in groups}
            case (
                ("logs", "get-query-results") | ("ec2", "get-console-output") | ("autoscaling", _)
            ):  # know no resources
                found.add((f"{service}:{''.join(word.title() for word in verb.split('-'))}", "*"))
            case (("dynamodb" | "s3api" | "iam"), _):
                pass  # an administrator's: it makes and replaces what the deployment is
            case _:
                raise AssertionError(f"whoever wrote `aws {service} {verb}` has to say here what it calls")
    return found


def granted() -> set[Call]:
    """Every action with every resource that it is granted on; ``*`` stands for anything."""
    assert {one["Effect"] for one in POLICY["Statement"]} == {"Allow"}
    return {
        (action, resource)
        for one in POLICY["Statement"]
        for action in listed(one["Action"])
        for resource in listed(one["Resource"])
    }


def allows(grant: Call, call: Call) -> bool:
    return grant[0] == call[0] and fnmatch.fnmatchcase(call[1], grant[1])


def test_operators_may_do_all_that_their_commands_do(called: set[Call]) -> None:
    assert sorted(call for call in needed(called) if not any(allows(grant, call) for grant in granted())) == []


def test_operators_may_do_nothing_else_and_to_nothing_else(called: set[Call]) -> None:
    assert sorted(grant for grant in granted() if not any(allows(grant, call) for call in needed(called))) == []


def test_what_is_seen_is_called_no_accident(called: set[Call]) -> None:
    rare = {call for each in ACCIDENTS.values() for call in each}
    assert called & rare == set()


def test_every_command_of_operators_was_given() -> None:
    """So that a new one is not forgotten here."""
    given = inspect.getsource(give_all_commands)
    for group in ("dlq", "messages", "users", "billing", "backup"):
        found = gas.get_command(click.Context(gas), group)
        assert isinstance(found, click.Group)
        for name in found.commands:
            assert f'"{group}", "{name}"' in given, f"gas {group} {name}"


def test_the_policy_fits_into_a_role() -> None:
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= LARGEST_POLICY


def test_aws_knows_every_action_that_operators_may_do(tmp_path: Path) -> None:
    described = {"RoleName": "operator", "PolicyName": "operate", "PolicyDocument": POLICY}
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": {"Operator": {"Type": "AWS::IAM::RolePolicy", "Properties": described}}}))
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")
