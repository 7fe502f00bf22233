"""A replay has each true message handled anew once, and loses none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.core.errors import NotFound, Permanent, TooLarge
from shared.core.inbox import Entry, EntryState
from shared.inbox.letters import Selection, Verdict
from shared.sns_verify.message import MAX_BODY
from tests.factories import NOON
from tests.sns_sender import Envelope, SnsSender, body
from tests.unit.inbox.dead_letters_world import REASON, DeadLetterWorld, altered, everything, only, verdicts


@pytest.fixture
def world() -> DeadLetterWorld:
    return DeadLetterWorld()


def test_what_sns_could_not_deliver_is_accepted_as_a_push_would_be(world: DeadLetterWorld) -> None:
    letter = world.undelivered("job-7")
    assert verdicts(world.replay()) == {letter: "replayed"}
    (entry,) = world.inbox.entries.values()
    assert (entry.state, entry.attempts, entry.due_at) == (EntryState.RECEIVED, 0, world.time)
    assert (entry.about.job_id, entry.about.user_id) == ("job-7", "alice")
    assert world.left() == 0


def test_what_a_server_gave_up_has_all_its_attempts_before_it_again(world: DeadLetterWorld) -> None:
    letter = world.unhandled()
    assert verdicts(world.replay()) == {letter: "replayed"}
    (entry,) = world.inbox.entries.values()
    assert (entry.state, entry.attempts, entry.replays) == (EntryState.RECEIVED, 0, 1)
    assert len(entry.history) == 1
    assert world.left() == 0


@pytest.mark.parametrize("state", [EntryState.RECEIVED, EntryState.RUNNING, EntryState.DONE])
def test_what_the_inbox_has_already_is_a_duplicate_and_leaves_the_queue(
    world: DeadLetterWorld, state: EntryState
) -> None:
    envelope = world.envelope()
    entry = world.accept(envelope)
    if state is not EntryState.RECEIVED:
        world.settle(entry.entry_id, state)
    letter = world.put(envelope)
    before = world.inbox.entries.copy()
    assert verdicts(world.replay()) == {letter: "duplicate"}
    assert world.inbox.entries == before
    assert world.left() == 0


def test_a_message_that_lies_there_twice_is_handled_once(world: DeadLetterWorld) -> None:
    envelope = world.envelope()
    letters = [world.put(envelope), world.put(envelope)]
    found = verdicts(world.replay())
    assert sorted(found) == sorted(letters)
    assert sorted(found.values()) == ["duplicate", "replayed"]
    assert len(world.inbox.entries) == 1


def test_a_letter_that_fails_again_is_met_once(world: DeadLetterWorld) -> None:
    first = world.unhandled()

    def fails_again(entry_id: str) -> None:
        world.time += timedelta(seconds=1)
        world.settle(entry_id, EntryState.DEAD)
        world.queues.put(world.url(), world.inbox.entries[entry_id].envelope, attributes={"reason": REASON})

    change = world.inbox.change

    def change_and_fail(entry: Any, changed: Any) -> None:
        change(entry, changed)
        fails_again(entry.entry_id)

    world.inbox.change = change_and_fail  # type: ignore[method-assign]  # a double's method, for this test
    assert verdicts(world.replay()) == {first: "replayed"}
    assert world.left() == 1
    assert world.queues.held(world.url()) == []


def without_signature(world: DeadLetterWorld) -> str:
    return json.dumps({key: value for key, value in world.envelope().items() if not key.startswith("Sign")})


def somebody_elses(_: DeadLetterWorld) -> str:
    return signed(SnsSender("arn:aws:sns:us-east-1:999999999999:gas-job-requests").notification("{}"))


def signed(envelope: Envelope) -> str:
    return body(envelope).decode()


ELSEWHERE = "https://evil.example.org/SimpleNotificationService-0.pem"
BAD: dict[str, str | Callable[[DeadLetterWorld], str]] = {
    "not JSON": "<html>Not found</html>",
    "empty": "",
    "not UTF-8": '{"Type": "\ud800"}',
    "1 MiB of nothing": "x" * 1024 * 1024,
    "larger than any push": " " * (MAX_BODY + 1),
    "deeply nested": "[" * 100_000,
    "unsigned": without_signature,
    "altered": lambda world: signed(altered(world.envelope())),
    "of another topic": lambda world: signed(world.senders["job-results"].notification("{}")),
    "of somebody else's topic": somebody_elses,
    "signed by SHA-1": lambda world: signed(world.envelope(version="1")),
    "a confirmation": lambda world: signed(world.senders["job-requests"].subscription_confirmation()),
    "certificate elsewhere": lambda world: signed(world.envelope(SigningCertURL=ELSEWHERE)),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_not_true_is_never_processed_and_stays(world: DeadLetterWorld, kind: str) -> None:
    made = BAD[kind]
    bad = world.raw(made if isinstance(made, str) else made(world))
    good = world.undelivered("job-7")
    results = world.replay()
    assert verdicts(results) == {bad: "invalid", good: "replayed"}
    assert [entry.about.job_id for entry in world.inbox.entries.values()] == ["job-7"]
    assert world.left() == 1
    assert world.queues.held(world.url()) == []
    (why,) = [result.detail for result in results if result.verdict is Verdict.INVALID]
    assert why.endswith(".")


def test_another_message_under_a_known_id_is_invalid(world: DeadLetterWorld) -> None:
    known = world.envelope()
    world.accept(known)
    letter = world.put(world.envelope("job-8", message_id=known["MessageId"]))
    assert verdicts(world.replay()) == {letter: "invalid"}
    assert world.left() == 1


def test_what_a_function_failed_at_is_invalid(world: DeadLetterWorld) -> None:
    letter = world.raw(json.dumps({"Records": [{"Sns": world.envelope()}]}), queue="object-restored")
    assert verdicts(world.replay()) == {letter: "invalid"}
    assert world.left("object-restored") == 1


def test_a_message_whose_certificate_cannot_be_had_now_holds_up_no_other(world: DeadLetterWorld) -> None:
    missing = f"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{'0' * 32}.pem"
    doubtful = world.put(world.envelope(SigningCertURL=missing))
    good = world.undelivered()
    assert verdicts(world.replay()) == {doubtful: "undecided", good: "replayed"}
    assert world.left() == 1


def test_what_the_inbox_cannot_hold_stays(world: DeadLetterWorld) -> None:
    letter = world.undelivered()

    def refuse(entry: Entry) -> Entry | None:
        raise TooLarge("DynamoDB cannot hold something as large as this.")

    world.inbox.accept = refuse  # type: ignore[method-assign]  # a double's method, for this test
    (result,) = world.replay()
    assert (result.letter.letter_id, result.verdict) == (letter, Verdict.INVALID)
    assert "as large as this" in result.detail
    assert world.left() == 1


def test_a_dry_run_says_what_would_happen_and_changes_nothing(world: DeadLetterWorld) -> None:
    done = world.envelope()
    world.settle(world.accept(done).entry_id, EntryState.DONE)
    expected = {
        world.undelivered(): "would be replayed",
        world.unhandled(): "would be replayed",
        world.put(done): "duplicate",
        world.raw("?"): "invalid",
    }
    before = world.inbox.entries.copy()
    results = world.replay(dry_run=True, who="", why="")
    assert verdicts(results) == expected
    assert any(REASON in result.detail for result in results)
    assert world.inbox.entries == before
    assert world.audit.entries == []
    assert world.left() == 4
    assert world.queues.held(world.url()) == []


def test_a_dry_run_warns_of_what_would_fail_at_once(world: DeadLetterWorld) -> None:
    world.put(world.envelope(message="not a job"))
    (result,) = world.replay(dry_run=True)
    assert result.verdict is Verdict.WOULD_REPLAY
    assert "would fail at once: This is not a JobRequested message" in result.detail
    assert result.would_fail


def test_everything_is_written_to_the_audit_log_with_who_and_why(world: DeadLetterWorld) -> None:
    replayed, invalid = world.unhandled("job-7"), world.raw("?")
    world.replay(who="olga", why="The pack is mended.")
    found = {entry.subject: entry for entry in world.audit.entries}
    assert set(found) == {f"dead-letter#job-requests#{letter}" for letter in (replayed, invalid)}
    entry = found[f"dead-letter#job-requests#{replayed}"]
    assert (entry.who, entry.why, entry.at) == ("olga", "The pack is mended.", world.time)
    assert entry.details is not None
    assert (entry.details["verdict"], entry.details["job_id"], entry.details["reason"]) == ("replayed", "job-7", REASON)


@pytest.mark.parametrize(("who", "why"), [("", "A reason."), ("olga", " ")])
def test_nothing_is_changed_without_a_name_and_a_reason(world: DeadLetterWorld, who: str, why: str) -> None:
    world.undelivered()
    for run in (world.replay, world.discard):
        with pytest.raises(Permanent, match="why you do this"):
            run(who=who, why=why)
    assert world.left() == 1


def test_two_operators_at_once_replay_each_letter_once(world: DeadLetterWorld) -> None:
    letters = [world.unhandled(f"job-{number}") for number in range(60)]
    start = threading.Barrier(2)

    def replay(who: str) -> list[Any]:
        start.wait()
        return world.replay(who=who)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(replay, ("olga", "otto"))
    assert verdicts([*first, *second]) == dict.fromkeys(letters, "replayed")
    assert all(entry.replays == 1 for entry in world.inbox.entries.values())
    assert world.left() == 0


def test_an_operator_who_is_a_moment_late_meets_a_duplicate(world: DeadLetterWorld) -> None:
    letter = world.unhandled()
    (dead,) = world.inbox.entries.values()
    accept = world.inbox.accept

    def accept_and_lose(entry: Any) -> Any:
        known = accept(entry)
        world.inbox.change(dead, dead.replayed(world.time))  # the other one, just now
        return known

    world.inbox.accept = accept_and_lose  # type: ignore[method-assign]  # a double's method, for this test
    assert verdicts(world.replay()) == {letter: "duplicate"}
    assert next(iter(world.inbox.entries.values())).replays == 1


def test_only_the_chosen_are_replayed(world: DeadLetterWorld) -> None:
    one, _ = world.undelivered(), world.undelivered()
    assert verdicts(world.replay(only(one))) == {one: "replayed"}
    assert world.left() == 1
    assert world.queues.held(world.url()) == []


def test_letters_are_chosen_by_queue_time_and_error(world: DeadLetterWorld) -> None:
    old = world.undelivered(sent_at=NOON - timedelta(hours=3))
    fresh = world.undelivered(sent_at=NOON - timedelta(hours=1))
    unhandled = world.unhandled(reason="No SPACE left.")
    elsewhere = world.raw("?", queue="job-results")

    def chosen(selection: Selection) -> set[str]:
        return set(verdicts(world.replay(selection, dry_run=True)))

    assert chosen(Selection(frozenset({"job-results"}))) == {elsewhere}
    assert chosen(everything(since=NOON - timedelta(hours=1))) == {fresh, unhandled, elsewhere}
    assert chosen(everything(until=NOON - timedelta(hours=1))) == {old}
    assert chosen(everything(error="no space")) == {unhandled}
    assert chosen(everything(error="Undelivered")) == {old, fresh, elsewhere}


def test_an_unknown_queue_is_named(world: DeadLetterWorld) -> None:
    with pytest.raises(NotFound, match="no queue jobs; there is: job-requests"):
        world.replay(Selection(frozenset({"jobs"})))


def test_what_is_discarded_is_gone_for_good(world: DeadLetterWorld) -> None:
    bad, kept = world.raw("?"), world.undelivered()
    assert verdicts(world.discard(only(bad), dry_run=True)) == {bad: "would be discarded"}
    assert world.left() == 2
    assert verdicts(world.discard(only(bad))) == {bad: "discarded"}
    assert world.left() == 1
    assert world.inbox.entries == {}
    (entry,) = world.audit.entries
    assert (entry.who, entry.what) == ("olga", "Discarded the dead letter.")
    assert verdicts(world.replay()) == {kept: "replayed"}
