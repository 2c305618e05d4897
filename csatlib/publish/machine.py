"""What the machine gives: how many notebooks at a time, how much memory a kernel takes."""

import os
import re
from pathlib import Path

MOST = 4  # beyond, two runs on one machine would stand in each other's way
KERNEL_MB = 1000  # room that a notebook of a large company wants


def jobs() -> int:
    """Notebooks that run well at a time: one per usable core and gigabyte of free memory, at most four.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> 1 <= jobs() <= 4
    True
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = _kilobytes(Path("/proc/meminfo"), "MemAvailable")
    room = cores if free is None else int(free / 1024 / KERNEL_MB)
    return max(1, min(cores, room, MOST))


def resident_mb(pid: int) -> float | None:
    """Resident size of a process now, in MB of 1,048,576 bytes; None where it cannot be read.

    Examples
    --------
    >>> resident_mb(-1) is None
    True
    """
    return _megabytes(pid, "VmRSS")


def peak_mb(pid: int) -> float | None:
    """Largest resident size a process has had, in MB; None where it cannot be read (gone, or no Linux)."""
    return _megabytes(pid, "VmHWM")


def _megabytes(pid: int, name: str) -> float | None:
    found = _kilobytes(Path(f"/proc/{pid}/status"), name)
    return None if found is None else found / 1024


def _kilobytes(path: Path, name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
