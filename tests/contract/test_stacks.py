"""Stacks and their change sets, on moto, which makes them at once; how one stands in between is set by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber
from moto.cloudformation.models import cloudformation_backends

from shared.aws.leftovers import HOLDING_DATA, Leftovers
from shared.aws.session import client
from shared.aws.stacks import Change, Event, Proposal, Resource, Stacks, why_it_failed
from shared.core.errors import Permanent, Unavailable
from tests.contract.conftest import SETTINGS
from tests.deployment import mend_change_sets

BUCKET = """
Parameters:
  Title: {Type: String, Default: none}
  Other: {Type: String, Default: none}
Resources:
  Files:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "${Title} ${Other}"}
Outputs:
  FilesBucket: {Value: !Ref Files}
"""


NOW = datetime(2026, 11, 28, tzinfo=UTC)


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.slept = 0
        self.then: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.slept += 1
        self.then()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stacks(moto: None, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Stacks:
    mend_change_sets(monkeypatch)
    return Stacks(client(SETTINGS, "cloudformation"), sleep=clock.sleep)


def made(stacks: Stacks, template: str = BUCKET, **parameters: str) -> list[Event]:
    proposal = stacks.propose("gas", parameters, template)
    assert proposal is not None
    return list(stacks.execute(proposal))


def in_moto(name: str = "gas") -> Any:
    return cloudformation_backends["123456789012"]["us-east-1"].get_stack(name)


def test_a_stack_that_is_not_there_is_none(stacks: Stacks) -> None:
    assert stacks.find("gas") is None


def test_a_proposal_says_what_is_added_and_makes_nothing(stacks: Stacks) -> None:
    proposal = stacks.propose("gas", {}, BUCKET)
    assert proposal is not None
    assert set(proposal.changes) == {
        Change("Add", "Files", "AWS::S3::Bucket", proposal.changes[0].replacement),
        Change("Add", "Topic", "AWS::SNS::Topic", proposal.changes[0].replacement),
    }
    assert client(SETTINGS, "s3").list_buckets()["Buckets"] == []
    stack = stacks.find("gas")
    assert stack is not None
    assert stack.never_was


def test_what_was_proposed_is_made_and_its_outputs_are_known(stacks: Stacks) -> None:
    events = made(stacks)
    stack = stacks.find("gas")
    assert stack is not None
    assert stack.status == "CREATE_COMPLETE"
    assert [bucket["Name"] for bucket in client(SETTINGS, "s3").list_buckets()["Buckets"]] == [
        stack.outputs["FilesBucket"]
    ]
    assert [event.status for event in events] == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]


def test_where_nothing_would_change_there_is_no_proposal_left(stacks: Stacks) -> None:
    made(stacks)
    assert stacks.propose("gas", {}, BUCKET) is None
    found = client(SETTINGS, "cloudformation").list_change_sets(StackName="gas")["Summaries"]
    assert [item["Status"] for item in found] == ["CREATE_COMPLETE"]


def test_one_parameter_is_changed_and_all_else_stays(stacks: Stacks) -> None:
    made(stacks, Title="GAS", Other="old")
    proposal = stacks.propose("gas", {"Other": "new"}, template=None)
    assert proposal is not None
    events = list(stacks.execute(proposal))
    stack = stacks.find("gas")
    assert stack is not None
    assert (stack.parameters["Title"], stack.parameters["Other"]) == ("GAS", "new")
    assert [event.status for event in events] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]


def answering(*answers: dict[str, Any]) -> tuple[Stacks, Clock]:
    """Stacks over a CloudFormation that describes a change set in these words, one after the other."""
    cloudformation, clock = client(SETTINGS, "cloudformation"), Clock()
    stubber = Stubber(cloudformation)
    stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id gas does not exist")
    stubber.add_response("create_change_set", {"Id": "arn:set"})
    for answer in answers:
        stubber.add_response("describe_change_set", answer)
    stubber.add_response("delete_change_set", {})
    stubber.activate()
    return Stacks(cloudformation, sleep=clock.sleep), clock


def a_change(name: str, **more: Any) -> dict[str, Any]:
    change = {"Action": "Modify", "LogicalResourceId": name, "ResourceType": "AWS::DynamoDB::Table", **more}
    return {"Type": "Resource", "ResourceChange": change}


def test_cloudformation_takes_its_time_and_answers_in_pages(moto: None) -> None:
    details = [{"Target": {"Attribute": "Properties", "Name": "KeySchema"}}]
    stacks, clock = answering(
        {"Status": "CREATE_PENDING"},
        {"Status": "CREATE_IN_PROGRESS"},
        {
            "Status": "CREATE_COMPLETE",
            "NextToken": "2",
            "Changes": [a_change("Jobs", Replacement="True", Details=details)],
        },
        {"Status": "CREATE_COMPLETE", "Changes": [a_change("Users", Replacement="False")]},
    )
    proposal = stacks.propose("gas", {}, BUCKET)
    assert proposal is not None
    assert clock.slept == 2
    assert proposal.changes == (
        Change("Modify", "Jobs", "AWS::DynamoDB::Table", "True", ("KeySchema",)),
        Change("Modify", "Users", "AWS::DynamoDB::Table", "False"),
    )


def test_what_cloudformation_refuses_is_said_in_its_words(moto: None) -> None:
    stacks, _ = answering({"Status": "FAILED", "StatusReason": "Parameters: [DomainName] must have values"})
    with pytest.raises(Permanent, match=r"cannot change gas: Parameters: \[DomainName\] must have values"):
        stacks.propose("gas", {}, BUCKET)


def test_a_template_that_is_too_long_is_refused(stacks: Stacks) -> None:
    with pytest.raises(Permanent, match="51200 bytes"):
        stacks.propose("gas", {}, BUCKET + "#" * 51_200)


def test_somebody_elses_change_is_followed_until_it_stands_still(stacks: Stacks, clock: Clock) -> None:
    made(stacks)
    in_moto().status = "UPDATE_IN_PROGRESS"

    def finish() -> None:
        in_moto()._add_stack_event("UPDATE_COMPLETE")
        in_moto().status = "UPDATE_COMPLETE"

    clock.then = finish
    events = list(stacks.watch("gas"))
    assert clock.slept == 1
    assert [event.status for event in events] == ["UPDATE_COMPLETE"]


def happened(number: int, status: str, kind: str = "AWS::CloudFormation::Stack") -> dict[str, Any]:
    return {
        "StackId": "arn:gas",
        "StackName": "gas",
        "EventId": str(number),
        "Timestamp": NOW,
        "ResourceType": kind,
        "ResourceStatus": status,
    }


def late(*polls: tuple[str, list[dict[str, Any]]]) -> tuple[Stacks, Clock]:
    """Stacks over a CloudFormation that was asked to execute a change set, and then describes the stack and its events,
    the newest first, in these words."""
    cloudformation, clock = client(SETTINGS, "cloudformation"), Clock()
    stubber = Stubber(cloudformation)
    stubber.add_response("describe_stack_events", {"StackEvents": [happened(0, "UPDATE_COMPLETE")]})
    stubber.add_response("execute_change_set", {})
    for status, events in polls:
        described = {"StackName": "gas", "CreationTime": NOW, "StackStatus": status}
        stubber.add_response("describe_stacks", {"Stacks": [described]})
        stubber.add_response("describe_stack_events", {"StackEvents": [*events, happened(0, "UPDATE_COMPLETE")]})
    stubber.activate()
    return Stacks(cloudformation, sleep=clock.sleep), clock


def test_a_stack_that_is_described_as_before_is_not_believed_to_be_changed_yet(moto: None) -> None:
    began, topic, ended = (
        happened(1, "UPDATE_IN_PROGRESS"),
        happened(2, "UPDATE_COMPLETE", "AWS::SNS::Topic"),
        happened(3, "UPDATE_ROLLBACK_COMPLETE"),
    )
    stacks, clock = late(
        ("UPDATE_COMPLETE", []),  # of the change before
        ("UPDATE_COMPLETE", [topic, began]),
        ("UPDATE_IN_PROGRESS", [topic, began]),
        ("UPDATE_ROLLBACK_COMPLETE", [ended, topic, began]),
    )
    followed = [each.status for each in stacks.execute(Proposal("gas", "arn:set", ()))]
    assert followed == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]
    assert clock.slept == 3


def test_what_cloudformation_never_begins_is_not_waited_for_for_ever(moto: None) -> None:
    stacks, _ = late(*[("UPDATE_COMPLETE", [])] * 100)
    with pytest.raises(Unavailable, match=r"began to change gas\. Run this again"):
        list(stacks.execute(Proposal("gas", "arn:set", ())))


def test_what_is_deleted_is_found_by_its_id_alone(stacks: Stacks) -> None:
    made(stacks)
    stack = stacks.find("gas")
    assert stack is not None
    list(stacks.delete(stack))
    assert stacks.find("gas") is None
    after = stacks.find(stack.stack_id)
    assert after is not None
    assert after.status == "DELETE_COMPLETE"


def test_a_deleted_stack_leaves_what_it_retains(stacks: Stacks) -> None:
    made(stacks)
    stack = stacks.find("gas")
    assert stack is not None
    list(stacks.delete(stack))
    assert len(client(SETTINGS, "s3").list_buckets()["Buckets"]) == 1


def event(logical_id: str, status: str, reason: str = "") -> Event:
    return Event(logical_id, None, logical_id, "AWS::S3::Bucket", status, reason)  # type: ignore[arg-type]  # no time is needed


def test_the_first_failure_is_the_cause() -> None:
    events = [
        event("Inputs", "CREATE_IN_PROGRESS"),
        event("Results", "CREATE_FAILED", "Resource creation cancelled"),
        event("Inputs", "CREATE_FAILED", "The bucket name is taken"),
        event("gas", "ROLLBACK_IN_PROGRESS", "The following resources failed: [Inputs]"),
        event("Audit", "DELETE_FAILED", "later"),
    ]
    assert why_it_failed(events) == "Inputs (AWS::S3::Bucket): The bucket name is taken"
    assert why_it_failed([]) == "CloudFormation gives no reason"


@pytest.mark.parametrize(
    ("action", "replacement", "takes_away"),
    [
        ("Add", "", False),
        ("Modify", "False", False),
        ("Modify", "True", True),
        ("Modify", "Conditional", True),
        ("Remove", "", True),
        ("Dynamic", "", True),
    ],
)
def test_what_may_take_a_resource_away_is_known(action: str, replacement: str, takes_away: bool) -> None:
    assert Change(action, "Jobs", "AWS::DynamoDB::Table", replacement).takes_away is takes_away


@pytest.fixture
def leftovers(moto: None) -> Leftovers:
    return Leftovers(client(SETTINGS, "s3"), client(SETTINGS, "sqs"), client(SETTINGS, "dynamodb"))


def test_buckets_are_deleted_with_every_version_of_every_object(leftovers: Leftovers) -> None:
    s3 = client(SETTINGS, "s3")
    s3.create_bucket(Bucket="files")
    s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        s3.put_object(Bucket="files", Key="alice/input.vcf", Body=body)
    s3.delete_object(Bucket="files", Key="alice/input.vcf")
    leftovers.delete(Resource("Inputs", "AWS::S3::Bucket", "files"))
    assert s3.list_buckets()["Buckets"] == []


def test_tables_and_queues_are_deleted(leftovers: Leftovers) -> None:
    dynamodb, sqs = client(SETTINGS, "dynamodb"), client(SETTINGS, "sqs")
    dynamodb.create_table(
        TableName="jobs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "job_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "job_id", "KeyType": "HASH"}],
    )
    queue = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    leftovers.delete(Resource("Jobs", "AWS::DynamoDB::Table", "jobs"))
    leftovers.delete(Resource("DeadLetters", "AWS::SQS::Queue", queue))
    assert dynamodb.list_tables()["TableNames"] == []
    assert sqs.list_queues().get("QueueUrls", []) == []


@pytest.mark.parametrize("kind", sorted(HOLDING_DATA))
def test_what_is_gone_already_is_no_error(leftovers: Leftovers, kind: str) -> None:
    name = "https://sqs.us-east-1.amazonaws.com/123456789012/none" if kind.endswith("Queue") else "none"
    assert not leftovers.delete(Resource("Gone", kind, name))
