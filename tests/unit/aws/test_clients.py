"""How AWS is called: patience, signatures, and what each call says. No socket opens: answers are stubbed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.stub import Stubber
from urllib3.exceptions import ProtocolError

from shared.aws.mail import SesMailer
from shared.aws.objects import S3Objects, content_disposition
from shared.aws.session import Service, client
from shared.aws.table import Table
from shared.aws.topics import DELIVERY_POLICY, SnsTopics
from shared.core.errors import NotFound, Permanent, Unavailable
from shared.core.ports import UploadedPart
from shared.core.settings import Settings

CLOUD = Settings(public_url="https://gas.example.org", region="eu-west-1")
LOCAL = Settings(public_url="https://gas.example.org", endpoint_url="http://127.0.0.1:8003")
SERVICES: tuple[Service, ...] = (
    "autoscaling",
    "cloudwatch",
    "dynamodb",
    "s3",
    "sesv2",
    "sns",
    "sqs",
    "stepfunctions",
)
TOPIC = "arn:aws:sns:eu-west-1:123456789012:job-requests"
SUBSCRIPTION = f"{TOPIC}:c9135db0-26c4-47ec-8998-413945fb5a96"
ENDPOINT = "https://annotator.example.org/hooks/job-requests"
QUEUE, QUEUE_ARN = "https://sqs.eu-west-1.amazonaws.com/1/dead", "arn:aws:sqs:eu-west-1:1:dead"
POLICIES = {
    "DeliveryPolicy": json.dumps(DELIVERY_POLICY),
    "RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE_ARN}),
}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)


def made(settings: Settings, service: Service) -> Any:
    return client(settings, service)


@pytest.mark.parametrize("service", SERVICES)
def test_every_client_is_impatient_and_serves_many_threads(service: Service) -> None:
    config = made(CLOUD, service).meta.config
    assert config.connect_timeout <= 3
    assert config.read_timeout <= 30
    assert config.max_pool_connections >= 32


def test_an_email_is_never_sent_twice_by_the_sdk() -> None:
    assert made(CLOUD, "sesv2").meta.config.retries["total_max_attempts"] == 1


@pytest.mark.parametrize("service", ["dynamodb", "s3"])
def test_who_only_asks_whether_a_service_answers_knows_it_within_three_seconds(
    service: Literal["dynamodb", "s3"],
) -> None:
    config: Any = client(CLOUD, service, probe=True).meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.connect_timeout + config.read_timeout <= 3


def test_a_push_is_answered_within_the_15_seconds_of_sns_when_the_database_does_not_answer() -> None:
    config = made(CLOUD, "dynamodb").meta.config
    attempts = config.retries["total_max_attempts"]
    assert attempts * (config.connect_timeout + config.read_timeout) + 1 + 2 < 15  # pauses of at most 1 s and 2 s


class Wire:
    """Answers in place of the network: ``bodies`` one after the other, each said to be ``length`` bytes long."""

    def __init__(self, client: Any, length: int, *bodies: bytes, status: int = 200) -> None:
        self.calls = 0
        self._answers = iter(bodies)
        self._length = length
        self._status = status
        client.meta.events.register("before-send", self._send)

    def _send(self, request: Any, **_: object) -> AWSResponse:
        self.calls += 1
        body = next(self._answers)
        raw = Mock(stream=lambda: iter([body]), read=Mock(side_effect=ProtocolError("Connection broken")))
        return AWSResponse(
            request.url, self._status, HTTPHeaders.from_pairs([("Content-Length", str(self._length))]), raw
        )


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)


ITEM = b'{"Item":{"user_id":{"S":"alice"}}}'


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("end", [0, 1, len(ITEM) // 2, len(ITEM) - 1])
def test_an_answer_that_was_cut_short_is_asked_for_again(end: int) -> None:
    dynamodb = made(CLOUD, "dynamodb")
    wire = Wire(dynamodb, len(ITEM), ITEM[:end], ITEM)
    assert dynamodb.get_item(TableName="users", Key={"user_id": {"S": "alice"}})["Item"] == {"user_id": {"S": "alice"}}
    assert wire.calls == 2


@pytest.mark.usefixtures("no_pauses")
def test_what_is_cut_short_each_time_is_no_answer_and_never_an_item_that_is_not_there() -> None:
    dynamodb = made(CLOUD, "dynamodb")
    Wire(dynamodb, len(ITEM), *[ITEM[:9]] * 3)
    with pytest.raises(Unavailable):
        Table(dynamodb, "users", "user_id").get("alice")


@pytest.mark.usefixtures("no_pauses")
def test_a_refusal_that_was_cut_short_is_not_taken_for_one() -> None:
    refusal = b'{"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"No"}'
    dynamodb = made(CLOUD, "dynamodb")
    Wire(dynamodb, len(refusal), *[refusal[:9]] * 3, status=400)
    with pytest.raises(Unavailable):
        Table(dynamodb, "users", "user_id").get("alice")


def test_that_an_email_was_sent_is_not_known_from_half_an_answer_and_it_is_not_sent_again() -> None:
    ses = made(CLOUD, "sesv2")
    wire = Wire(ses, 20, b'{"MessageId":')
    with pytest.raises(Unavailable):
        SesMailer(ses, "gas@example.org", "gas").send(to="a@example.org", subject="s", text="t", html="h", tags={})
    assert wire.calls == 1


def test_a_file_whose_end_does_not_come_cannot_be_had_now() -> None:
    s3 = made(CLOUD, "s3")
    Wire(s3, 20, b"half")
    with pytest.raises(Unavailable):
        S3Objects(s3, "files").read("k", limit=20)


def test_an_answer_to_head_has_a_length_and_no_body() -> None:
    s3 = made(CLOUD, "s3")
    Wire(s3, 1234, b"")
    assert S3Objects(s3, "files").size("k") == 1234


def test_buckets_are_host_names_on_aws_and_paths_elsewhere() -> None:
    expires = timedelta(minutes=5)
    on_aws = S3Objects(made(CLOUD, "s3"), "files").download_url("k", filename="f", expires=expires)
    here = S3Objects(made(LOCAL, "s3"), "files").download_url("k", filename="f", expires=expires)
    assert on_aws.startswith("https://files.s3.eu-west-1.amazonaws.com/k?")
    assert here.startswith("http://127.0.0.1:8003/files/k?")


def test_an_upload_form_allows_this_key_alone_and_bounds_the_size() -> None:
    form = S3Objects(made(CLOUD, "s3"), "files").upload_form(
        "alice/1/input.vcf", max_bytes=1000, expires=timedelta(minutes=5)
    )
    conditions = json.loads(base64.b64decode(form.fields["policy"]))["conditions"]
    assert ["content-length-range", 1, 1000] in conditions
    assert {"key": "alice/1/input.vcf"} in conditions
    assert {"bucket": "files"} in conditions
    assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


def test_a_download_link_is_short_lived_and_saves_under_the_name() -> None:
    url = S3Objects(made(CLOUD, "s3"), "files").download_url("k", filename="a b.vcf", expires=timedelta(minutes=5))
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Expires"] == ["300"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["response-content-disposition"] == [content_disposition("a b.vcf")]
    assert query["response-content-type"] == ["application/octet-stream"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exome.vcf", "attachment; filename=\"exome.vcf\"; filename*=UTF-8''exome.vcf"),
        ('a "b".vcf', "attachment; filename=\"a _b_.vcf\"; filename*=UTF-8''a%20%22b%22.vcf"),
        ("naïve.vcf", "attachment; filename=\"na_ve.vcf\"; filename*=UTF-8''na%C3%AFve.vcf"),
        ("../../etc/passwd", "attachment; filename=\"_.._etc_passwd\"; filename*=UTF-8''_.._etc_passwd"),
        ("a\r\nSet-Cookie: x", "attachment; filename=\"a__Set-Cookie: x\"; filename*=UTF-8''a__Set-Cookie%3A%20x"),
        ("a%41;b", "attachment; filename=\"a_41_b\"; filename*=UTF-8''a%2541%3Bb"),
        ("", "attachment; filename=\"download\"; filename*=UTF-8''download"),
        ("...", "attachment; filename=\"download\"; filename*=UTF-8''download"),
    ],
)
def test_a_file_name_is_safe_in_a_header_and_kept_as_far_as_it_can_be(name: str, expected: str) -> None:
    assert content_disposition(name) == expected


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".vcf", "试" * 300 + ".vcf", "\ud800.vcf", "\x7f\u202e.vcf", "\U0001f600"]
)
def test_any_file_name_gives_a_header_of_printable_ascii(name: str) -> None:
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert len(header) < 2200
    assert header.count('"') == 2


@pytest.mark.parametrize(
    ("code", "error", "sentence"),
    [
        ("NoSuchUpload", NotFound, "no such upload"),
        ("InvalidPart", Permanent, "missing"),
        ("EntityTooSmall", Permanent, "too small"),
        ("InternalError", Unavailable, "InternalError"),
    ],
)
def test_parts_that_s3_does_not_put_together_are_said_to_be_wrong(
    code: str, error: type[Exception], sentence: str
) -> None:
    s3 = made(CLOUD, "s3")
    with Stubber(s3) as stub:
        stub.add_client_error(
            "complete_multipart_upload", code, http_status_code=500 if code == "InternalError" else 400
        )
        with pytest.raises(error, match=sentence) as caught:
            S3Objects(s3, "files").complete_parts("alice/1/a", "upload-1", [UploadedPart(1, "etag")])
    assert type(caught.value) is error


def test_objects_that_could_not_be_deleted_are_not_passed_over() -> None:
    s3 = made(CLOUD, "s3")
    with Stubber(s3) as stub:
        stub.add_response("list_multipart_uploads", {})
        stub.add_response("list_objects_v2", {"Contents": [{"Key": "a/1"}]})
        stub.add_response("delete_objects", {"Errors": [{"Key": "a/1", "Code": "InternalError"}]})
        with pytest.raises(Unavailable):
            S3Objects(s3, "files").delete_under("a/")


class Sns:
    """SNS and SQS with stubbed answers."""

    def __init__(self) -> None:
        sns, sqs = made(CLOUD, "sns"), made(CLOUD, "sqs")
        self.stub = Stubber(sns)
        queue = Stubber(sqs)
        queue.add_response(
            "get_queue_attributes",
            {"Attributes": {"QueueArn": QUEUE_ARN}},
            {"QueueUrl": QUEUE, "AttributeNames": ["QueueArn"]},
        )
        queue.activate()
        self.stub.activate()
        self.topics = SnsTopics(sns, sqs)

    def subscribe(self) -> None:
        self.topics.subscribe(TOPIC, ENDPOINT, dead_letters=QUEUE)
        self.stub.assert_no_pending_responses()

    def lists(self, arn: str | None) -> None:
        found = [{"SubscriptionArn": arn, "Endpoint": ENDPOINT}] if arn else []
        others = [{"SubscriptionArn": SUBSCRIPTION + "x", "Endpoint": "https://other.example.org/"}]
        self.stub.add_response("list_subscriptions_by_topic", {"Subscriptions": others, "NextToken": "more"})
        self.stub.add_response("list_subscriptions_by_topic", {"Subscriptions": found})

    def has(self, **attributes: str) -> None:
        self.stub.add_response(
            "get_subscription_attributes", {"Attributes": attributes}, {"SubscriptionArn": SUBSCRIPTION}
        )


@pytest.fixture
def sns() -> Iterator[Sns]:
    sns = Sns()
    yield sns
    sns.stub.deactivate()


@pytest.mark.parametrize("present", [None, "PendingConfirmation"])
def test_an_endpoint_that_nobody_confirmed_is_sent_a_confirmation(sns: Sns, present: str | None) -> None:
    sns.lists(present)
    sns.stub.add_response(
        "subscribe",
        {"SubscriptionArn": "pending confirmation"},
        {"TopicArn": TOPIC, "Protocol": "https", "Endpoint": ENDPOINT, "Attributes": POLICIES},
    )
    sns.subscribe()


def test_a_pending_subscription_with_other_policies_gets_ours_and_a_confirmation(sns: Sns) -> None:
    sns.lists("PendingConfirmation")
    sns.stub.add_client_error(
        "subscribe",
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
        400,
    )
    sns.stub.add_response(
        "subscribe",
        {"SubscriptionArn": SUBSCRIPTION},
        {"TopicArn": TOPIC, "Protocol": "https", "Endpoint": ENDPOINT, "ReturnSubscriptionArn": True},
    )
    sns.has()
    for name, policy in POLICIES.items():
        sns.stub.add_response(
            "set_subscription_attributes",
            {},
            {"SubscriptionArn": SUBSCRIPTION, "AttributeName": name, "AttributeValue": policy},
        )
    sns.subscribe()


def test_a_confirmed_subscription_with_our_policies_is_left_as_it_is(sns: Sns) -> None:
    sns.lists(SUBSCRIPTION)
    with_defaults = {"healthyRetryPolicy": {**DELIVERY_POLICY["healthyRetryPolicy"]}, "sicklyRetryPolicy": None}
    sns.has(DeliveryPolicy=json.dumps(with_defaults), RedrivePolicy=POLICIES["RedrivePolicy"])
    sns.subscribe()


def test_a_confirmed_subscription_that_lost_its_dead_letter_queue_gets_it_back(sns: Sns) -> None:
    sns.lists(SUBSCRIPTION)
    sns.has(DeliveryPolicy=POLICIES["DeliveryPolicy"])
    sns.stub.add_response(
        "set_subscription_attributes",
        {},
        {
            "SubscriptionArn": SUBSCRIPTION,
            "AttributeName": "RedrivePolicy",
            "AttributeValue": POLICIES["RedrivePolicy"],
        },
    )
    sns.subscribe()


def test_the_delivery_policy_is_within_the_limits_of_sns() -> None:
    policy = DELIVERY_POLICY["healthyRetryPolicy"]
    special = policy["numNoDelayRetries"] + policy["numMinDelayRetries"] + policy["numMaxDelayRetries"]
    backoff = policy["numRetries"] - special
    assert backoff >= 0
    longest = policy["numMinDelayRetries"] * policy["minDelayTarget"]
    longest += (backoff + policy["numMaxDelayRetries"]) * policy["maxDelayTarget"]
    assert longest <= 3600


def test_a_confirmation_can_afterwards_be_ended_with_credentials_alone(sns: Sns) -> None:
    sns.stub.add_response(
        "confirm_subscription",
        {"SubscriptionArn": SUBSCRIPTION},
        {"TopicArn": TOPIC, "Token": "t", "AuthenticateOnUnsubscribe": "true"},
    )
    sns.topics.confirm(TOPIC, "t")
    sns.stub.assert_no_pending_responses()


def test_confirming_twice_is_harmless(sns: Sns) -> None:
    sns.stub.add_client_error("confirm_subscription", "AuthorizationError", "Subscription already confirmed", 403)
    sns.topics.confirm(TOPIC, "t")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("InvalidParameter", 400, Permanent),
        ("NotFound", 404, Unavailable),
        ("InternalError", 500, Unavailable),
        ("AuthorizationError", 403, Unavailable),
    ],
)
def test_a_confirmation_that_fails_says_whether_it_may_work_later(
    sns: Sns, code: str, status: int, kind: type[Exception]
) -> None:
    sns.stub.add_client_error("confirm_subscription", code, "Invalid token", status)
    with pytest.raises(kind):
        sns.topics.confirm(TOPIC, "t")


class Ses:
    def __init__(self) -> None:
        ses = made(CLOUD, "sesv2")
        self.stub = Stubber(ses)
        self.stub.activate()
        self.mailer = SesMailer(ses, "GAS <gas@example.org>", "gas")

    def send(self) -> None:
        self.mailer.send(
            to="alice@example.org",
            subject="naïve",
            text="t",
            html="<p>h",
            tags={"job_id": "j", "run": "1"},
            headers={"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
        )


def test_messages_that_sns_did_not_take_are_not_passed_over(sns: Sns) -> None:
    texts = ["naïve", "b", "c"]
    sns.stub.add_response(
        "publish_batch",
        {
            "Successful": [{"Id": "0", "MessageId": "m0"}, {"Id": "2", "MessageId": "m2"}],
            "Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}],
        },
        {
            "TopicArn": TOPIC,
            "PublishBatchRequestEntries": [{"Id": str(number), "Message": text} for number, text in enumerate(texts)],
        },
    )
    with pytest.raises(Unavailable, match="1 of 3"):
        sns.topics.publish_all(TOPIC, texts)


def test_an_email_has_both_bodies_its_tags_its_headers_and_its_configuration_set() -> None:
    ses = Ses()
    ses.stub.add_response(
        "send_email",
        {"MessageId": "m"},
        {
            "FromEmailAddress": "GAS <gas@example.org>",
            "Destination": {"ToAddresses": ["alice@example.org"]},
            "Content": {
                "Simple": {
                    "Subject": {"Data": "naïve", "Charset": "UTF-8"},
                    "Body": {
                        "Text": {"Data": "t", "Charset": "UTF-8"},
                        "Html": {"Data": "<p>h", "Charset": "UTF-8"},
                    },
                    "Headers": [{"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"}],
                }
            },
            "EmailTags": [{"Name": "job_id", "Value": "j"}, {"Name": "run", "Value": "1"}],
            "ConfigurationSetName": "gas",
        },
    )
    ses.send()
    ses.stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("MessageRejected", 400, Permanent),
        ("BadRequestException", 400, Permanent),
        ("TooManyRequestsException", 429, Unavailable),
        ("LimitExceededException", 400, Unavailable),
        ("SendingPausedException", 400, Unavailable),
        ("MailFromDomainNotVerifiedException", 400, Unavailable),
    ],
)
def test_an_email_that_ses_does_not_take_says_whether_it_may_later(
    code: str, status: int, kind: type[Exception]
) -> None:
    ses = Ses()
    ses.stub.add_client_error("send_email", code, "no", status)
    with pytest.raises(kind):
        ses.send()
