"""Takes chosen lines out of a bgzipped VCF: a process of its own, so that the server stays quick.

Called as ``python -I vcf_worker.py SOURCE TARGET``; see `filtered_vcf`. It imports nothing of GAS, so as to start quickly.
"""

from __future__ import annotations

import ctypes
import gzip
import json
import os
import resource
import signal
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

MOST_FILE_BYTES: Final = 8 * 1024**3
_PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str]) -> None:
    """See the module's docstring."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_FILE_BYTES, MOST_FILE_BYTES))
    os.nice(5)
    vcf, target = arguments
    filtered_vcf(sys.stdin.buffer, Path(vcf), Path(target))


def filtered_vcf(source: BinaryIO, vcf: Path, target: Path) -> None:
    """A ZIP with the chosen lines of ``vcf`` (bgzip) and their index.

    ``source``: ``{"name": of the VCF in the ZIP, "header": [line, …]}``, then the chosen lines' numbers, ascending,
    little-endian, 4 bytes each; the first line after the header is 0.
    """
    import numpy as np
    import pysam

    spec = json.loads(source.readline())
    chosen = np.frombuffer(source.read(), dtype="<i4")
    part = target.with_name("part.vcf.gz")
    with gzip.open(vcf, "rb") as lines, pysam.BGZFile(str(part), "wb", None) as filtered:
        for line in lines:
            if line.startswith(b"#CHROM"):
                filtered.write("".join(f"{text}\n" for text in spec["header"]).encode() + line)
                break
            filtered.write(line)
        for batch in _batches(lines, chosen):
            filtered.write(batch)
    pysam.tabix_index(str(part), preset="vcf", force=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.write(part, spec["name"])
        archive.write(f"{part}.tbi", f"{spec['name']}.tbi")


def _batches(lines: Any, chosen: Any) -> Iterator[bytes]:
    """The chosen lines, some at a time. Raises ValueError when there are fewer lines than were chosen."""
    batch: list[bytes] = []
    size, place = 0, -1
    for number in chosen.tolist():
        for line in lines:
            place += 1
            if place == number:
                batch.append(line)
                size += len(line)
                break
        else:
            raise ValueError(f"the file has no line {number}")
        if size > 1 << 20:
            yield b"".join(batch)
            batch, size = [], 0
    yield b"".join(batch)


if __name__ == "__main__":
    main(sys.argv[1:])
