"""The stack in the local cloud: everything that core.yaml describes is there, and nothing else is accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from deploy.local import stack
from deploy.local.cloudformation import strict
from shared.aws.subscriptions import SnsSubscriptions
from shared.core.errors import GasError
from shared.core.messages import MailEvent
from tests.functional.local_cloud import Endpoint, LocalCloud, endpoint, running_cloud

PAGES = "http://127.0.0.1:8000"
PUSHED = ["JobRequests", "JobResults", "MailFeedback", "AccountChanges", "ArchiveDue", "RestoreRequests", "Daily"]
"""Topics that a server is pushed."""


@dataclass(frozen=True)
class Created:
    cloud: LocalCloud
    outputs: dict[str, str]
    hook: Endpoint
    """Where both hook servers should be."""
    parameters: dict[str, str]


@pytest.fixture(scope="module")
def created() -> Iterator[Created]:
    with ExitStack() as opened:
        cloud, hook = opened.enter_context(running_cloud()), opened.enter_context(endpoint())
        base = hook.url.removesuffix("/hooks/test")
        parameters = {"AnnotatorUrl": base, "UtilUrl": base, "FrontendUrl": PAGES, "HookProtocol": "http"}
        yield Created(cloud, stack.create(cloud.url, parameters), hook, parameters)


@pytest.fixture(scope="module")
def feedback(created: Created) -> Endpoint:
    """The endpoint, with mail-feedback's subscription confirmed."""
    sns = created.cloud.aws("sns")
    for _ in PUSHED:
        envelope = created.hook.next().envelope
        sns.confirm_subscription(TopicArn=envelope["TopicArn"], Token=envelope["Token"])
    return created.hook


def test_every_resource_is_there(created: Created) -> None:
    resources = created.cloud.aws("cloudformation").describe_stack_resources(StackName="gas")["StackResources"]
    assert {item["ResourceType"] for item in resources} == strict.TYPES
    assert all(item["PhysicalResourceId"] for item in resources)
    assert {item["ResourceStatus"] for item in resources} == {"CREATE_COMPLETE"}


@pytest.mark.parametrize("topic", PUSHED)
def test_every_topic_has_its_subscription_and_queue(created: Created, topic: str) -> None:
    sns, sqs = created.cloud.aws("sns"), created.cloud.aws("sqs")
    arn = created.outputs[f"{topic}Topic"]
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["SignatureVersion"] == "2"
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    again = sns.subscribe(
        TopicArn=arn, Protocol="http", Endpoint=listed["Endpoint"], ReturnSubscriptionArn=True
    )  # the ARN of a pending subscription is not listed
    attributes = sns.get_subscription_attributes(SubscriptionArn=again["SubscriptionArn"])["Attributes"]
    assert json.loads(attributes["DeliveryPolicy"])["healthyRetryPolicy"]["numRetries"] == 16
    queue = sqs.get_queue_attributes(QueueUrl=created.outputs[f"{topic}DeadLetters"], AttributeNames=["All"])
    assert json.loads(attributes["RedrivePolicy"]) == {"deadLetterTargetArn": queue["Attributes"]["QueueArn"]}
    assert queue["Attributes"]["MessageRetentionPeriod"] == "1209600"
    assert "sns.amazonaws.com" in queue["Attributes"]["Policy"]
    created.hook.next()  # the confirmation that subscribing again sends


@pytest.mark.usefixtures("feedback")
def test_operators_see_each_subscription_with_its_policy_as_it_takes_effect(created: Created) -> None:
    subscriptions = SnsSubscriptions(created.cloud.aws("sns"))
    (results,) = subscriptions.of(created.outputs["JobResultsTopic"])
    assert results.endpoint == created.hook.url.replace("/hooks/test", "/hooks/job-results")
    assert (results.is_confirmed, results.has_dead_letters) == (True, True)
    assert json.loads(results.delivery_policy)["healthyRetryPolicy"]["numRetries"] == 16
    (restores,) = subscriptions.of(created.outputs["ObjectRestoredTopic"])
    assert restores.endpoint.startswith("arn:aws:lambda:")
    assert (restores.is_confirmed, restores.delivery_policy, restores.has_dead_letters) == (True, "", True)


def test_ses_may_publish_to_mail_feedback(created: Created) -> None:
    attributes = created.cloud.aws("sns").get_topic_attributes(TopicArn=created.outputs["MailFeedbackTopic"])
    (statement,) = json.loads(attributes["Attributes"]["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "ses.amazonaws.com"}
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(
        f":configuration-set/{created.outputs['MailConfigurationSet']}"
    )


def test_tables_have_their_keys_indexes_and_settings(created: Created) -> None:
    dynamodb = created.cloud.aws("dynamodb")
    tables = {
        name: dynamodb.describe_table(TableName=created.outputs[f"{name}Table"])["Table"]
        for name in ("Jobs", "Users", "Inbox", "Limits", "Audit", "Mails")
    }
    keys = {name: [key["AttributeName"] for key in table["KeySchema"]] for name, table in tables.items()}
    assert keys == {
        "Jobs": ["job_id"],
        "Users": ["user_id"],
        "Inbox": ["entry_id"],
        "Limits": ["counter"],
        "Audit": ["subject", "entry_id"],
        "Mails": ["mail_id"],
    }
    indexes = {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for table in tables.values()
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    assert indexes == {
        "by-owner": ["user_id", "created_at"],
        "unannounced": ["unannounced", "queued_at"],
        "away": ["away_owner", "files_at"],
        "by-due": ["shard", "due_at"],
        "by-arrival": ["shard", "accepted_at"],
        "by-state": ["state_shard", "accepted_at"],
        "by-job": ["job_id", "accepted_at"],
        "by-user": ["user_id", "accepted_at"],
        "latest": ["log", "at"],
    }
    assert {table["SSEDescription"]["Status"] for table in tables.values()} == {"ENABLED"}
    for name in ("Inbox", "Limits", "Mails"):
        ttl = dynamodb.describe_time_to_live(TableName=tables[name]["TableName"])["TimeToLiveDescription"]
        assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = dynamodb.describe_continuous_backups(TableName=tables["Jobs"]["TableName"])
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


@pytest.mark.parametrize(("bucket", "days"), [("InputsBucket", 8), ("ResultsBucket", 2)])
def test_buckets_are_private_encrypted_and_tidy(created: Created, bucket: str, days: int) -> None:
    s3, name = created.cloud.aws("s3"), created.outputs[bucket]
    assert set(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()) == {True}
    assert s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": days}
    assert s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("resource", "complaint"),
        [
            ({"Type": "AWS::SNS::Tropic"}, r"Unrecognized resource types: \[AWS::SNS::Tropic\]"),
            ({"Type": "AWS::EC2::Instance"}, r"Unrecognized resource types: \[AWS::EC2::Instance\]"),
            (
                {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}},
                r"does not know \[VersioningConfiguration\] of AWS::S3::Bucket",
            ),
            (
                {
                    "Type": "AWS::StepFunctions::StateMachine",
                    "Properties": {
                        "RoleArn": "arn:aws:iam::123456789012:role/r",
                        "Definition": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}},
                    },
                },
                "knows Wait and sns:publish alone",
            ),
            (
                {"Type": "AWS::Lambda::Function", "Properties": {"Code": "../nowhere", "Handler": "handler.handle"}},
                "The code of .* is not there",
            ),
            (
                {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "cron(0 3 * * ? *)", "Targets": []}},
                "knows rate",
            ),
        ],
    )
    def test_what_would_be_ignored_is_an_error(
        self, created: Created, resource: dict[str, Any], complaint: str
    ) -> None:
        cloudformation = created.cloud.aws("cloudformation")
        with pytest.raises(ClientError, match=complaint):
            cloudformation.create_stack(
                StackName=f"bad-{abs(hash(complaint))}", TemplateBody=json.dumps({"Resources": {"A": resource}})
            )

    def test_a_stack_that_is_there_is_as_it_was(self, created: Created) -> None:
        assert stack.create(created.cloud.url, created.parameters) == created.outputs

    def test_a_missing_parameter_is_named(self, created: Created, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stack, "STACK_NAME", "other")
        parameters = {name: value for name, value in created.parameters.items() if name != "UtilUrl"}
        with pytest.raises(GasError, match="UtilUrl"):
            stack.create(created.cloud.url, parameters)


class TestUploads:
    """As a page's script meets S3."""

    @pytest.fixture
    def form(self, created: Created) -> dict[str, Any]:
        form: dict[str, Any] = created.cloud.aws("s3").generate_presigned_post(
            created.outputs["InputsBucket"], "alice/j1/input.vcf", Conditions=[["content-length-range", 1, 10]]
        )
        return form

    @staticmethod
    def post(form: dict[str, Any], data: bytes, origin: str = PAGES) -> requests.Response:
        return requests.post(
            form["url"], data=form["fields"], files={"file": data}, headers={"Origin": origin}, timeout=10
        )

    @staticmethod
    def preflight(form: dict[str, Any], origin: str) -> requests.Response:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return requests.options(form["url"], headers=headers, timeout=10)

    def test_the_pages_may_upload_and_read_the_answer(self, created: Created, form: dict[str, Any]) -> None:
        preflight = self.preflight(form, PAGES)
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == PAGES
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        answer = self.post(form, b"##fileform")
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == PAGES
        stored = created.cloud.aws("s3").get_object(Bucket=created.outputs["InputsBucket"], Key="alice/j1/input.vcf")
        assert stored["Body"].read() == b"##fileform"

    def test_the_pages_may_upload_in_parts_and_read_each_etag(self, created: Created) -> None:
        s3, key = created.cloud.aws("s3"), {"Bucket": created.outputs["InputsBucket"], "Key": "alice/j2/input.vcf"}
        upload = s3.create_multipart_upload(**key)["UploadId"]
        url = s3.generate_presigned_url("upload_part", {**key, "UploadId": upload, "PartNumber": 1})
        headers = {"Origin": PAGES, "Access-Control-Request-Method": "PUT"}
        preflight = requests.options(url, headers=headers, timeout=10)
        assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (200, PAGES)
        answer = requests.put(url, b"##fileformat", headers={"Origin": PAGES}, timeout=10)
        assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
        parts = [{"PartNumber": 1, "ETag": answer.headers["ETag"]}]
        s3.complete_multipart_upload(**key, UploadId=upload, MultipartUpload={"Parts": parts})
        assert s3.get_object(**key)["Body"].read() == b"##fileformat"

    def test_another_origin_may_not(self, form: dict[str, Any]) -> None:
        evil = "https://evil.example"
        assert self.preflight(form, evil).status_code == 403
        assert "Access-Control-Allow-Origin" not in self.post(form, b"x", evil).headers

    def test_no_other_service_answers_pages_of_other_origins(self, created: Created) -> None:
        answer = requests.get(f"{created.cloud.url}/mailbox.json", headers={"Origin": PAGES}, timeout=10)
        assert "Access-Control-Allow-Origin" not in answer.headers

    @pytest.mark.parametrize(("data", "code"), [(b"x" * 11, "EntityTooLarge"), (b"", "EntityTooSmall")])
    def test_a_size_outside_the_policy_is_refused_and_not_stored(
        self, created: Created, form: dict[str, Any], data: bytes, code: str
    ) -> None:
        form["fields"]["key"] = f"alice/{code}"
        answer = self.post(form, data)
        assert (answer.status_code, code in answer.text) == (400, True)
        listed = created.cloud.aws("s3").list_objects_v2(Bucket=created.outputs["InputsBucket"], Prefix="alice/Entity")
        assert listed["KeyCount"] == 0


class TestMail:
    @staticmethod
    def send(created: Created, to: str, **changes: Any) -> str:
        request = {
            "FromEmailAddress": "GAS <gas@example.org>",
            "Destination": {"ToAddresses": [to]},
            "Content": {
                "Simple": {
                    "Subject": {"Data": f"To {to}"},
                    "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<p>html</p>"}},
                }
            },
            "EmailTags": [{"Name": "job_id", "Value": "j1"}, {"Name": "run", "Value": "1"}],
            "ConfigurationSetName": created.outputs["MailConfigurationSet"],
        }
        message_id: str = created.cloud.aws("sesv2").send_email(**{**request, **changes})["MessageId"]
        return message_id

    @pytest.mark.parametrize(
        ("to", "kinds"),
        [
            ("alice@example.org", ["Send", "Delivery"]),
            ("bounce@simulator.amazonses.com", ["Send", "Bounce"]),
            ("complaint@simulator.amazonses.com", ["Send", "Delivery", "Complaint"]),
        ],
    )
    def test_an_email_lies_in_the_mailbox_and_is_reported_to_mail_feedback(
        self, created: Created, feedback: Endpoint, to: str, kinds: list[str]
    ) -> None:
        message_id = self.send(created, to)
        newest = requests.get(f"{created.cloud.url}/mailbox.json", timeout=10).json()[0]
        assert (newest["to"], newest["subject"]) == ([to], f"To {to}")
        assert (newest["text"], newest["html"]) == ("text", "<p>html</p>")
        envelopes = [feedback.next().envelope for _ in kinds]
        assert {envelope["Subject"] for envelope in envelopes} == {"Amazon SES Email Event Notification"}
        events = [MailEvent.from_json(envelope["Message"]) for envelope in envelopes]
        assert sorted(event.eventType for event in events) == sorted(kinds)  # SNS promises no order
        assert {(event.mail.messageId, event.mail.tags["job_id"][0]) for event in events} == {(message_id, "j1")}

    def test_without_a_configuration_set_nothing_is_reported(self, created: Created, feedback: Endpoint) -> None:
        sesv2 = created.cloud.aws("sesv2")
        content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
        sesv2.send_email(
            FromEmailAddress="gas@example.org", Destination={"ToAddresses": ["bob@example.org"]}, Content=content
        )
        assert feedback.is_quiet()

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"FromEmailAddress": "gas@elsewhere.example"}, "MessageRejected"),
            ({"ConfigurationSetName": "no-such-set"}, "NotFoundException"),
        ],
    )
    def test_what_ses_would_refuse_is_refused_and_not_kept(
        self, created: Created, changes: dict[str, str], code: str
    ) -> None:
        with pytest.raises(ClientError) as error:
            self.send(created, "carol@example.org", **changes)
        assert error.value.response["Error"]["Code"] == code
        assert "carol@example.org" not in requests.get(f"{created.cloud.url}/mailbox.json", timeout=10).text
