"""Dead-letter queues as operators use them, on the fake and on SQS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.aws.dead_letters import SqsDeadLetterQueues, SqsDeadLetters
from shared.aws.session import client
from shared.core.clock import from_millis, to_millis, utc_now
from shared.core.dead_letters import DeadLetter, DeadLetterQueues
from shared.core.errors import NotFound, Unavailable
from tests.contract.conftest import SETTINGS
from tests.fakes import FakeDeadLetterQueues

HOLD = timedelta(minutes=10)


class Queue:
    """One queue: what others do to it."""

    def __init__(self, queues: DeadLetterQueues) -> None:
        self.queues = queues
        if isinstance(queues, FakeDeadLetterQueues):
            self.url = "https://queue"
            queues.create(self.url)
            queues.misses = 0  # moto's short polls miss nothing, either
        else:
            self.url = client(SETTINGS, "sqs").create_queue(QueueName="dead-letters")["QueueUrl"]

    def send(self, *bodies: str) -> None:
        for body in bodies:
            if isinstance(self.queues, FakeDeadLetterQueues):
                self.queues.put(self.url, body)
            else:
                client(SETTINGS, "sqs").send_message(QueueUrl=self.url, MessageBody=body)

    def bury(self, envelope: str, *, reason: str, attributes: Mapping[str, str]) -> None:
        buried = (
            self.queues if isinstance(self.queues, FakeDeadLetterQueues) else SqsDeadLetters(client(SETTINGS, "sqs"))
        )
        buried.bury(self.url, envelope, reason=reason, attributes=attributes)

    def receive(self, limit: int = 10) -> list[DeadLetter]:
        return list(self.queues.receive(self.url, queue="daily", hold=HOLD, limit=limit))

    def receive_all(self) -> list[DeadLetter]:
        letters: list[DeadLetter] = []
        while some := self.receive():
            letters += some
        return letters


@pytest.fixture
def queue(queues: DeadLetterQueues) -> Queue:
    return Queue(queues)


def test_what_gas_buried_comes_with_its_reason_and_all_it_says(queue: Queue) -> None:
    before = from_millis(to_millis(utc_now()))
    queue.bury('{"Message" : "naïve 试验"}', reason="It is gone.", attributes={"route": "daily", "attempts": "3"})
    [letter] = queue.receive()
    assert (letter.queue, letter.body, letter.reason) == ("daily", '{"Message" : "naïve 试验"}', "It is gone.")
    assert letter.attributes == {"reason": "It is gone.", "route": "daily", "attempts": "3"}
    assert before <= letter.sent_at <= utc_now()


def test_what_sns_could_not_deliver_comes_bare(queue: Queue) -> None:
    queue.send("not even JSON")
    [letter] = queue.receive()
    assert (letter.body, letter.reason, letter.attributes) == ("not even JSON", "", {})


def test_what_a_stranger_says_of_a_letter_is_cut(queue: Queue) -> None:
    if isinstance(queue.queues, FakeDeadLetterQueues):
        queue.queues.put(queue.url, "x", attributes={"reason": "y" * 100_000})
    else:
        long: Any = {"reason": {"DataType": "String", "StringValue": "y" * 100_000}}
        client(SETTINGS, "sqs").send_message(QueueUrl=queue.url, MessageBody="x", MessageAttributes=long)
    [letter] = queue.receive()
    assert letter.reason == "y" * 1024


def test_whoever_waits_gets_what_there_is_and_is_sure_that_there_is_no_more(queue: Queue) -> None:
    queue.send("a")
    if isinstance(queue.queues, FakeDeadLetterQueues):
        queue.queues.misses = 1
    found = [queue.queues.receive(queue.url, queue="daily", hold=HOLD, wait=True) for _ in range(2)]
    assert [[letter.body for letter in letters] for letters in found] == [["a"], []]


def test_an_empty_queue_has_no_letters(queue: Queue) -> None:
    assert queue.receive() == []
    assert queue.queues.count(queue.url) == 0


def test_no_more_are_received_than_asked_for_and_each_once_while_it_is_held(queue: Queue) -> None:
    queue.send(*(str(number) for number in range(23)))
    assert len(queue.receive(3)) == 3
    letters = queue.receive_all()
    assert len({letter.letter_id for letter in letters}) == 20
    assert queue.queues.count(queue.url) == 23


def test_what_is_released_is_received_again_under_its_id(queue: Queue) -> None:
    queue.send(*(str(number) for number in range(12)))
    letters = queue.receive_all()
    queue.queues.release(queue.url, letters)
    again = queue.receive_all()
    assert {letter.letter_id: letter.body for letter in again} == {each.letter_id: each.body for each in letters}


def test_what_is_deleted_is_gone_and_the_rest_is_not(queue: Queue) -> None:
    queue.send(*(str(number) for number in range(25)))
    letters = queue.receive_all()
    queue.queues.delete(queue.url, letters[:12])
    queue.queues.release(queue.url, letters[12:])
    assert queue.queues.count(queue.url) == 13
    assert {letter.letter_id for letter in queue.receive_all()} == {letter.letter_id for letter in letters[12:]}


def test_releasing_and_deleting_again_is_harmless_and_so_is_nothing(queue: Queue) -> None:
    queue.send("a", "b")
    letters = queue.receive()
    queue.queues.delete(queue.url, letters[:1])
    for _ in range(2):
        queue.queues.delete(queue.url, letters[:1])
        queue.queues.release(queue.url, letters)
        queue.queues.release(queue.url, [])
        queue.queues.delete(queue.url, [])
    assert [letter.letter_id for letter in queue.receive()] == [letters[1].letter_id]


def test_a_queue_that_is_not_there_is_not_found(queue: Queue, queues: DeadLetterQueues) -> None:
    queue.send("a")
    letters, missing = queue.receive(), queue.url + "-missing"
    asked: list[Callable[[], object]] = [
        lambda: queues.count(missing),
        lambda: queues.receive(missing, queue="daily", hold=HOLD),
        lambda: queues.release(missing, letters),
        lambda: queues.delete(missing, letters),
    ]
    for ask in asked:
        with pytest.raises(NotFound):
            ask()


@pytest.mark.usefixtures("moto")
class TestOnMoto:
    class Stubbed:
        """A client of which one method is another."""

        def __init__(self, name: str, method: Callable[..., Any]) -> None:
            self.real, self.name, self.method = client(SETTINGS, "sqs"), name, method

        def __getattr__(self, name: str) -> Any:
            return self.method if name == self.name else getattr(self.real, name)

    def queue(self, name: str, method: Callable[..., Any]) -> Queue:
        return Queue(SqsDeadLetterQueues(self.Stubbed(name, method)))  # type: ignore[arg-type]  # a client with a fault

    def test_what_a_short_poll_misses_is_received_all_the_same(self) -> None:
        def receive(*, WaitTimeSeconds: int, **request: Any) -> Any:  # noqa: N803 - SQS's own name
            return client(SETTINGS, "sqs").receive_message(**request) if WaitTimeSeconds else {}

        queue = self.queue("receive_message", receive)
        queue.send("a", "b")
        assert queue.receive() == []
        assert len(queue.queues.receive(queue.url, queue="daily", hold=HOLD, wait=True)) == 2

    def test_what_sqs_fails_to_release_keeps_no_other_from_being_released(self) -> None:
        asked: list[int] = []

        def release(**request: Any) -> Any:
            asked.append(len(request["Entries"]))
            if len(asked) == 1:
                raise ClientError({"Error": {"Code": "ThrottlingException"}}, "ChangeMessageVisibilityBatch")
            return client(SETTINGS, "sqs").change_message_visibility_batch(**request)

        queue = self.queue("change_message_visibility_batch", release)
        queue.send(*(str(number) for number in range(23)))
        letters = queue.receive_all()
        with pytest.raises(Unavailable, match=r"10 of 23 messages.*ThrottlingException"):
            queue.queues.release(queue.url, letters)
        assert asked == [10, 10, 3]
        assert len(queue.receive_all()) == 13

    @pytest.mark.parametrize("code", ["OverLimit", "AWS.SimpleQueueService.OverLimit"])
    def test_too_many_held_letters_are_a_matter_of_time(self, code: str) -> None:
        def receive(**_: Any) -> Any:
            raise ClientError({"Error": {"Code": code}}, "ReceiveMessage")

        with pytest.raises(Unavailable, match="OverLimit"):
            self.queue("receive_message", receive).receive()

    @pytest.mark.parametrize("name", ["delete_message_batch", "change_message_visibility_batch"])
    def test_what_sqs_did_not_do_is_said(self, name: str) -> None:
        failed = {"Id": "0", "SenderFault": False, "Code": "InternalError"}
        queue = self.queue(name, lambda **_: {"Failed": [failed]})
        queue.send("a")
        letters = queue.receive()
        with pytest.raises(Unavailable, match="1 of 1 messages"):
            (queue.queues.delete if name.startswith("delete") else queue.queues.release)(queue.url, letters)

    def test_attributes_that_are_no_text_are_passed_over(self) -> None:
        queue = Queue(SqsDeadLetterQueues(client(SETTINGS, "sqs")))
        attributes: Any = {
            "b": {"DataType": "Binary", "BinaryValue": b"\x00"},
            "n": {"DataType": "Number", "StringValue": "1"},
        }
        client(SETTINGS, "sqs").send_message(QueueUrl=queue.url, MessageBody="x", MessageAttributes=attributes)
        assert queue.receive()[0].attributes == {"n": "1"}


def test_a_hold_ends() -> None:
    times = [utc_now()]
    queue = Queue(FakeDeadLetterQueues(lambda: times[-1]))
    queue.send("a")
    [first] = queue.receive()
    times.append(times[0] + HOLD)
    [second] = queue.receive()
    queue.queues.delete(queue.url, [first])  # with a receipt of before, which SQS does not mind
    assert queue.queues.count(queue.url) == 1
    queue.queues.delete(queue.url, [second])
    assert queue.queues.count(queue.url) == 0
