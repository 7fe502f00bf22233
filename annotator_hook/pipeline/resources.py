"""What the job's processes use."""

from __future__ import annotations

import os
from pathlib import Path


def peak_memory() -> int:
    """Bytes that this process had resident at most.

    Not `ru_maxrss`: it counts what the parent had resident when it started the process.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def address_space() -> int:
    """Bytes of address space that this process has taken: libraries and their data, mostly."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
