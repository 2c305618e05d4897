"""Jobs on the workers of a Dask cluster: what a killed worker was doing another does, what a run left behind ends.

Runner and workers share the file system, its paths and the versions. A worker does one job at a time, since
snapshot and language are those of its process. While a run lasts, a file of its own lies in the output folder:
once it is gone, so are the run's kernels, and what they were making is not published.
"""

import asyncio
import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from csatlib.publish import job, languages, lock, manifest, plan, warm

PATIENCE = 10.0  # seconds for the scheduler to answer and a first worker to be there
PAUSE = 0.5  # seconds between two looks whether the run is over
ALONE = 60.0  # seconds without any worker after which a job has failed
MOST_TOLD = 5
MADE_OF = plan.sources_digest()  # read when this process imports it: a worker started long ago has old sources

_over: dict[Path, threading.Event] = {}


@dataclass(frozen=True)
class Cluster:
    """A cluster at hand: what tells whether its workers fit, and what lets one of them do a job."""

    check: Callable[[Path], int]
    do: Callable[[job.Batch, plan.Job], tuple[dict, dict | None]]


@contextlib.contextmanager
def reached(address: str, out: Path, cold: bool = False) -> Iterator[Cluster]:
    """Connect to a cluster for the length of a run; its kernels end with the context.

    Parameters
    ----------
    address : str
        Of the scheduler, ``dask://host:port``; encrypted where Dask's own settings require it.
    out : Path
        Output folder, which this process holds.
    cold : bool
        Workers start every kernel anew instead of forking it.

    Yields
    ------
    Cluster
        ``check(snapshot)`` returns the number of workers, or raises ValueError where they do not fit; ``do(batch,
        job)`` is :func:`csatlib.publish.job.tried` on one of them.

    Raises
    ------
    ValueError, ImportError, ConnectionError
        The address is none, Dask is not installed, nobody answers or there is no worker.

    Examples
    --------
    >>> with reached("spark://host:7077", Path("reports")):
    ...     pass
    Traceback (most recent call last):
    ValueError: --backend is dask://host:port, got 'spark://host:7077'
    """
    scheme, _, place = address.partition("://")
    if scheme != "dask" or not place:
        raise ValueError(f"--backend is dask://host:port, got {address!r}")
    mark = out / f"{lock.PART}run-{uuid.uuid4().hex}"
    with _connected(place) as client:
        mark.touch()
        try:
            yield Cluster(
                lambda snapshot: _checked(client, [mark, snapshot]),
                lambda batch, task: _done_by_one(client, batch, task, mark, cold),
            )
        finally:
            mark.unlink(missing_ok=True)
            lock.sweep(out)  # what killed workers left


@contextlib.contextmanager
def _connected(place: str) -> Iterator[Any]:
    try:
        import dask
        import distributed
    except ImportError:
        raise ImportError("--backend dask://... needs Dask; run: pip install 'csatlib[dask]'") from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # each job tells what became of it
    scheme = "tls" if dask.config.get("distributed.comm.require-encryption", None) else "tcp"
    try:
        client = distributed.Client(f"{scheme}://{place}", timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError):
        raise ConnectionError(
            f"no scheduler answers at dask://{place}; start one with: dask scheduler --port ..."
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise ConnectionError(
                f"the cluster at dask://{place} has no worker; start some with: dask worker tcp://{place} "
                "--nthreads 1 --nworkers 2"
            ) from None
        yield client


def _checked(client: Any, paths: Sequence[Path]) -> int:
    """Return the number of workers; all must fit."""
    told = client.run(_unfit, paths, MADE_OF, manifest.versions(), on_error="return")
    wrong = [f"{worker} {text}" for worker, text in told.items() if text is not None]
    if wrong:
        more = [f"and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
        raise ValueError("workers that do not fit:\n- " + "\n- ".join(wrong[:MOST_TOLD] + more))
    return len(told)


def _unfit(paths: Sequence[Path], made_of: str, versions: dict, dask_worker: Any = None) -> str | None:
    """Say, on a worker, why it cannot do the run's jobs."""
    import distributed

    hidden = [str(path) for path in paths if not path.exists()]
    if hidden:
        return (
            f"does not see {' and '.join(hidden)}: project, output folder and snapshots (CSAT_CACHE) must lie "
            "where runner and workers see them under one path"
        )
    if (made_of, versions) != (MADE_OF, manifest.versions()):
        return "has other versions of Python, csatlib or pandas than the runner: restart it with the same"
    if (dask_worker or distributed.get_worker()).state.nthreads != 1:
        return "would do several jobs at a time in one process: start it with --nthreads 1, and more of them"
    return None


def _done_by_one(
    client: Any, batch: job.Batch, task: plan.Job, mark: Path, cold: bool
) -> tuple[dict, dict | None]:
    """Let a worker do a job and wait; Dask gives it to another one when the worker dies."""
    sent = replace(batch, stop=None, elsewhere=None)
    given = (sent, task, mark, cold, MADE_OF, batch.versions)
    future, answered = client.submit(_done_here, *given, key=f"csat-{uuid.uuid4().hex}"), threading.Event()
    future.add_done_callback(lambda _: answered.set())
    seen, lost = time.monotonic(), None
    while not answered.wait(PAUSE):
        if batch.stop.is_set():
            future.cancel()
            return {}, {"error": "the run was ended"}
        seen = time.monotonic() if client.scheduler_info()["workers"] else seen
        if time.monotonic() - seen > ALONE:
            future.cancel()
            lost = "the cluster has no worker any more"
            break
    if lost is None:
        try:
            return future.result()
        except (
            Exception,
            asyncio.CancelledError,
        ) as error:  # its workers died, or the scheduler
            lost = f"lost by the cluster: {_reason(error)}"
    return job.tried(batch, task, lambda *_: {"error": lost})


def _reason(error: BaseException) -> str:
    if type(error).__name__ == "KilledWorker":
        return f"{error.allowed_failures + 1} workers had it, and each of them died"
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _done_here(batch: job.Batch, task: plan.Job, mark: Path, cold: bool, made_of: str, versions: dict):
    """Do a job, on a worker."""
    from jupyter_core.utils import ensure_event_loop

    wrong = _unfit([mark, batch.snapshot], made_of, versions)
    if wrong:
        raise RuntimeError(f"the worker {wrong}")
    try:
        with job.pinned(batch.snapshot), languages.speaking(batch.settings.language):
            return job.tried(replace(batch, stop=_watched(mark, cold)), task)
    finally:
        ensure_event_loop().close()  # of this thread; nobody else does it


def _watched(mark: Path, cold: bool) -> threading.Event:
    """Return what is set once a run is over; its first job on a worker starts the thread that looks."""
    if mark not in _over:
        _over[mark], begun = threading.Event(), threading.Event()
        threading.Thread(target=_look, args=(mark, cold, _over[mark], begun), daemon=True).start()
        begun.wait()
    return _over[mark]


def _look(mark: Path, cold: bool, over: threading.Event, begun: threading.Event) -> None:
    """Keep a warmed process while the run lasts: its kernels die with it."""
    try:
        with warm.ready(cold):
            begun.set()
            while _there(mark):
                time.sleep(PAUSE)
            over.set()
    finally:
        begun.set()
        del _over[mark]


def _there(mark: Path) -> bool:
    try:
        return mark.exists()
    except OSError:  # the shared file system hesitates
        return True
