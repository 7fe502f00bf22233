"""`gas messages`: what it says, what it answers to a script, and its exit codes."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import pytest
from click.testing import CliRunner

from cli.main import gas
from shared.core.clock import utc_now
from shared.core.errors import GasError, Unavailable
from shared.core.inbox import Entry, EntryState, Pause
from tests.factories import a_user
from tests.unit.cli import operator_terminal
from tests.unit.inbox.dead_letters_world import REASON

WHY = ("--why", "The disk was full.")


class Terminal(operator_terminal.Terminal):
    """With messages in the inbox."""

    def __init__(self) -> None:
        super().__init__("messages")
        self.world.time = utc_now()

    def message(self, job_id: str = "job", state: EntryState = EntryState.RECEIVED) -> Entry:
        entry = self.world.accept(self.world.envelope(job_id))
        if state is not EntryState.RECEIVED:
            self.world.settle(entry.entry_id, state)
        return self.world.inbox.entries[entry.entry_id]


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_without_messages_it_says_so(terminal: Terminal) -> None:
    assert "No such messages." in terminal.says("list")
    assert terminal.answers("list") == {"messages": [], "has_more": False, "paused": {}}


def test_messages_are_listed_latest_first_with_state_job_and_error(terminal: Terminal) -> None:
    dead = terminal.message("job-7", EntryState.DEAD)
    terminal.world.time += timedelta(seconds=1)
    waiting = terminal.message("job-8")
    lines = terminal.says("list").splitlines()
    first, second = "\n".join(lines[1:3]), "\n".join(lines[3:5])
    for word in (waiting.entry_id, "RECEIVED", "job-8"):
        assert word in first
    for word in (dead.entry_id, "DEAD", "job-7", REASON):
        assert word in second


def test_the_list_is_narrowed(terminal: Terminal) -> None:
    dead = terminal.message("job-7", EntryState.DEAD)
    terminal.world.time += timedelta(hours=1)
    waiting = terminal.message("job-8")

    def ids(*arguments: str) -> list[str]:
        return [message["id"] for message in terminal.answers("list", *arguments)["messages"]]

    moment = (terminal.world.time - timedelta(minutes=1)).isoformat()
    assert ids() == [waiting.entry_id, dead.entry_id]
    assert ids("--state", "dead") == ids("--state", "DEAD") == [dead.entry_id]
    assert ids("--state", "DEAD", "--state", "RECEIVED") == [waiting.entry_id, dead.entry_id]
    assert ids("--job", "job-8") == [waiting.entry_id]
    assert ids("--user", "alice") == [waiting.entry_id, dead.entry_id]
    assert ids("--user", "bob") == []
    assert ids("--topic", "job-results") == []
    assert ids("--error", "damaged") == ids("--until", moment) == [dead.entry_id]
    assert ids("--since", moment) == [waiting.entry_id]


def test_what_is_left_out_is_said(terminal: Terminal) -> None:
    for number in range(3):
        terminal.message(f"job-{number}")
    assert "2 shown; there are more" in terminal.says("list", "--limit", "2")
    assert terminal.answers("list", "--limit", "2")["has_more"] is True
    assert terminal.answers("list", "--limit", "3")["has_more"] is False


def test_a_message_is_shown_with_its_attempts(terminal: Terminal) -> None:
    entry = terminal.message("job-7")
    world = terminal.world
    claimed = entry.claimed(holder="host:1", now=world.time, lease=timedelta(seconds=20))
    again = claimed.postponed(world.time + timedelta(seconds=5), world.time + timedelta(minutes=9), "S3 is away.")
    world.inbox.entries[entry.entry_id] = again
    text = terminal.says("show", entry.entry_id)
    for word in ("to be tried in", "S3 is away.", "host:1", "retry", "5 s", "job-7", "alice", '"run":1'):
        assert word in text
    (attempt,) = terminal.answers("show", entry.entry_id)["history"]
    assert (attempt["outcome"], attempt["seconds"], attempt["error"]) == ("retry", 5.0, "S3 is away.")


def test_a_running_message_says_since_when_and_by_whom(terminal: Terminal) -> None:
    entry = terminal.message(state=EntryState.RUNNING)
    text = terminal.says("show", entry.entry_id)
    assert "RUNNING, attempt 1" in text
    assert "host:2" in text


def test_what_operators_did_is_shown_with_the_message(terminal: Terminal) -> None:
    entry = terminal.message(state=EntryState.DEAD)
    terminal.says("retry", entry.entry_id, *WHY)
    assert "olga: Had the dead message handled anew. The disk was full." in terminal.says("show", entry.entry_id)
    assert terminal.answers("show", entry.entry_id)["audit"][0]["why"] == "The disk was full."


def test_an_unknown_message_is_an_error_with_exit_code_one(terminal: Terminal) -> None:
    for arguments in (["show", "job-requests#1"], ["retry", "job-requests#1", *WHY]):
        result = terminal.run(*arguments)
        assert isinstance(result.exception, GasError)
        assert "no message job-requests#1" in terminal.answers(*arguments, code=1)["error"]


def test_a_dead_message_is_tried_again(terminal: Terminal) -> None:
    entry = terminal.message(state=EntryState.DEAD)
    said = terminal.says("retry", entry.entry_id, *WHY)
    assert "is tried within seconds. Its letter stays in the dead-letter queue" in said
    assert "gas dlq replay --queue job-requests" in said
    assert terminal.world.inbox.entries[entry.entry_id].state is EntryState.RECEIVED
    assert [(line.who, line.why) for line in terminal.world.audit.entries] == [("olga", "The disk was full.")]


def test_of_a_message_that_only_waits_no_letter_is_spoken_of(terminal: Terminal) -> None:
    entry = terminal.message()
    assert terminal.says("retry", entry.entry_id, *WHY).strip() == f"{entry.entry_id} is tried within seconds."


def test_messages_are_found_by_their_owners_address(terminal: Terminal) -> None:
    entry = terminal.message()
    terminal.world.users.create(a_user(user_id="alice", email="alice@example.org"))
    [found] = terminal.answers("list", "--user", "Alice@example.org")["messages"]
    assert found["id"] == entry.entry_id


def test_of_an_address_without_account_that_is_said(terminal: Terminal) -> None:
    terminal.message()
    answer = terminal.answers("list", "--user", "charlie@example.org", code=1)
    assert answer == {"error": "Nobody has an account with the address charlie@example.org."}


def test_a_message_is_shown_with_its_owners_address(terminal: Terminal) -> None:
    entry = terminal.message()
    terminal.world.users.create(a_user(user_id="alice", email="alice@example.org"))
    assert "alice@example.org (alice)" in terminal.says("show", entry.entry_id)
    assert terminal.answers("show", entry.entry_id)["email"] == "alice@example.org"


def test_a_message_of_a_closed_account_is_shown_with_the_id(terminal: Terminal) -> None:
    entry = terminal.message()
    assert terminal.answers("show", entry.entry_id)["email"] == ""


def test_a_message_is_shown_though_nobody_can_look_up_whose_it_is(terminal: Terminal) -> None:
    entry = terminal.message()
    terminal.world.users.fail_with = Unavailable("DynamoDB is away.")
    assert terminal.answers("show", entry.entry_id)["user_id"] == "alice"


def test_what_is_done_is_not_tried_again(terminal: Terminal) -> None:
    entry = terminal.message(state=EntryState.DONE)
    assert "nothing to try again" in terminal.answers("retry", entry.entry_id, *WHY, code=1)["error"]


def test_a_topic_is_paused_and_resumed_and_the_list_says_so(terminal: Terminal) -> None:
    assert "503" in terminal.run("pause", "--help").stdout
    assert terminal.answers("pause", "job-requests", *WHY) == {"topic": "job-requests", "paused": True}
    expected = Pause("job-requests", "olga", "The disk was full.", terminal.world.time)
    assert terminal.world.inbox.pauses() == {"job-requests": expected}
    assert "by olga: job-requests. The disk was full." in terminal.says("list")
    assert "job-requests is resumed" in terminal.says("resume", "job-requests", *WHY)
    assert terminal.world.inbox.pauses() == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ["retry", "job-requests#1"],
        ["retry"],
        ["pause", "job-requests"],
        ["pause", "jobs", *WHY],
        ["list", "--state", "LOST"],
        ["list", "--since", "noon"],
        ["show"],
    ],
)
def test_a_wrong_command_has_exit_code_two(terminal: Terminal, arguments: list[str]) -> None:
    assert terminal.run(*arguments).exit_code == 2
    assert terminal.world.inbox.pauses() == {}


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"]])
def test_without_the_servers_settings_the_command_is_wrong_and_says_what_to_source(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("GAS_")]:
        monkeypatch.delenv(name)
    result = CliRunner().invoke(gas, ["messages", *arguments])
    said = json.loads(result.stdout)["error"] if "--json" in arguments else result.stderr
    assert result.exit_code == 2
    assert "GAS_INBOX_TABLE" in said
    assert "source settings.sh first" in said
