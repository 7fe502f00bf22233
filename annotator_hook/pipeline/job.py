"""The entrance to the pipeline: runs one job in a child process and sees to it that nothing of it remains.

A crash in htslib, a file made to exhaust memory, a loop without end: each costs this one job. What the input brings
about is `InputRejected`; what is the fault of GAS is `Permanent`, for operators.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from annotator_hook.pipeline.outcome import InputRejected, Ledger, Limits, PackProblem, Progress, Result, Spec, Stopped
from annotator_hook.pipeline.report import append_refusal
from shared.core.errors import Permanent, Retryable
from shared.core.version import VERSION

__all__ = ["InputRejected", "Ledger", "Limits", "PackProblem", "Progress", "Result", "Spec", "Stopped", "run"]

POLL_SECONDS: Final = 0.2
"""How often the caller is asked whether to go on."""
_CODE: Final = Path(__file__).parents[2]
_ENVIRONMENT: Final = {
    "LC_ALL": "C.UTF-8",
    "PYTHONPATH": str(_CODE),
    "OPENBLAS_NUM_THREADS": "1",  # threads would only take address space
    "OMP_NUM_THREADS": "1",
    # Memory that was freed is used again rather than given back and faulted in anew: a tenth of all processor time.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "16777216",
}
_LAST_WORDS: Final = 2000
"""Bytes of the child's standard error that are quoted."""


def run(spec: Spec, *, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool]) -> Result:
    """Annotates ``spec.input``; results and ``log.txt`` are in ``spec.output_dir``.

    ``should_stop`` is asked a few times a second. When this function returns or raises, no process of the job is
    left, nor any file but those of the result and the log.

    Raises `InputRejected` (with words for the file's owner, the log says them too), `Stopped`, `Permanent` when the
    pack is damaged or the engine crashed, `Retryable` when the machine could not carry on.
    """
    work_dir = spec.output_dir / "work"
    work_dir.mkdir()
    try:
        with tempfile.TemporaryFile() as errors, _Child(spec, work_dir, errors) as child:
            return child.follow(on_progress, should_stop)
    except InputRejected as refusal:
        append_refusal(spec.output_dir / "log.txt", refusal)
        raise
    finally:
        shutil.rmtree(work_dir, ignore_errors=True)


class _Child:
    """The child process, ended with all that it forked when the block is left."""

    def __init__(self, spec: Spec, work_dir: Path, errors: IO[bytes]) -> None:
        self._errors = errors
        self._deadline = time.monotonic() + spec.limits.seconds
        self._seconds = spec.limits.seconds
        self._answers, answers = os.pipe()
        try:
            # The environment is made anew: who reads untrusted files needs no secrets.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "annotator_hook.pipeline.child", str(answers)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=work_dir,
                env=_ENVIRONMENT | {"PATH": os.environ.get("PATH", os.defpath)},
                pass_fds=(answers,),
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._answers)
            raise Retryable(f"The job's process could not be started: {error}.") from error
        finally:
            os.close(answers)
        self._order(spec, work_dir)

    def _order(self, spec: Spec, work_dir: Path) -> None:
        order = {
            "input": str(spec.input.resolve()),
            "output_dir": str(spec.output_dir.resolve()),
            "pack_dir": str(spec.pack_dir.resolve()),
            "display_name": spec.display_name,
            "limits": vars(spec.limits),
            "workers": spec.workers,
            "distance": spec.distance,
            "work_dir": str(work_dir.resolve()),
            "gas_version": VERSION,
            "parent": os.getpid(),
        }
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(json.dumps(order).encode())

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._answers)

    def follow(self, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool]) -> Result:
        """Until the child's last word, or the end of its time."""
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        text = b""
        while True:
            if should_stop():
                raise Stopped
            if time.monotonic() > self._deadline:
                raise self._out_of_time()
            if not poll.poll(POLL_SECONDS * 1000):
                continue
            data = os.read(self._answers, 1 << 16)
            if not data:
                raise self._crashed()
            *lines, text = (text + data).split(b"\n")
            for line in lines:
                ((kind, content),) = json.loads(line).items()
                if kind == "progress":
                    on_progress(Progress(*content))
                else:
                    return self._last_word(kind, content)

    def _last_word(self, kind: str, content: Any) -> Result:
        if kind == "refused":
            raise InputRejected(*content)
        if kind == "busy":
            raise Retryable(content)
        if kind == "pack":
            raise PackProblem(content)
        if kind == "broken":
            raise Permanent(content)
        return Result(
            ledger=Ledger(*content["ledger"]),
            summary=content["summary"],
            files={name: Path(path) for name, path in content["files"].items()},
            warnings=content["warnings"],
            peak_memory_bytes=content["peak_memory_bytes"],
        )

    def _out_of_time(self) -> InputRejected:
        return InputRejected(
            "time",
            f"Annotating the file takes longer than the {self._seconds:,.0f} seconds that a job may take.",
            "Split it, for instance by chromosome or by samples, and upload the parts.",
        )

    def _crashed(self) -> InputRejected | Permanent | Retryable:
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            return self._out_of_time()
        if code == -signal.SIGKILL:
            return Retryable(
                "The job's process was killed from outside, perhaps because the machine ran out of memory."
            )
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _LAST_WORDS))
        words = self._errors.read().decode("utf-8", "replace").strip()
        return Permanent(f"The annotation engine crashed ({how}): {words}")
