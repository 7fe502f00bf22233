"""All that can go wrong goes wrong at once, while people bring files: nothing is lost, doubled, or other than usual."""

from __future__ import annotations

import json

import pytest

from tests.chaos.aftermath import FINAL, Aftermath
from tests.chaos.cases import Result
from tests.chaos.faults import ERRORS, PUSH, Fault
from tests.chaos.scale import LONG, SCALE

pytestmark = pytest.mark.timeout(SCALE.seconds)


def test_it_was_a_storm(aftermath: Aftermath) -> None:
    met = aftermath.storm.met
    assert aftermath.storm.errors >= 0.25, aftermath.storm.report()
    assert aftermath.killer.servers_killed >= SCALE.kills
    assert {"dynamodb", "s3", "sns", PUSH} <= {service for service, _ in met}
    if SCALE is LONG:
        kinds = {fault for _, fault in met}
        assert kinds == set(Fault)
        assert {service for service, _ in met} == set(ERRORS)
        assert aftermath.killer.starved > 0
        assert aftermath.killer.killed["annotation"] > 0


def test_every_job_is_in_the_end_final_or_lies_in_a_dead_letter(aftermath: Aftermath) -> None:
    waiting = {job["job_id"] for job in aftermath.jobs_before if job["state"] not in FINAL}
    assert waiting <= aftermath.told(aftermath.letters)


def test_dead_letters_are_the_failures_that_were_reported(aftermath: Aftermath) -> None:
    """Each is a push that the layer turned away for good, or what the inbox gave up; a job given up has failed."""
    ids = {letter["MessageId"] for letter in aftermath.letters}
    assert ids == aftermath.storm.turned_away | {entry["message_id"] for entry in aftermath.dead_before}
    given_up = {
        json.loads(json.loads(entry["envelope"])["Message"])["job_id"]
        for entry in aftermath.dead_before
        if entry["route"] == "job-requests"
    }
    failed = {job["job_id"] for job in aftermath.jobs_before if (job.get("error") or {}).get("code") == "internal"}
    assert failed == given_up


def test_after_one_replay_nothing_is_left(aftermath: Aftermath) -> None:
    assert aftermath.count_letters() == 0, aftermath.replayed
    assert [entry["entry_id"] for entry in aftermath.dead] == []
    assert aftermath.unfinished == []
    assert {job["state"] for job in aftermath.jobs} <= FINAL


def test_each_result_is_that_of_an_undisturbed_run(aftermath: Aftermath) -> None:
    """Only who got no memory has none; never has anybody a result that is incomplete or different."""
    spoilt = 0
    for job in aftermath.jobs:
        if (job.get("error") or {}).get("code") == "memory":
            spoilt += 1
            continue
        result = Result(aftermath.gas, aftermath.outputs["ResultsBucket"], job).comparable()
        usual = aftermath.usual[job["name"]]
        assert {name for name in usual if result.get(name) != usual[name]} == set(), job["job_id"]
    assert spoilt <= aftermath.killer.starved


def test_each_owner_is_written_to_once_about_each_job(aftermath: Aftermath) -> None:
    """And perhaps once before, that it failed: what was given up is run again when its message is replayed."""
    mails = aftermath.mails()
    latest = {(job["job_id"], int(job["run"])) for job in aftermath.jobs}
    assert {key: mails[key] for key in latest if mails[key] != 1} == {}
    assert {key: count for key, count in mails.items() if count > 1} == {}


def test_no_server_met_an_error_that_nobody_foresaw(aftermath: Aftermath) -> None:
    assert [line for line in aftermath.log_lines() if '"exception": ' in line or line.startswith("Traceback")] == []


def test_nothing_of_dead_attempts_stays_in_the_folder_of_running_jobs(aftermath: Aftermath) -> None:
    assert list(aftermath.work_dir.iterdir()) == []


def test_the_disk_was_full_meanwhile(aftermath: Aftermath) -> None:
    if aftermath.full_disk is None:
        pytest.skip("this machine gives nobody a disk of their own: unshare(1) with --user --mount is forbidden")
    assert aftermath.full_disk.times >= 1
