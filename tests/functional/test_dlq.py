"""`gas dlq` and `gas messages` on the running stack: what was lost on the way is brought back, once."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from shared.inbox.readiness import HttpReadiness
from tests.file_server import Failing, serving
from tests.operator import Operator, bury, mail_event, signing, text
from tests.sns_sender import SnsSender
from tests.whole import Gas, free_ports, wait_for

WHY = ("--why", "A test.")
QUEUE = ("--queue", "mail-feedback")


class Desk:
    """An operator, and dead letters of `mail-feedback` that they trust."""

    def __init__(self, gas: Gas, sender: SnsSender, trust: dict[str, str]) -> None:
        self.gas = gas
        self.sender = sender
        self.outputs = gas.stack_outputs()
        self.operator = Operator(gas, GAS_OPERATOR="olga", **trust)

    def bury(self, *bodies: str) -> None:
        bury(self.gas, self.outputs["MailFeedbackDeadLetters"], bodies)

    def lose(self, count: int) -> list[str]:
        """So many messages that SNS could not deliver; their ids in the inbox."""
        envelopes = [mail_event(self.sender) for _ in range(count)]
        self.bury(*map(text, envelopes))
        return [f"mail-feedback#{envelope['MessageId']}" for envelope in envelopes]

    def states(self, entry_ids: list[str]) -> list[str]:
        """Of those that the inbox knows."""
        pages = self.gas.aws("dynamodb").get_paginator("scan").paginate(TableName=self.outputs["InboxTable"])
        items = {item["entry_id"]["S"]: item for page in pages for item in page["Items"]}
        return [items[entry_id]["state"]["S"] for entry_id in entry_ids if entry_id in items]

    def wait_until_done(self, entry_ids: list[str]) -> None:
        wait_for(
            f"the handling of {len(entry_ids)} messages",
            lambda: self.states(entry_ids) == ["DONE"] * len(entry_ids),
        )

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.gas.aws("sqs").get_queue_attributes(
            QueueUrl=self.outputs["MailFeedbackDeadLetters"], AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    def empty(self) -> None:
        """The queue; a purge would be allowed once a minute."""
        sqs, url = self.gas.aws("sqs"), self.outputs["MailFeedbackDeadLetters"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
def desk(gas: Gas) -> Iterator[Desk]:
    with signing(gas.stack_outputs()["MailFeedbackTopic"]) as (sender, trust):
        desk = Desk(gas, sender, trust)
        yield desk
        desk.empty()


def verdicts(answer: Any) -> list[str]:
    return sorted(row["verdict"] for row in answer["results"])


def test_what_is_true_is_handled_and_what_is_not_stays_until_it_is_discarded(desk: Desk) -> None:
    entry_ids = desk.lose(2)
    desk.bury("<html>", text({**mail_event(desk.sender), "Message": "{}"}))
    listed = desk.operator.answers("dlq", "list", *QUEUE)
    assert listed["queues"] == {"mail-feedback": 4}
    assert len(listed["letters"]) == 4

    rehearsed = desk.operator.answers("dlq", "replay", *QUEUE, code=1)
    assert verdicts(rehearsed) == ["invalid", "invalid", "would be replayed", "would be replayed"]
    assert desk.states(entry_ids) == []
    done = desk.operator.answers("dlq", "replay", *QUEUE, "--yes", *WHY, code=1)
    assert verdicts(done) == ["invalid", "invalid", "replayed", "replayed"]
    desk.wait_until_done(entry_ids)
    assert desk.left() == 2

    discarded = desk.operator.answers("dlq", "discard", *QUEUE, "--all", "--yes", *WHY)
    assert discarded["counts"] == {"discarded": 2}
    assert desk.left() == 0


def test_a_message_that_fails_again_is_a_dead_letter_again(desk: Desk) -> None:
    operator = Operator(desk.gas)  # believes the local cloud, as the servers do
    desk.gas.aws("sns").publish(TopicArn=desk.outputs["MailFeedbackTopic"], Message="no event of SES")
    wait_for("the dead letter", lambda: desk.left() == 1)
    (letter,) = operator.answers("dlq", "list", *QUEUE)["letters"]
    assert letter["reason"].startswith("This is not an SES event")

    replayed = operator.answers("dlq", "replay", "--id", letter["id"], "--yes", *WHY)
    assert replayed["counts"] == {"replayed": 1}
    entry_id = f"mail-feedback#{letter['message_id']}"
    wait_for("its second death", lambda: desk.states([entry_id]) == ["DEAD"] and desk.left() == 1)
    shown = operator.answers("messages", "show", entry_id)
    assert [attempt["outcome"] for attempt in shown["history"]] == ["dead", "dead"]
    assert shown["replays"] == 1


def test_two_operators_at_once_bring_each_message_back_once(desk: Desk) -> None:
    entry_ids = desk.lose(40)
    command = ("dlq", "replay", "--all", "--yes", *WHY, "--json")
    processes = [desk.operator.start(*command) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    found = [(row["id"], row["verdict"]) for answer in answers for row in answer["results"]]
    assert len({letter_id for letter_id, _ in found}) == len(found) == 40
    assert {verdict for _, verdict in found} == {"replayed"}
    desk.wait_until_done(entry_ids)
    assert desk.left() == 0


def test_ctrl_c_half_way_loses_and_doubles_nothing(desk: Desk) -> None:
    entry_ids = desk.lose(30)
    process = desk.operator.start("dlq", "replay", *QUEUE, "--yes", *WHY, "--rate", "4", "--json")
    wait_for("the first of them", lambda: desk.states(entry_ids))
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 1, errors
    answer = json.loads(output)
    replayed = answer["counts"]["replayed"]
    assert answer["stopped"] == "Stopped as you asked; the rest is still in the queue."
    assert 0 < replayed < 30
    assert len(desk.states(entry_ids)) == replayed
    rest = desk.operator.answers("dlq", "replay", *QUEUE, "--yes", *WHY)
    assert rest["counts"] == {"replayed": 30 - replayed}
    desk.wait_until_done(entry_ids)
    assert desk.left() == 0


def test_a_server_that_is_ready_says_nothing() -> None:
    with serving() as site:
        site.files["/prefix/hooks/job-requests/readyz"] = b"{}"
        assert HttpReadiness().of(f"{site.url}/prefix/hooks/job-requests") == ""
        assert site.asked == [("GET", "/prefix/hooks/job-requests/readyz", "")]


def test_a_server_that_is_not_ready_says_so() -> None:
    with serving() as site:
        site.trouble["/hooks/job-requests/readyz"].append(Failing(503))
        site.files["/hooks/job-requests/readyz"] = b"{}"
        assert (
            HttpReadiness().of(f"{site.url}/hooks/job-requests") == f"{site.url}/hooks/job-requests/readyz answers 503."
        )


def test_a_server_that_is_not_there_says_so() -> None:
    (port,) = free_ports(1)
    said = HttpReadiness().of(f"http://127.0.0.1:{port}/hooks/job-requests")
    assert said == f"http://127.0.0.1:{port}/hooks/job-requests/readyz cannot be reached (ConnectionError)."
