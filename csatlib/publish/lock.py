"""One run at a time in an output folder; what a killed run left is tidied up."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

FILE = ".lock"
PART = ".work-"  # what is not finished has a name that begins so


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Hold the output folder; the operating system lets it go when this process ends, however that happens.

    Parameters
    ----------
    out : Path
        Output folder, made where it is missing.

    Raises
    ------
    BlockingIOError
        Another run holds it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with open(out / FILE, "a+", encoding="utf-8") as file:
        try:
            _lock(file.fileno())
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise BlockingIOError(
                f"another csat run (process {holder}) is writing into {out}: wait for its end, or give "
                "another folder with --out"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        sweep(out)
        yield


def sweep(out: Path) -> None:
    """Remove what was not finished; only for who holds the folder."""
    for part in list(out.rglob(f"{PART}*")):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:
        import msvcrt

        os.lseek(handle, 1 << 30, os.SEEK_SET)  # far from the text, which others may then read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
