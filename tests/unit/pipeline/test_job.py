"""The child process: whatever happens in it costs one job, and nothing of it remains."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from annotator_hook.pipeline.job import InputRejected, Limits, PackProblem, Progress, Result, Spec, Stopped, run
from shared.core.errors import Permanent, Retryable
from tests.unit.pipeline.vcf import LIMITS, RCRS, a_spec, vcf
from tests.whole import wait_for

SMALL = vcf("MT 3243 . A G")
LARGE = vcf(*["MT 3243 . A G"] * 15_000)
"""Keeps the child busy for a while."""


_others: list[psutil.Process] = []


@pytest.fixture(autouse=True, scope="module")
def others() -> None:
    """Other tests' processes, such as the resource tracker of multiprocessing."""
    _others[:] = psutil.Process().children(recursive=True)


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child not in _others]


def go(
    spec: Spec,
    on_progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    try:
        return run(spec, on_progress=on_progress, should_stop=should_stop)
    finally:
        assert children() == []
        assert not (spec.output_dir / "work").exists()


def refusal(spec: Spec) -> InputRejected:
    with pytest.raises(InputRejected) as caught:
        go(spec)
    return caught.value


def kill(number: int) -> Callable[[Progress], None]:
    """Sends the signal to the child as soon as it tells of its progress."""

    def send(_: Progress) -> None:
        for child in children():
            child.send_signal(number)

    return send


def test_a_job_gives_its_files_and_tells_its_stages(tmp_path: Path) -> None:
    steps: list[Progress] = []
    result = go(a_spec(tmp_path, SMALL), on_progress=steps.append)
    assert {kind: path.name for kind, path in result.files.items()} == {
        "vcf": "annotated.vcf.gz",
        "tbi": "annotated.vcf.gz.tbi",
        "tsv": "annotated.tsv.gz",
        "variants": "variants.parquet",
        "consequences": "consequences.parquet",
        "genes": "genes.bed",
        "log": "log.txt",
    }
    assert {path.name for path in (tmp_path / "output").iterdir()} == {path.name for path in result.files.values()}
    assert list(dict.fromkeys(step.stage for step in steps)) == ["checking", "normalising", "annotating", "writing"]
    assert 10e6 < result.peak_memory_bytes < 300e6


def test_progress_counts_records_and_says_of_how_many(tmp_path: Path) -> None:
    steps: list[Progress] = []
    go(a_spec(tmp_path, LARGE), on_progress=steps.append)
    counted = [step for step in steps if step.stage == "annotating" and step.done]
    assert counted
    assert {step.total for step in counted} == {15_000}


def test_a_refusal_is_in_the_log_with_its_line(tmp_path: Path) -> None:
    error = refusal(a_spec(tmp_path, SMALL + "MT\t5\n"))
    assert (error.code, error.line) == ("columns", 5)
    log = (tmp_path / "output" / "log.txt").read_text()
    assert error.message in log
    assert error.hint in log
    assert "my.vcf" in log


def test_a_damaged_pack_is_our_fault_and_is_named(tmp_path: Path) -> None:
    copy = shutil.copytree(RCRS, tmp_path / "rcrs")
    (copy / "sequence.fa").unlink()
    with pytest.raises(PackProblem, match=r"rcrs is damaged.*gas packs verify rcrs"):
        go(replace(a_spec(tmp_path, SMALL), pack_dir=copy))


def test_a_pack_that_is_not_installed_is_our_fault_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackProblem, match="grch38 is not installed"):
        go(replace(a_spec(tmp_path, SMALL), pack_dir=tmp_path / "grch38"))


def test_a_job_that_should_stop_is_stopped_though_its_process_hangs(tmp_path: Path) -> None:
    begun: list[Progress] = []

    def hang(step: Progress) -> None:
        kill(signal.SIGSTOP)(step)
        begun.append(step)

    with pytest.raises(Stopped):
        go(a_spec(tmp_path, LARGE), on_progress=hang, should_stop=lambda: bool(begun))


def test_an_error_in_the_caller_leaves_no_process(tmp_path: Path) -> None:
    def fail(_: Progress) -> None:
        raise ValueError("not ours")

    with pytest.raises(ValueError, match="not ours"):
        go(a_spec(tmp_path, LARGE), on_progress=fail)


def test_a_job_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    error = refusal(a_spec(tmp_path, LARGE, limits=replace(LIMITS, seconds=0.01)))
    assert error.code == "time"
    assert error.hint


def test_a_job_that_burns_its_processor_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRejected) as caught:
        go(a_spec(tmp_path, LARGE), on_progress=kill(signal.SIGXCPU))
    assert caught.value.code == "time"


def test_a_job_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    content = vcf("MT 3243 . A G . . X=" + "y" * (7 << 20))
    error = refusal(a_spec(tmp_path, content, limits=replace(LIMITS, memory_bytes=16 << 20)))
    assert error.code == "memory"


@pytest.mark.parametrize(
    ("record", "output_bytes"),
    [("MT 3243 . A G", 8_000), ("MT 3312 . CA C", 50_000)],  # reached by the first pass; by csq
)
def test_a_result_that_grows_too_large_is_refused(tmp_path: Path, record: str, output_bytes: int) -> None:
    content = vcf(*[record] * 300)
    assert refusal(a_spec(tmp_path, content, limits=replace(LIMITS, output_bytes=output_bytes))).code == (
        "output-too-large"
    )


def test_an_input_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    content = gzip.compress(LARGE.encode())
    error = refusal(a_spec(tmp_path, content, limits=replace(LIMITS, output_bytes=len(LARGE) - 1)))
    assert error.code == "too-large"


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_our_fault_and_says_how_it_happened(tmp_path: Path, number: signal.Signals) -> None:
    with pytest.raises(Permanent, match=number.name):
        go(a_spec(tmp_path, LARGE), on_progress=kill(number))


def test_a_child_that_is_killed_from_outside_is_worth_another_attempt(tmp_path: Path) -> None:
    with pytest.raises(Retryable):
        go(a_spec(tmp_path, LARGE), on_progress=kill(signal.SIGKILL))


@pytest.mark.parametrize(("number", "error"), [(signal.SIGTERM, Permanent), (signal.SIGKILL, Retryable)])
def test_the_end_of_a_process_that_does_a_part_is_the_end_of_the_job(
    tmp_path: Path, number: signal.Signals, error: type[Exception]
) -> None:
    over = threading.Event()

    def kill_a_part() -> None:
        while not over.is_set():
            for child in children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    for part in child.children()[:1]:
                        part.send_signal(number)

    spec = replace(a_spec(tmp_path, vcf(*["MT 3243 . A G . . X=" + "y" * 200] * 60_000)), workers=2)
    killer = threading.Thread(target=kill_a_part)
    killer.start()
    try:
        with pytest.raises(error, match=number.name if error is Permanent else "killed"):
            go(spec)
    finally:
        over.set()
        killer.join()


def test_an_unexpected_error_carries_the_end_of_its_traceback_for_operators(tmp_path: Path) -> None:
    spec = a_spec(tmp_path, SMALL)
    with pytest.raises(Permanent, match=r"(?s)exit code 1.*FileNotFoundError"):
        go(replace(spec, input=tmp_path / "vanished"))


def test_the_child_gets_none_of_the_servers_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_SECRET_KEY", "hush")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    seen: list[dict[str, str]] = []
    go(a_spec(tmp_path, LARGE), on_progress=lambda _: seen.extend(child.environ() for child in children()))
    assert seen
    assert not any("hush" in environment.values() for environment in seen)


def test_the_child_dies_with_the_server(tmp_path: Path) -> None:
    a_spec(tmp_path, vcf(*["MT 3243 . A G"] * 150_000))
    script = f"""
from pathlib import Path
from annotator_hook.pipeline.job import Limits, Spec, run
folder = Path({str(tmp_path)!r})
spec = Spec(folder / "input", folder / "output", Path({str(RCRS)!r}), "x", Limits({LIMITS.memory_bytes}, 60.0, 1 << 30))
run(spec, on_progress=lambda step: print(step.stage, flush=True), should_stop=lambda: False)
"""
    server = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with server:
        assert server.stdout is not None
        assert server.stdout.readline() == "checking\n"
        (child,) = psutil.Process(server.pid).children(recursive=True)
        child.suspend()  # it cannot find out by itself
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
    try:
        wait_for("the end of the child", lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def test_limits_that_are_met_exactly_do_not_matter(tmp_path: Path) -> None:
    result = go(a_spec(tmp_path, SMALL, limits=Limits(memory_bytes=256 << 20, seconds=30.0, output_bytes=1 << 20)))
    assert result.ledger.annotated == 1
