"""An eye on one kernel: its memory, and an end to it where it takes too much or the run is over."""

import threading
from typing import Any

from csatlib.publish import machine

PAUSE = 0.1  # seconds between two looks


class Watch:
    """Looks after a kernel from a thread of its own, as a context manager.

    Parameters
    ----------
    limit : int, optional
        MB of resident memory beyond which the kernel is killed; on Linux.
    stop : threading.Event, optional
        The kernel is killed once it is set.

    Attributes
    ----------
    peak_mb : float or None
        Largest resident size seen, pages shared with the warmed process included.
    over : bool
        It was killed for its memory.
    """

    def __init__(self, limit: int | None = None, stop: threading.Event | None = None) -> None:
        self.limit, self.stop = limit, stop or threading.Event()
        self.peak_mb: float | None = None
        self.over = False
        self._process: Any = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def started(self, process: Any) -> None:
        """Take the kernel's process, with ``pid`` and ``kill``."""
        self._process = process

    def look(self) -> None:
        """Look once: note the memory, end the kernel where it must end."""
        process = self._process
        if process is None:
            return
        peak, now = machine.peak_mb(process.pid), machine.resident_mb(process.pid)
        self.peak_mb = max((mb for mb in (self.peak_mb, peak) if mb is not None), default=None)
        if self.limit is not None and now is not None and now > self.limit:
            self.over = True
        if self.over or self.stop.is_set():
            process.kill()

    def _look(self) -> None:
        while not self._ended.wait(PAUSE):
            self.look()
