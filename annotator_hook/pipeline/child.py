"""The process that does one job's work: ``python -m annotator_hook.pipeline.child FD``.

It reads what to do from its standard input, as JSON, and writes JSON lines to file descriptor FD: ``progress``, then
one of ``done``, ``refused`` (the input is at fault), ``pack`` (the reference pack is), ``broken`` (GAS is) and ``busy``
(the machine is). When it ends without a last word, it crashed.
"""

from __future__ import annotations

import errno
import gc
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from annotator_hook.pipeline.outcome import Died, InputRejected, Limits, PackProblem, Progress, Result, Spec
from annotator_hook.pipeline.resources import address_space
from annotator_hook.pipeline.workers import die_with
from shared.core.errors import Permanent

Annotate = Callable[[Spec, Path, str, Callable[[Progress], None]], Result]
PROGRESS_SECONDS = 0.2
"""At most one report of progress within this time, but for a new stage."""


class _Channel:
    """To the process that started this one."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stage = ""
        self._told_at = 0.0

    def tell(self, kind: str, content: Any) -> None:
        data = json.dumps({kind: content}).encode() + b"\n"
        while data:
            data = data[os.write(self._descriptor, data) :]

    def progress(self, step: Progress) -> None:
        now = time.monotonic()
        if step.stage == self._stage and now - self._told_at < PROGRESS_SECONDS:
            return
        self._stage, self._told_at = step.stage, now
        self.tell("progress", [step.stage, step.done, step.total])


def limit(limits: Limits) -> None:
    """From now on this process and its forks stay within the limits, or fail.

    What the program itself takes of address space before it has seen the input does not count.
    """
    seconds = math.ceil(limits.seconds) + 1  # wall time is watched from outside and comes first
    for what, most in (
        (resource.RLIMIT_AS, address_space() + limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.output_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _work(annotate: Annotate, order: dict[str, Any], channel: _Channel) -> None:
    spec = Spec(
        input=Path(order["input"]),
        output_dir=Path(order["output_dir"]),
        pack_dir=Path(order["pack_dir"]),
        display_name=order["display_name"],
        limits=Limits(**order["limits"]),
        workers=order["workers"],
        distance=order["distance"],
    )
    result = annotate(spec, Path(order["work_dir"]), order["gas_version"], channel.progress)
    ledger = result.ledger
    channel.tell(
        "done",
        {
            "ledger": [ledger.records_in, ledger.annotated, dict(ledger.skipped)],
            "summary": result.summary,
            "files": {kind: str(path) for kind, path in result.files.items()},
            "warnings": result.warnings,
            "peak_memory_bytes": result.peak_memory_bytes,
        },
    )


def _end_likewise(exit_code: int) -> None:
    if exit_code < 0:
        os.kill(os.getpid(), -exit_code)
    sys.exit(max(exit_code, 1))


def main() -> None:
    channel = _Channel(int(sys.argv[1]))
    order = json.load(sys.stdin)
    die_with(order["parent"])
    import pyarrow as pa

    from annotator_hook.pipeline.work import annotate

    gc.disable()  # nothing here makes cycles; looking for them takes a thirtieth of the time
    limit(Limits(**order["limits"]))
    try:
        _work(annotate, order, channel)
    except Died as death:  # as if it had been this process
        _end_likewise(death.exit_code)
    except InputRejected as refusal:
        channel.tell("refused", [refusal.code, refusal.message, refusal.hint, refusal.line])
    except PackProblem as error:
        channel.tell("pack", str(error))
    except Permanent as error:
        channel.tell("broken", str(error))
    except MemoryError:
        channel.tell("refused", _TOO_MUCH_MEMORY)
    except OSError as error:
        if error.errno == errno.EFBIG:
            channel.tell("refused", _TOO_MUCH_OUTPUT)
        elif error.errno == errno.ENOMEM:
            channel.tell("refused", _TOO_MUCH_MEMORY)
        elif error.errno in (errno.ENOSPC, errno.EDQUOT):
            channel.tell("busy", f"There is no space left for the job's files: {error}.")
        else:
            raise
    except pa.ArrowException as error:
        if "launch worker thread" not in str(error):  # there was no room for its stack
            raise
        channel.tell("refused", _TOO_MUCH_MEMORY)


_TOO_MUCH_MEMORY = [
    "memory",
    "Annotating the file needs more memory than a job may use.",
    "Split it, for instance by chromosome or by samples, and upload the parts.",
    None,
]
_TOO_MUCH_OUTPUT = [
    "output-too-large",
    "The result would be larger than a job may write.",
    "Split the file, for instance by chromosome or by samples, and upload the parts.",
    None,
]

if __name__ == "__main__":
    main()
