"""The export that is a file first: a bgzipped VCF with its index."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from frontend.access import services, settings
from frontend.exports.selection import Selection
from shared.core.errors import NotFound, Unavailable

log = structlog.get_logger()

WORKER: Final = Path(__file__).with_name("vcf_worker.py")
MOST_SECONDS: Final = 300.0
"""How long the making of one file may take."""
ABANDONED_SECONDS: Final = 3600.0
"""What a process that died was making is cleared away when it is older than this."""


@contextmanager
def folder() -> Iterator[Path]:
    """A private folder for one export, gone afterwards."""
    root = settings().results_cache_dir / "exports"
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in root.iterdir():
        with suppress(FileNotFoundError):
            if time.time() - old.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as path:
        yield Path(path)


def write(selection: Selection, about: Mapping[str, str], target: Path, name: str) -> None:
    """A ZIP with the VCF, called ``name``, and its index. Raises `NotFound` when the job's VCF is gone, `Unavailable`
    when it could not be made."""
    stored = selection.job.results.get("vcf")
    if stored is None:
        raise NotFound("This job has no annotated VCF.")
    whole = target.with_name("whole.vcf.gz")
    services().results.download(stored.key, whole)
    header = [f"##GAS_export_{label.lower().replace(' ', '_')}={text}" for label, text in about.items()]
    spec = json.dumps({"name": name, "header": header}).encode() + b"\n"
    _run_worker([str(whole), str(target)], spec + selection.ids.tobytes())


def _run_worker(arguments: list[str], data: bytes) -> None:
    """Its failure is ours, or the disk's: what it is given was made here."""
    command = [sys.executable, "-I", str(WORKER), *arguments]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=MOST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        log.error("export took too long", seconds=MOST_SECONDS)  # noqa: TRY400 - the traceback says nothing
        raise Unavailable("The export took too long.") from None
    if done.returncode != 0:
        log.error("export failed", code=done.returncode, said=done.stderr.decode(errors="replace")[-2000:])
        raise Unavailable("The export could not be made just now.")
