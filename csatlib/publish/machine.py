"""What the machine gives: how many notebooks at a time, how much memory a kernel takes."""

import os
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

Item, Made = TypeVar("Item"), TypeVar("Made")

MOST = 4  # beyond, two runs on one machine would stand in each other's way
LOOK = 0.2  # seconds
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


def side_by_side(
    make: Callable[[Item], Made], items: Iterable[Item], *, workers: int, stop: threading.Event
) -> list[Made]:
    """Do something for each item in threads: the main one stays free for Ctrl-C, which nbclient would take.

    Parameters
    ----------
    make : callable
        Takes an item.
    items : iterable
        What is to be done, begun in this order.
    workers : int
        Threads.
    stop : threading.Event
        Set when the run ends early; what is not begun is not begun any more.

    Returns
    -------
    list
        What was made, in the order of the items.

    Examples
    --------
    >>> side_by_side(abs, [-2, 1], workers=2, stop=threading.Event())
    [2, 1]
    """

    def one(item: Item) -> Made:
        from jupyter_core.utils import ensure_event_loop

        try:
            return make(item)
        finally:
            ensure_event_loop().close()  # of this thread; nobody else does it

    with ThreadPoolExecutor(workers) as pool:
        try:
            return [made(begun) for begun in [pool.submit(one, item) for item in items]]
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def made(begun: Future) -> Any:
    """Wait for what a thread makes, and look up now and then: Ctrl-C need not wake the thread that waits.

    Parameters
    ----------
    begun : Future
        From a ThreadPoolExecutor.

    Returns
    -------
    object
        What was made.

    Examples
    --------
    >>> with ThreadPoolExecutor(1) as pool:
    ...     made(pool.submit(abs, -1))
    1
    """
    while wait([begun], timeout=LOOK).not_done:
        pass
    return begun.result()


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
