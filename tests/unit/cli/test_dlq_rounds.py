"""`gas dlq replay` and `discard`: what they say, what they answer to a script, and their exit codes."""

from __future__ import annotations

import os
import re
import signal
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from shared.core.clock import to_iso
from shared.core.errors import Permanent
from shared.core.inbox import Pause
from tests.unit.cli.operator_terminal import YES, Terminal
from tests.unit.inbox.dead_letters_world import ENDPOINT, DeadLetterWorld


def test_a_dry_run_says_how_to_replay_nothing_that_comes_after_it(terminal: Terminal, world: DeadLetterWorld) -> None:
    world.undelivered("job-1")
    hint = re.search(r"add (--until \S+) --yes", terminal.says("replay", "--all"))
    assert hint
    world.time += timedelta(seconds=1)
    world.undelivered("job-2")
    assert "1 replayed." in terminal.says("replay", "--all", *hint[1].split(), *YES)
    assert world.left() == 1


def test_the_hint_of_a_dry_run_keeps_an_earlier_until_and_says_it_as_a_moment(
    terminal: Terminal, world: DeadLetterWorld
) -> None:
    old = world.time - timedelta(hours=3)
    world.undelivered(sent_at=old)
    assert f"add --until {to_iso(old + timedelta(hours=1))} --yes" in terminal.says("replay", "--until", "2h")


def test_the_hint_of_a_dry_run_adds_nothing_to_letters_that_are_named(
    terminal: Terminal, world: DeadLetterWorld
) -> None:
    assert 'add --yes --why "…".' in terminal.says("replay", "--id", world.undelivered())


def test_what_would_fail_at_once_is_counted_by_itself(terminal: Terminal, world: DeadLetterWorld) -> None:
    world.undelivered()
    vain = world.put(world.envelope(message='{"job": 1}'))
    text = terminal.says("replay", "--all")
    assert "1 would be replayed" in text
    assert "1 would fail at once" in text
    assert "2 would" not in text
    assert "comes back as a dead letter" in text
    answer = terminal.answers("replay", "--all")
    assert answer["counts"] == {"would be replayed": 1, "would fail at once": 1}
    assert [row["id"] for row in answer["results"] if row["verdict"] == "would fail at once"] == [vain]


def test_a_dry_run_in_which_nothing_can_be_replayed_asks_for_no_more(
    terminal: Terminal, world: DeadLetterWorld
) -> None:
    world.raw("?")
    assert "To do it" not in terminal.says("replay", "--all", code=1)


def test_a_dry_run_says_what_is_paused(terminal: Terminal, world: DeadLetterWorld) -> None:
    world.undelivered()
    world.inbox.pause(Pause("job-requests", "otto", "Each does harm.", world.time))
    assert "job-requests is paused by otto (Each does harm.): resume it" in terminal.says("replay", "--all")


def test_a_replay_is_a_dry_run_unless_it_is_confirmed(terminal: Terminal, world: DeadLetterWorld) -> None:
    world.unhandled()
    text = terminal.says("replay", "--all")
    assert "1 would be replayed." in text
    assert "nothing was changed" in text
    assert '--yes --why "…"' in text
    assert world.left() == 1
    assert terminal.answers("replay", "--all")["dry_run"] is True


def test_a_confirmed_replay_is_done_and_audited(terminal: Terminal, world: DeadLetterWorld) -> None:
    letter = world.unhandled()
    answer = terminal.answers("replay", "--all", *YES)
    assert answer["counts"] == {"replayed": 1}
    assert [(row["id"], row["verdict"]) for row in answer["results"]] == [(letter, "replayed")]
    assert (answer["dry_run"], answer["not_found"], answer["stopped"]) == (False, [], None)
    assert world.left() == 0
    assert [(line.who, line.why) for line in world.audit.entries] == [("olga", "The pack is mended.")]


def test_who_it_was_can_be_said_and_is_else_the_login_name(terminal: Terminal, world: DeadLetterWorld) -> None:
    world.raw("?")
    world.raw("!")
    terminal.run("discard", "--queue", "job-requests", "--all", *YES, "--who", "otto")
    world.raw("?")
    terminal.run("discard", "--queue", "job-requests", "--all", *YES, GAS_OPERATOR="", LOGNAME="root-at-night")
    assert [line.who for line in world.audit.entries] == ["otto", "otto", "root-at-night"]


def test_whoever_has_no_name_has_to_say_one(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", Mock(side_effect=KeyError("getpwuid(): uid not found: 4711")))
    result = terminal.run("replay", "--all", GAS_OPERATOR="")
    assert result.exit_code == 2
    assert "--who, or GAS_OPERATOR" in result.stderr


def test_something_invalid_makes_exit_code_one_and_is_pointed_out(terminal: Terminal, world: DeadLetterWorld) -> None:
    good, bad = world.undelivered(), world.raw("?")
    text = terminal.says("replay", "--all", *YES, code=1)
    assert "1 replayed, 1 invalid" in text or "1 invalid, 1 replayed" in text
    assert good in text
    assert bad in text
    assert "gas dlq discard" in text


def test_of_many_only_the_odd_ones_are_listed(terminal: Terminal, world: DeadLetterWorld) -> None:
    good = [world.undelivered(f"job-{number}") for number in range(60)]
    bad = world.raw("?")
    text = terminal.says("replay", "--all", code=1)
    assert bad in text
    assert not any(letter in text for letter in good)
    assert "60 would be replayed, 1 invalid." in text
    assert len(terminal.answers("replay", "--all", code=1)["results"]) == 61


def test_a_letter_that_is_asked_for_and_not_met_makes_exit_code_one(terminal: Terminal, world: DeadLetterWorld) -> None:
    letter = world.undelivered()
    text = terminal.says("replay", "--id", letter, "--id", "gone", *YES, code=1)
    assert "1 replayed." in text
    assert "Not found: gone" in text


def test_letters_that_somebody_holds_are_told_and_make_exit_code_one(
    terminal: Terminal, world: DeadLetterWorld
) -> None:
    world.time = world.time.replace(hour=11, minute=50)
    for number in range(12):
        world.undelivered(f"job-{number}")
    world.raw("?")
    killed = world.queues.receive(world.url(), queue="job-requests", hold=timedelta(minutes=10))
    while not killed:
        killed = world.queues.receive(world.url(), queue="job-requests", hold=timedelta(minutes=10))
    for answer in (terminal.answers("replay", "--all", code=1), terminal.answers("replay", "--all", *YES, code=1)):
        assert (answer["held"], len(answer["results"])) == (len(killed), 3)
    text = terminal.says("replay", "--all", *YES, code=1)
    assert "10 more are held by somebody" in text
    assert "free again by 12:00 UTC" in text
    assert terminal.answers("replay", "--id", "letter-00013", code=1)["held"] == 0  # it has what it was asked for
    world.time += timedelta(days=1)
    assert terminal.answers("replay", "--all", *YES, code=1)["held"] == 0  # the invalid one stays, and is no secret


def test_a_queue_that_is_not_there_is_told_beside_what_was_done(terminal: Terminal, world: DeadLetterWorld) -> None:
    letter = world.undelivered()
    del world.queues.queues[world.url("job-results")]
    listed = terminal.answers("list", code=1)
    assert listed["queues"] == {"job-requests": 1, "job-results": None, "object-restored": 0}
    assert [row["id"] for row in listed["letters"]] == [letter]
    assert "there is no such queue" in terminal.says("list", code=1)
    answer = terminal.answers("replay", "--all", *YES, code=1)
    assert answer["counts"] == {"replayed": 1}
    assert "no dead-letter queue of job-results" in answer["stopped"]


def test_an_error_that_trying_again_would_not_mend_hides_nothing_that_was_done(
    terminal: Terminal, world: DeadLetterWorld
) -> None:
    world.undelivered()
    receive = world.queues.receive

    def refuse(queue_url: str, **given: Any) -> Any:
        if "job-results" in queue_url:
            raise Permanent("SQS refused (InvalidAddress): no.")
        return receive(queue_url, **given)

    world.queues.receive = refuse  # type: ignore[method-assign]  # a double's method, for this test
    answer = terminal.answers("replay", "--all", *YES, code=1)
    assert answer["counts"] == {"replayed": 1}
    assert answer["stopped"] == "SQS refused (InvalidAddress): no. 1 was replayed; the rest is still in the queue."


def test_nothing_to_replay_is_no_failure(terminal: Terminal) -> None:
    assert "No such dead letters." in terminal.says("replay", "--all", *YES)


def test_an_endpoint_that_is_down_stops_it_and_keeps_the_rest(terminal: Terminal, world: DeadLetterWorld) -> None:
    world.undelivered()
    world.readiness.reasons[ENDPOINT] = "It cannot be reached."
    text = terminal.says("replay", "--all", *YES, code=1)
    assert "The endpoint of job-requests is not ready: It cannot be reached." in text
    assert "Nothing was replayed; the rest is still in the queue." in text
    assert "not ready" in terminal.answers("replay", "--all", *YES, code=1)["stopped"]
    assert world.left() == 1


def test_a_replay_that_stopped_or_missed_something_does_not_say_that_there_is_nothing(
    terminal: Terminal, world: DeadLetterWorld
) -> None:
    world.undelivered()
    assert "No such dead letters" not in terminal.says("replay", "--id", "gone", code=1)
    world.readiness.reasons[ENDPOINT] = "It cannot be reached."
    assert "No such dead letters" not in terminal.says("replay", "--all", *YES, code=1)


def test_ctrl_c_while_the_letters_are_counted_is_answered_as_any_other(
    terminal: Terminal, world: DeadLetterWorld
) -> None:
    world.undelivered()
    count = world.queues.count

    def press(queue_url: str) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        world.queues.count = count  # type: ignore[method-assign]  # a double's method, for this test
        return count(queue_url)

    world.queues.count = press  # type: ignore[method-assign]  # a double's method, for this test
    answer = terminal.answers("replay", "--all", *YES, code=1)
    assert answer["stopped"] == "Stopped as you asked; the rest is still in the queue."
    assert answer["results"] == []
    assert world.left() == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_it_after_the_present_letters(terminal: Terminal, world: DeadLetterWorld, number: int) -> None:
    for job in range(40):
        world.undelivered(f"job-{job}")
    before = signal.getsignal(number)
    accept = world.inbox.accept

    def press(entry: Any) -> Any:
        if len(world.inbox.entries) == 12:
            os.kill(os.getpid(), number)
        return accept(entry)

    world.inbox.accept = press  # type: ignore[method-assign]  # a double's method, for this test
    answer = terminal.answers("replay", "--all", *YES, code=1)
    assert answer["stopped"] == "Stopped as you asked; the rest is still in the queue."
    done = answer["counts"]["replayed"]
    assert 12 < done < 40
    assert len(world.inbox.entries) == done
    assert world.left() == 40 - done
    assert world.queues.held(world.url()) == []
    assert signal.getsignal(number) is before


def test_what_is_discarded_is_gone(terminal: Terminal, world: DeadLetterWorld) -> None:
    bad = world.raw("?")
    assert "1 would be discarded." in terminal.says("discard", "--id", bad)
    assert world.left() == 1
    assert "1 discarded." in terminal.says("discard", "--id", bad, *YES)
    assert world.left() == 0
