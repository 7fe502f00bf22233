"""Everything that `gas up` runs is killed, and started again: nobody loses anything.

What of the local cloud comes back, and that a clean end loses nothing at all, is in test_local_persistence.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.person import Person
from tests.whole import Gas, running_gas, wait_for


@pytest.fixture(scope="module")
def gas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gas]:
    """Its own: it is killed."""
    with running_gas(tmp_path_factory.mktemp("gas")) as gas:
        yield gas


def kill_everything(gas: Gas) -> None:
    for process in gas.processes():
        process.kill()
    assert gas.process is not None
    gas.process.wait(timeout=20)
    if gas.process.stdout is not None:
        gas.process.stdout.close()


def wait_for_snapshot(gas: Gas) -> None:
    """Whatever was done up to now is in it: one that was under way may have begun before."""
    state = gas.data_dir / "cloud" / "state"
    for _ in range(2):
        before = state.stat().st_ino

        def changed(before: int = before) -> bool:
            return state.stat().st_ino != before

        gas.aws("sqs").send_message(QueueUrl=gas.stack_outputs()["DailyDeadLetters"], MessageBody="a change")
        wait_for("a snapshot", changed)


def refused(gas: Gas) -> str:
    """What a second `gas up` says."""
    answer = subprocess.run(
        [sys.executable, "-m", "cli", "up"],
        env={**os.environ, **gas.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    return answer.stderr


def test_nothing_is_lost_by_a_kill_and_a_damaged_folder_is_refused(gas: Gas) -> None:
    alice = Person(gas).join("alice@example.org")
    job_id = alice.start_example()
    assert alice.wait_until_final(job_id) == "COMPLETED"
    wait_for("the e-mail", lambda: [mail for mail in gas.mails("alice@example.org") if job_id in mail["text"]])
    result, mails = alice.download(job_id, "vcf"), gas.mails("alice@example.org")
    assert "Another gas up works in" in refused(gas)
    wait_for_snapshot(gas)

    kill_everything(gas)
    gas.start()
    assert "Sign out" in alice.page(f"/jobs/{job_id}")  # her session is good: the key is the same
    assert alice.download(job_id, "vcf") == result
    assert gas.mails("alice@example.org") == mails
    inbox = gas.aws("dynamodb").scan(TableName=gas.stack_outputs()["InboxTable"])["Items"]
    assert {item["state"]["S"] for item in inbox if job_id in str(item)} == {"DONE"}
    Person(gas).sign_in("alice@example.org", "correct horse battery")  # or fails
    second = alice.start_example()  # and it goes on
    assert alice.wait_until_final(second) == "COMPLETED"

    gas.stop()
    state = gas.data_dir / "cloud" / "state"
    state.write_bytes(state.read_bytes()[:-1])
    sentence = refused(gas)
    assert f"{state} is damaged" in sentence
    assert "move it away to begin anew" in sentence
