"""The local cloud is killed and started again with other addresses of the servers: whatever it knew, it goes on with."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from deploy.local import stack
from deploy.local.stripe import setup
from shared.core.clock import utc_now
from shared.sns_verify import CertificateStore, Notification, Verifier, fetch_certificate
from tests.functional.local_cloud import Endpoint, LocalCloud, endpoint, running_cloud
from tests.whole import free_ports, wait_for

PUSHED = 7
"""Subscriptions that the endpoint has to confirm."""
PAGES = "http://127.0.0.1:8000"


@dataclass
class Scene:
    """A cloud that is started more than once, and where its pushes go."""

    opened: ExitStack
    folder: Path
    port: int
    cloud: LocalCloud
    hook: Endpoint
    outputs: dict[str, str]

    @property
    def parameters(self) -> dict[str, str]:
        base = self.hook.url.removesuffix("/hooks/test")
        return {"AnnotatorUrl": base, "UtilUrl": base, "FrontendUrl": PAGES, "HookProtocol": "http"}

    def start(self) -> None:
        """With the servers at new addresses, as `gas up` with other ports."""
        options = ("--folder", str(self.folder), "--restore-seconds", "5")
        self.cloud = self.opened.enter_context(running_cloud(*options, port=self.port))
        self.hook = self.opened.enter_context(endpoint())
        self.outputs = stack.create(self.cloud.url, self.parameters)

    def end(self, number: signal.Signals) -> None:
        self.cloud.process.send_signal(number)
        self.cloud.process.wait(20)

    def wait_for_snapshot(self) -> None:
        """One that has everything: it began after another one that was under way."""
        for _ in range(2):
            before = self.state.stat().st_ino

            def changed(before: int = before) -> bool:
                return self.state.stat().st_ino != before

            self.cloud.aws("s3").put_object(Bucket=self.outputs["InputsBucket"], Key="change", Body=b"")
            wait_for("a snapshot", changed)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def dead_letters(self) -> list[str]:
        sqs, queue = self.cloud.aws("sqs"), self.outputs["JobResultsDeadLetters"]
        found = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0).get("Messages", [])
        return [message["Body"] for message in found]

    def read(self, key: str) -> bytes:
        body: bytes = self.cloud.aws("s3").get_object(Bucket=self.outputs["ResultsBucket"], Key=key)["Body"].read()
        return body


def publish(scene: Scene, topic: str, message: str) -> str:
    answer = scene.cloud.aws("sns").publish(TopicArn=scene.outputs[topic], Message=message)
    return str(answer["MessageId"])


def mail(scene: Scene) -> None:
    scene.cloud.aws("sesv2").send_email(
        FromEmailAddress="gas@example.org",
        Destination={"ToAddresses": ["alice@example.org"]},
        Content={"Simple": {"Subject": {"Data": "Done"}, "Body": {"Text": {"Data": "Your job is done."}}}},
    )


def start_wait(scene: Scene) -> None:
    now = datetime.now(UTC)
    document = {
        "job_id": "j1",
        "user_id": "alice",
        "wait": 1,
        "soon_at": (now + timedelta(seconds=4)).isoformat(),
        "due_at": (now + timedelta(days=1)).isoformat(),
    }
    scene.cloud.aws("stepfunctions").start_execution(
        stateMachineArn=scene.outputs["ArchiveWaits"], name="j1-1", input=json.dumps(document)
    )


def fill(scene: Scene) -> tuple[str, dict[str, str]]:
    """Something of everything; and a push that its endpoint does not take. Answers its id, and Stripe's settings."""
    s3, bucket = scene.cloud.aws("s3"), scene.outputs["ResultsBucket"]
    for content in (b"first", b"second"):
        s3.put_object(Bucket=bucket, Key="overwritten", Body=content)
    s3.put_object(Bucket=bucket, Key="deleted", Body=b"gone")
    s3.delete_object(Bucket=bucket, Key="deleted")
    archived = {"Bucket": scene.outputs["InputsBucket"], "Key": "archived"}
    s3.put_object(**archived, Body=b"cold", StorageClass="GLACIER")
    s3.restore_object(**archived, RestoreRequest={"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}})
    scene.cloud.aws("dynamodb").put_item(
        TableName=scene.outputs["JobsTable"], Item={"job_id": {"S": "j1"}, "note": {"S": "alice's"}}
    )
    mail(scene)
    from_stripe = setup.create(scene.cloud.url, f"{PAGES}/hooks/stripe")
    scene.hook.status = 403
    publish(scene, "JobResultsTopic", "refused")
    wait_for("a dead letter", scene.dead_letters)
    scene.hook.status = 503
    message_id = publish(scene, "JobRequestsTopic", "not yet")
    while scene.hook.next().envelope["MessageId"] != message_id:
        pass
    start_wait(scene)
    return message_id, from_stripe


@dataclass
class Killed:
    scene: Scene
    message_id: str
    from_stripe: dict[str, str]
    pushed: list[dict[str, Any]]
    """What came to the new address, whatever order it came in."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    with ExitStack() as opened:
        folder = tmp_path_factory.mktemp("local") / "cloud"
        scene = Scene(opened, folder, free_ports(1)[0], None, None, {})  # type: ignore[arg-type]  # `start` sets them
        scene.start()
        for _ in range(PUSHED):
            envelope = scene.hook.next().envelope
            scene.cloud.aws("sns").confirm_subscription(TopicArn=envelope["TopicArn"], Token=envelope["Token"])
        message_id, from_stripe = fill(scene)
        scene.wait_for_snapshot()
        scene.end(signal.SIGKILL)
        scene.start()
        yield Killed(scene, message_id, from_stripe, [scene.hook.next().envelope for _ in range(2)])


def test_a_push_under_way_comes_to_where_the_server_is_now_and_verifies(killed: Killed) -> None:
    (envelope,) = [one for one in killed.pushed if one["MessageId"] == killed.message_id]
    assert verified(killed.scene, json.dumps(envelope), check_age=True) == "not yet"


def test_a_wait_ends_when_it_should(killed: Killed) -> None:
    (message,) = [one["Message"] for one in killed.pushed if one["TopicArn"] == killed.scene.outputs["ArchiveDueTopic"]]
    assert json.loads(message)["step"] == "soon"
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        start_wait(killed.scene)


def test_subscriptions_are_confirmed_still_and_at_the_new_addresses(killed: Killed) -> None:
    sns = killed.scene.cloud.aws("sns")
    found = [one for one in sns.list_subscriptions()["Subscriptions"] if one["Protocol"] == "http"]
    assert len(found) == PUSHED
    assert all(one["SubscriptionArn"].startswith("arn:") for one in found)
    base = killed.scene.parameters["UtilUrl"]
    assert all(one["Endpoint"].startswith(f"{base}/hooks/") for one in found)


def test_dead_letters_are_there_and_still_verify(killed: Killed) -> None:
    (letter,) = killed.scene.dead_letters()
    assert verified(killed.scene, letter, check_age=False) == "refused"


def test_files_are_as_they_were_last(killed: Killed) -> None:
    assert killed.scene.read("overwritten") == b"second"
    with pytest.raises(ClientError, match="NoSuchKey"):
        killed.scene.read("deleted")


def test_a_restoration_from_glacier_ends(killed: Killed) -> None:
    place = {"Bucket": killed.scene.outputs["InputsBucket"], "Key": "archived"}

    def readable() -> bytes | None:
        try:
            body: bytes = killed.scene.cloud.aws("s3").get_object(**place)["Body"].read()
        except ClientError:
            return None
        return body

    assert wait_for("the end of the restoration", readable) == b"cold"


def test_tables_and_mailbox_are_as_they_were(killed: Killed) -> None:
    dynamodb, table = killed.scene.cloud.aws("dynamodb"), killed.scene.outputs["JobsTable"]
    assert dynamodb.get_item(TableName=table, Key={"job_id": {"S": "j1"}})["Item"]["note"] == {"S": "alice's"}
    mails = requests.get(f"{killed.scene.cloud.url}/mailbox.json", timeout=10).json()
    assert [mail["text"] for mail in mails] == ["Your job is done."]


def test_stripe_has_the_same_price_and_secret_and_posts_to_the_new_address(killed: Killed) -> None:
    moved = "http://127.0.0.1:9000/hooks/stripe"
    assert setup.create(killed.scene.cloud.url, moved) == killed.from_stripe
    endpoints = requests.get(f"{killed.scene.cloud.url}/stripe/endpoints.json", timeout=10).json()
    assert [one["url"] for one in endpoints] == [moved]


def test_a_clean_end_loses_nothing_at_all(killed: Killed) -> None:
    scene = killed.scene
    s3, bucket = scene.cloud.aws("s3"), scene.outputs["ResultsBucket"]
    s3.put_object(Bucket=bucket, Key="overwritten", Body=b"third")
    scene.end(signal.SIGTERM)
    assert scene.cloud.process.returncode == 0
    scene.start()
    assert scene.read("overwritten") == b"third"
    files = {path.read_bytes() for path in (scene.folder / "objects").iterdir()}
    assert files & {b"first", b"second", b"gone"} == set()


def verified(scene: Scene, body: str, *, check_age: bool) -> str:
    """The message in it, as a server believes it."""
    store = CertificateStore(fetch=fetch_certificate, now=utc_now, extra_origin=scene.cloud.url)
    topics = {scene.outputs["JobRequestsTopic"], scene.outputs["JobResultsTopic"]}
    found = Verifier(topic_arns=topics, certificates=store).verify(body.encode(), check_age=check_age)
    assert isinstance(found, Notification)
    return found.message
