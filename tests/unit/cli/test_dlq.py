"""`gas dlq list` and `show`, and what all of `gas dlq` answers to a wrong command or without AWS."""

from __future__ import annotations

import json
from datetime import timedelta
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from cli.main import gas
from shared.core.clock import utc_now
from shared.core.errors import GasError, Unavailable
from tests.factories import a_user
from tests.unit.cli.operator_terminal import YES, Terminal
from tests.unit.inbox.dead_letters_world import REASON, DeadLetterWorld, altered


def test_an_empty_queue_says_so(terminal: Terminal) -> None:
    assert "No dead letters." in terminal.says("list")
    assert terminal.answers("list") == {
        "queues": {"job-requests": 0, "job-results": 0, "object-restored": 0},
        "letters": [],
        "held": 0,
    }


def test_letters_are_listed_with_reason_job_and_the_days_that_are_left(
    terminal: Terminal, world: DeadLetterWorld
) -> None:
    unhandled = world.unhandled("job-7")
    old = world.undelivered("job-8", sent_at=world.time - timedelta(days=12, hours=1))
    lines = terminal.says("list").split("Reason, and job")[1].splitlines()
    first, second = "\n".join(lines[1:3]), "\n".join(lines[3:5])
    for word in (old, "undelivered", "job-8", "12 d", "47 h"):
        assert word in first
    for word in (unhandled, REASON, "job-7", "14 d"):
        assert word in second
    answer = terminal.answers("list")
    assert answer["queues"]["job-requests"] == 2
    assert [(letter["id"], letter["job_id"]) for letter in answer["letters"]] == [(old, "job-8"), (unhandled, "job-7")]


def test_the_list_is_narrowed_by_queue_error_time_and_limit(terminal: Terminal, world: DeadLetterWorld) -> None:
    old = world.undelivered(sent_at=world.time - timedelta(hours=3))
    unhandled = world.unhandled()
    elsewhere = world.raw("?", queue="job-results")

    def ids(*arguments: str) -> set[str]:
        return {letter["id"] for letter in terminal.answers("list", *arguments)["letters"]}

    assert ids() == {old, unhandled, elsewhere}
    assert ids("--queue", "job-results") == ids("--topic", "job-results") == {elsewhere}
    assert ids("--error", "PACK") == {unhandled}
    assert ids("--error", "undelivered", "--queue", "job-requests") == {old}
    assert ids("--since", "2h") == {unhandled, elsewhere}
    assert ids("--since", "2026-01-01T00:00") == {old, unhandled, elsewhere}
    assert len(ids("--limit", "1")) == 1


def test_only_a_list_that_ends_at_its_limit_says_that_there_are_more(
    terminal: Terminal, world: DeadLetterWorld
) -> None:
    world.unhandled()
    for number in range(3):
        world.undelivered(f"job-{number}")
    assert "About 2 more" in terminal.says("list", "--limit", "2")
    assert "more" not in terminal.says("list", "--limit", "4")
    assert "more" not in terminal.says("list", "--error", "undelivered")
    cut = terminal.says("list", "--error", "undelivered", "--limit", "2")
    assert "There may be more such letters" in cut
    assert "About" not in cut


def test_a_list_says_how_many_letters_somebody_holds(terminal: Terminal, world: DeadLetterWorld) -> None:
    for number in range(12):
        world.undelivered(f"job-{number}")
    held = 0
    while not held:
        held = len(world.queues.receive(world.url(), queue="job-requests", hold=timedelta(minutes=10)))
    text = terminal.says("list", code=1)
    assert f"About {held} are held" in text
    assert "for up to 10 min after one that was killed" in text
    assert "more" not in text
    assert terminal.answers("list", code=1)["held"] == held
    assert terminal.answers("list", "--limit", "1")["held"] == 0  # it has what it was asked for
    assert terminal.answers("list", "--since", "1h")["held"] == 0  # nobody can tell


def test_what_was_never_sent_to_the_topic_is_not_called_undelivered(terminal: Terminal, world: DeadLetterWorld) -> None:
    strangers = world.raw("?"), world.undelivered(queue="job-results")
    true = world.undelivered()
    listed = terminal.says("list")
    assert listed.count("not a message of this topic") == len(strangers)
    assert listed.count("undelivered") == 1
    for queue, letter in zip(("job-requests", "job-results"), strangers, strict=True):
        shown = terminal.says("show", queue, letter)
        assert "not a message of this topic" in shown
        assert "SNS could not deliver it" not in shown
    assert "SNS could not deliver it" in terminal.says("show", "job-requests", true)


def test_sns_is_not_blamed_for_a_letter_that_it_did_not_sign(terminal: Terminal, world: DeadLetterWorld) -> None:
    shown = terminal.says("show", "job-requests", world.put(altered(world.envelope())))
    assert "SNS could not deliver it" not in shown
    assert "no reason is written beside it" in shown


def test_letters_that_came_later_are_left_out_with_until(terminal: Terminal, world: DeadLetterWorld) -> None:
    old = world.undelivered("job-1", sent_at=world.time - timedelta(hours=3))
    world.undelivered("job-2")
    for command in (("list",), ("replay",), ("discard",), ("replay", *YES)):
        found = terminal.answers(*command, "--until", "2h")
        assert [row["id"] for row in found.get("letters", found.get("results"))] == [old]
    assert world.left() == 1


def test_a_letter_is_also_named_by_queue_slash_id(terminal: Terminal, world: DeadLetterWorld) -> None:
    letter = world.undelivered()
    assert terminal.answers("show", f"job-requests/{letter}") == terminal.answers("show", "job-requests", letter)
    assert "[OPTIONS] QUEUE ID" in terminal.says("show", "--help")


def test_what_a_stranger_wrote_cannot_command_the_terminal(terminal: Terminal, world: DeadLetterWorld) -> None:
    letter = world.queues.put(
        world.url(), "\x1b]0;owned\x07[bold]?", attributes={"reason": "\x1b[2J[red]bad[/red]", "route": "\x9b1m"}
    )
    for text in (terminal.says("list"), terminal.says("show", "job-requests", letter)):
        assert not any(char in text for char in "\x1b\x07\x9b")
        assert "\\x1b[2J[red]bad[/red]" in text


def test_a_letter_is_shown_with_its_owners_address(terminal: Terminal, world: DeadLetterWorld) -> None:
    letter = world.undelivered()
    world.users.create(a_user(user_id="alice", email="alice@example.org"))
    assert "alice@example.org (alice)" in terminal.says("show", "job-requests", letter)
    assert terminal.answers("show", "job-requests", letter)["email"] == "alice@example.org"


def test_a_letter_is_shown_with_what_a_replay_would_do(terminal: Terminal, world: DeadLetterWorld) -> None:
    letter = world.unhandled("job-7")
    text = terminal.says("show", "job-requests", letter)
    for word in ("would be replayed", REASON, "job-7", "alice", "gas messages show job-requests#"):
        assert word in text
    answer = terminal.answers("show", "job-requests", letter)
    assert answer["verdict"] == "would be replayed"
    assert answer["inbox"]["state"] == "DEAD"
    assert json.loads(answer["body"])["Type"] == "Notification"


def test_an_altered_letter_is_shown_as_invalid(terminal: Terminal, world: DeadLetterWorld) -> None:
    letter = world.put(altered(world.envelope()))
    assert "invalid. It is not a true message of job-requests: Signature is wrong." in terminal.says(
        "show", "job-requests", letter
    )


def test_a_letter_that_is_not_there_is_an_error_with_exit_code_one(terminal: Terminal) -> None:
    result = terminal.run("show", "job-requests", "1")
    assert isinstance(result.exception, GasError)
    assert "no dead letter 1" in terminal.answers("show", "job-requests", "1", code=1)["error"]


def test_a_machine_whose_clock_is_slow_shows_and_chooses_letters_by_the_time_of_aws(
    terminal: Terminal, world: DeadLetterWorld
) -> None:
    slow = timedelta(hours=1)
    aws = utc_now() + slow
    world.undelivered(sent_at=aws - timedelta(minutes=90))
    fresh = world.undelivered(sent_at=aws)
    count = world.queues.count

    def answer(queue_url: str) -> int:
        world.time = aws  # as AwsClock, which hears AWS's answers
        return count(queue_url)

    world.queues.count = answer  # type: ignore[method-assign]  # a double's method, for this test
    world.time = aws - slow
    assert terminal.answers("show", "job-requests", fresh)["id"] == fresh
    for command in (("list",), ("replay",), ("discard",)):
        world.time = aws - slow
        found = terminal.answers(*command, "--since", "80m")
        assert [row["id"] for row in found.get("letters", found.get("results"))] == [fresh]


def test_ctrl_c_before_aws_was_asked_anything_is_a_document_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.operator._settings", Mock(side_effect=KeyboardInterrupt))
    run = ["dlq", "replay", "--all"]
    result = CliRunner().invoke(gas, [*run, "--json"])
    assert (result.exit_code, "Stopped at once" in json.loads(result.stdout)["error"]) == (1, True)
    assert CliRunner().invoke(gas, run).stderr.startswith("gas: Stopped at once")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay"], "Nothing is selected"),
        (["replay", "--yes", "--why", "x"], "Nothing is selected"),
        (["replay", "--all", "--yes"], "--yes needs --why"),
        (["replay", "--all", "--yes", "--why", "  "], "--yes needs --why"),
        (["discard"], "Nothing is selected"),
        (["discard", "--queue", "job-requests"], "Nothing is selected"),
        (["discard", "--all"], "--all needs --queue"),
        (["replay", "--queue", "jobs"], "is not one of"),
        (["replay", "--all", "--rate", "0"], "--rate"),
        (["replay", "--all", "--rate", "1e-15"], "--rate"),
        (["replay", "--all", "--rate", "inf"], "--rate"),
        (["replay", "--all", "--rate", "nan"], "--rate"),
        (["list", "--since", "yesterday"], "neither a time such as 30m"),
        (["list", "--since", "99999999w"], "neither a time such as 30m"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--until", "tomorrow"], "neither a time such as 30m"),
        (["show", "job-requests"], "Missing argument"),
        (["show", "job-requests/"], "Missing argument"),
        (["show", "jobs/1"], "There is no queue 'jobs'"),
    ],
)
def test_a_wrong_command_has_exit_code_two_and_says_what_is_wrong(
    terminal: Terminal, arguments: list[str], words: str
) -> None:
    letter = terminal.world.undelivered()
    assert words in terminal.refuses(*arguments)
    assert letter in {stored.letter.letter_id for stored in terminal.world.queues.queues[terminal.world.url()]}


def test_aws_that_is_away_is_one_sentence(terminal: Terminal, world: DeadLetterWorld) -> None:
    world.queues.fail_with = Unavailable("SQS could not be reached (ConnectTimeoutError).")
    result = terminal.run("list")
    assert str(result.exception) == "SQS could not be reached (ConnectTimeoutError)."
    assert terminal.answers("list", code=1) == {"error": "SQS could not be reached (ConnectTimeoutError)."}


def test_missing_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GAS_INBOX_TABLE", raising=False)
    result = CliRunner().invoke(gas, ["dlq", "list", "--json"])
    assert result.exit_code == 2
    assert "GAS_INBOX_TABLE" in json.loads(result.stdout)["error"]
