"""What only DynamoDB can show of the inbox: forgetting, sparse indexes, bounds, races."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.aws.inbox import DynamoInbox
from shared.aws.inbox_items import SHARDS, to_item
from shared.core.clock import to_millis
from shared.core.inbox import HISTORY, KEPT, About, Attempt, Entry, EntryState, Outcome, Pause, Query, Waiting
from tests.contract import tables
from tests.contract.test_dynamodb import Between, LostAnswers, Table
from tests.contract.test_inbox import an_entry, claimed
from tests.factories import NOON

pytestmark = pytest.mark.usefixtures("moto")


def test_an_entry_is_forgotten_thirty_days_after_it_was_finished_and_not_before() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    expires = tables.ttl_attribute("Inbox")
    held = claimed(inbox)
    assert expires not in table.items()[0]
    inbox.settle(held, held.completed(NOON))
    assert table.items()[0][expires] == {"N": str(to_millis(NOON + KEPT) // 1000)}


def test_the_only_copy_of_a_dead_message_is_never_forgotten() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    held = claimed(inbox)
    inbox.settle(held, held.dead(NOON, "too large for the queue", is_buried=False))
    assert tables.ttl_attribute("Inbox") not in table.items()[0]


def test_entries_are_stored_with_their_moments_in_milliseconds() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    held = claimed(inbox)
    inbox.settle(held, replace(held, started_at=NOON + timedelta(milliseconds=7)).completed(NOON))
    [item] = table.items()
    assert int(item["started_at"]["N"]) - int(item["received_at"]["N"]) == 7


def write(table: Table, entry: Entry) -> None:
    """Past the inbox, which asks twice as much of moto."""
    table.dynamodb.put_item(TableName=table.name, Item=to_item(entry))


def test_a_finished_entry_leaves_the_indexes_of_what_is_to_do() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    held = claimed(inbox)
    inbox.settle(held, held.completed(NOON))
    for index in ("by-due", "by-state"):
        assert table.dynamodb.scan(TableName=table.name, IndexName=index)["Items"] == []


def test_more_than_is_looked_at_is_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.aws.inbox._LOOKED_AT", 20)
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    late = an_entry(300, due_at=NOON + timedelta(hours=1), about=About(user_id="bob"))
    for number in range(100):
        write(table, an_entry(number, due_at=NOON + timedelta(seconds=number), about=About(user_id="alice")))
    write(table, late)
    survey = inbox.survey("job-requests", now=NOON + timedelta(hours=2), due=10, unfinished=10_000)
    assert survey.unfinished == 101
    assert [waiting.entry_id for waiting in survey.due] == [f"job-requests#{number}" for number in range(10)]
    assert inbox.survey("job-requests", now=NOON, due=10, unfinished=70).unfinished == 70
    line = inbox.line("job-requests", limit=300)
    assert len(line.waiting) == 101
    assert line.waiting[1] == Waiting(late.entry_id, "bob")


def test_a_search_in_vain_ends_in_short_pages_and_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.aws.inbox_search._MOST_PASSED", 20)
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    for number in range(25):
        write(table, an_entry(number, state=EntryState.DEAD, due_at=None, error="known"))
    rare = an_entry(0, route="daily", accepted_at=NOON - timedelta(days=1), state=EntryState.DEAD, error="rare")
    write(table, rare)
    query = Query(["job-requests", "daily"], error="rare")
    first = inbox.find(query, limit=10)
    assert (list(first.heads), first.next is None) == ([], False)
    second = inbox.find(query, limit=10, start=first.next)
    assert ([head.entry_id for head in second.heads], second.next) == ([rare.entry_id], None)


class Watched:
    """A client whose queries are counted; before the ``number``-th something happens."""

    def __init__(self, real: Any, number: int = 0, happening: Callable[[], object] = lambda: None) -> None:
        self.real, self.number, self.happening = real, number, happening
        self.queries = self.read = 0

    def query(self, **request: Any) -> Any:
        self.queries += 1
        if self.queries == self.number:
            self.happening()
        answer = self.real.query(**request)
        self.read += answer["Count"]
        return answer


def test_an_entry_that_is_claimed_while_it_is_looked_for_is_found_once() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    inbox.accept(an_entry())
    watched = Watched(table.dynamodb, SHARDS + 1, lambda: claimed(inbox))  # when what is RECEIVED was read
    late = DynamoInbox(watched, table.name)  # type: ignore[arg-type]  # a client with a race
    unfinished = Query(["job-requests"], states=frozenset({EntryState.RECEIVED, EntryState.RUNNING}))
    assert [head.entry_id for head in late.find(unfinished, limit=5).heads] == ["job-requests#1"]


def test_what_dynamodb_answers_in_no_order_is_found_once_each() -> None:
    """It promises none among items of the same moment."""
    table = Table("Inbox")
    for number in range(9):
        write(table, an_entry(number))

    class Unordered(Watched):
        def query(self, **request: Any) -> Any:
            answer = super().query(**request)
            answer["Items"].sort(key=lambda item: item["entry_id"]["S"])
            return answer

    inbox = DynamoInbox(Unordered(table.dynamodb), table.name)  # type: ignore[arg-type]  # a client in disorder
    query = Query(["job-requests"])
    pages = [inbox.find(query, limit=3)]
    while pages[-1].next is not None:
        pages.append(inbox.find(query, limit=3, start=pages[-1].next))
    everything = [head.entry_id for page in pages for head in page.heads]
    assert sorted(everything) == [f"job-requests#{number}" for number in range(9)]


def test_a_later_page_does_not_read_the_earlier_ones_again() -> None:
    table = Table("Inbox")
    for number in range(40):
        write(table, an_entry(number, accepted_at=NOON + timedelta(seconds=number)))
    watched = Watched(table.dynamodb)
    inbox = DynamoInbox(watched, table.name)  # type: ignore[arg-type]  # a client that counts
    first = inbox.find(Query(["job-requests"]), limit=36)
    watched.read = 0
    assert len(inbox.find(Query(["job-requests"]), limit=36, start=first.next).heads) == 4
    assert watched.read == 5  # and the one after which it goes on


def test_a_message_about_what_no_key_can_hold_is_accepted_all_the_same() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    assert inbox.accept(an_entry(about=About(job_id="x" * 3000, user_id="alice"))) is None
    [head] = inbox.find(Query(["job-requests"], user_id="alice"), limit=1).heads
    assert head.about == About(user_id="alice")


def test_the_largest_message_keeps_a_history_of_long_errors() -> None:
    dice = random.Random(1)
    errors = ["".join(chr(dice.randrange(0x4E00, 0x4F00)) for _ in range(2000)) for _ in range(HISTORY)]
    history = tuple(Attempt("h", NOON, NOON, NOON, Outcome.RETRY, error) for error in errors)
    envelope = json.dumps({"Message": "".join(chr(dice.randrange(32)) for _ in range(256 * 1024))})
    entry = an_entry(envelope=envelope, history=history)
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    assert inbox.accept(entry) is None
    assert inbox.get(entry.entry_id) == entry


def test_two_who_pause_topics_at_once_pause_both() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    daily, results = (Pause(route, "alice@example.org", "Why not.", NOON) for route in ("daily", "job-results"))
    meanwhile = Between(table.dynamodb, "put_item", lambda: inbox.pause(daily))
    DynamoInbox(meanwhile, table.name).pause(results)  # type: ignore[arg-type]  # a client with a race
    assert set(inbox.pauses()) == {"daily", "job-results"}
    meanwhile = Between(table.dynamodb, "put_item", lambda: inbox.resume("daily"))
    DynamoInbox(meanwhile, table.name).resume("job-results")  # type: ignore[arg-type]  # a client with a race
    assert inbox.pauses() == {}


def test_a_pause_whose_answer_was_lost_is_a_pause() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(LostAnswers(table.dynamodb), table.name)  # type: ignore[arg-type]  # a client with a fault
    inbox.pause(Pause("daily", "alice@example.org", "Why not.", NOON))
    assert set(inbox.pauses()) == {"daily"}
