"""Letters are dealt with a few at a time: none of them, and nothing that is known of it, keeps the others waiting."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from shared.core.channels import Channel
from shared.core.errors import Unavailable
from shared.core.inbox import EntryState, Pause
from shared.inbox.letters import Result, Stopped
from shared.sns_verify import Undecided
from tests.unit.inbox.dead_letters_world import (
    REASON,
    DeadLetterWorld,
    everything,
    only,
    until_stopped,
    verdicts,
)

MADE_UP = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{:032x}.pem"


@pytest.fixture
def world() -> DeadLetterWorld:
    return DeadLetterWorld()


def from_elsewhere(world: DeadLetterWorld, number: int) -> str:
    """A letter that names a certificate of its own."""
    return world.put(world.envelope(f"job-{number}", SigningCertURL=MADE_UP.format(number)))


def test_made_up_certificates_keep_no_true_message_from_its_own(world: DeadLetterWorld) -> None:
    fetch = world.host

    def answer(url: str) -> bytes:
        if url in {MADE_UP.format(number) for number in range(15)}:
            raise Undecided("certificate-unavailable", "The certificate's host answered 404, not 200.")
        return fetch(url)

    world.host = answer
    made_up = [from_elsewhere(world, number) for number in range(15)]
    true = [world.undelivered(f"true-{number}") for number in range(5)]
    assert verdicts(world.replay()) == {**dict.fromkeys(made_up, "undecided"), **dict.fromkeys(true, "replayed")}


def test_letters_wait_for_their_certificates_together(world: DeadLetterWorld) -> None:
    fetch, together = world.host, threading.Barrier(10)

    def answer(url: str) -> bytes:
        together.wait(timeout=4)  # nobody gets one before all have asked
        return fetch(world.senders["job-requests"].certificate_url)

    world.host = answer
    letters = [from_elsewhere(world, number) for number in range(10)]
    found = verdicts(world.replay(dry_run=True))
    assert found.keys() == set(letters)
    assert not together.broken


def test_an_entry_that_nobody_can_read_keeps_no_other_letter_waiting(world: DeadLetterWorld) -> None:
    bad, good = world.undelivered("bad"), [world.undelivered(f"job-{number}") for number in range(11)]
    get_all, shown = world.inbox.get_all, world.office.show("job-requests", bad)

    def read(entry_ids: Any) -> Any:
        if f"job-requests#{shown.message_id}" in entry_ids:
            raise ValueError("'PARKED' is not a valid EntryState")
        return get_all(entry_ids)

    world.inbox.get_all = read  # type: ignore[method-assign]  # a double's method, for this test
    assert verdicts(world.replay()) == {bad: "undecided", **dict.fromkeys(good, "replayed")}
    assert world.left() == 1


def test_a_message_that_is_being_given_up_keeps_its_letter(world: DeadLetterWorld) -> None:
    """The server has buried the message, and is about to write down that it is dead."""
    envelope = world.envelope()
    entry = world.accept(envelope)
    claimed = entry.claimed(holder="host:1", now=world.time, lease=timedelta(seconds=20))
    condemned = claimed.condemned(REASON, world.time + timedelta(seconds=20))
    world.inbox.entries[entry.entry_id] = condemned
    letter = world.put(envelope)
    assert verdicts(world.replay()) == {letter: "undecided"}
    world.inbox.settle(condemned, condemned.dead(world.time, REASON, is_buried=True))
    assert verdicts(world.replay()) == {letter: "replayed"}
    assert world.states() == [EntryState.RECEIVED]


def test_what_the_queue_does_not_say_that_it_removed_is_not_called_discarded(world: DeadLetterWorld) -> None:
    letters = [world.raw(f"{number}?") for number in range(3)]
    delete = world.queues.delete

    def fail(queue_url: str, letters: Any) -> None:
        raise Unavailable("SQS could not be reached.")

    world.queues.delete = fail  # type: ignore[method-assign]  # a double's method, for this test
    results: list[Result] = []
    with pytest.raises(
        Stopped, match=r"SQS could not be reached\. Nothing was discarded; the rest is still in the queue"
    ):
        until_stopped(world.office.discard(everything(), who="olga", why="Junk.", dry_run=False), results)
    assert results == []
    last = [entry.what for entry in world.audit.entries][-3:]
    assert last == ["The dead letter may not have been discarded: the queue did not say so."] * 3
    world.queues.delete = delete  # type: ignore[method-assign]  # a double's method, for this test
    assert verdicts(world.discard(only(*letters))) == dict.fromkeys(letters, "discarded")


def test_a_letter_of_a_function_is_invalid_and_asks_for_no_server(world: DeadLetterWorld) -> None:
    world.subscriptions.topics = {channel.topic_arn: [] for channel in world.channels}
    letter = world.raw("?", queue="object-restored")
    (result,) = world.replay()
    assert (result.letter.letter_id, result.verdict.value) == (letter, "invalid")
    assert "docs/dead-letters.md" in result.detail


def test_nothing_is_replayed_to_a_topic_that_somebody_paused(world: DeadLetterWorld) -> None:
    letter = world.undelivered()
    world.inbox.pause(Pause("job-requests", "otto", "Each does harm.", world.time))
    with pytest.raises(Stopped, match=r"paused by otto \(Each does harm\.\): resume it first\. Nothing was replayed"):
        world.replay()
    assert world.left() == 1
    world.inbox.resume("job-requests")
    assert verdicts(world.replay()) == {letter: "replayed"}


def test_whom_nobody_could_judge_is_on_record(world: DeadLetterWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.undelivered()

    def stumble(channel: Channel, letter: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(world.office._replayer, "_verified", stumble)
    (result,) = world.replay()
    assert result.verdict.value == "undecided"
    (line,) = world.audit.entries
    assert isinstance(line.details, dict)
    assert (line.details["verdict"], line.details["detail"]) == ("undecided", "RuntimeError")
