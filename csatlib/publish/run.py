"""Execute the plan: each job in a temporary folder, published by rename, none stopping the others."""

import importlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from csatlib.publish import alerts, languages, lock, machine, manifest, plan, release, site, stages, warm
from csatlib.publish.job import Batch, Outcome, do, pinned, unchanged
from csatlib.publish.progress import expected_seconds
from csatlib.tables import config as settings_file
from csatlib.tables import period as periods_of
from csatlib.tables import workspace

SOON = 0.3  # seconds: a snapshot that is there already takes less, so there may be nothing to do
TOOLS = ("csatlib.publish.execution", "csatlib.publish.workbook", "nbconvert")  # of a job; long to import


@dataclass(frozen=True)
class Result:
    """Outcomes of a run, in the order of the plan, the page to open, and :func:`csatlib.publish.alerts.build`."""

    outcomes: tuple[Outcome, ...]
    index: Path
    alerts: tuple[dict, ...] = ()

    @property
    def failed(self) -> list[Outcome]:
        """Jobs that failed."""
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]


def run(
    config: str | Path = "csat.toml",
    *,
    period: str | None = None,
    last: int | None = None,
    each: str | None = None,
    only: str | None = None,
    jobs: int | None = None,
    set: dict | None = None,
    force: bool = False,
    out: str | Path | None = None,
    language: str | None = None,
    timeout: int = 600,
    memory: int | None = None,
    cold: bool = False,
    backend: str | None = None,
    progress: Callable[[Outcome | None, int, int, float | None], None] | None = None,
) -> Result:
    """Run the notebooks of a project and publish their pages and the index.

    Parameters
    ----------
    config : str or Path
        The settings file, looked for in the current folder and its parents.
    period : str, optional
        Month, quarter or year; default: the last month with responses.
    last : int, optional
        That many months up to the last one with responses; not together with `period`.
    each : str, optional
        A column: pages for each of its values beside the total.
    only : str, optional
        Glob of notebook names.
    jobs : int, optional
        Notebooks at a time; default: :func:`csatlib.publish.machine.jobs`, or one per worker of the cluster.
    set : dict, optional
        Parameter name -> value, for the notebooks which have the parameter; before ``[parameters]`` of csat.toml.
    force : bool
        Run also what has not changed.
    out : str or Path, optional
        Output folder; default: ``[report] output`` of the settings.
    language : str, optional
        The only language to run; default: the main one and those of ``[report] also_in``.
    timeout : int
        Seconds a single cell may take.
    memory : int, optional
        MB a kernel may take before it is ended and its notebook fails; on Linux.
    cold : bool
        Start every kernel anew instead of forking it from a warmed process.
    backend : str, optional
        ``dask://host:port``: the notebooks run on the workers of :func:`csatlib.publish.cluster.reached`.
    progress : callable, optional
        Called before the first job (outcome None) and after each with its outcome, how many are finished, how
        many there are, and the seconds the others may take, None where no earlier run tells.

    Returns
    -------
    Result
        A failed job does not raise: see `Result.failed`.

    Raises
    ------
    ValueError, FileNotFoundError
        Something asked for is wrong; nothing has been started.
    ImportError, ConnectionError
        The backend is not installed, or nobody answers there.
    BlockingIOError
        Another run is writing into the output folder.
    KeyboardInterrupt
        Ctrl-C: the kernels are ended, finished reports are in the index; the same call goes on from there.

    Examples
    --------
    >>> from csatlib.publish.run import run
    >>> result = run(period="2026-10")  # doctest: +SKIP
    """
    settings = settings_file.load(config, language)
    spoken = languages.wanted(settings, language)
    notebooks = plan.find(settings.file.parent, only)
    low = {"--jobs": jobs, "--last": last, "--memory": memory}
    low = [f"{name} {value}" for name, value in low.items() if value is not None and value < 1]
    if low:
        raise ValueError(f"counts from 1: {', '.join(low)}")
    plan.check(notebooks, set or {})
    plan.check(plan.find(settings.file.parent), dict(settings.parameters), "[parameters]")
    if period is not None and last is not None:
        raise ValueError("give either --period or --last, not both")
    wanted = [periods_of.parse(period).label] if period is not None else None
    out = settings.output if out is None else Path(out).resolve()
    with lock.alone(out), ExitStack() as stack:
        there = _reached(stack, backend, out, cold)
        snapshot = _read(settings.file, lambda: _begin(stack, cold or there is not None))
        here = machine.jobs() if there is None else there.check(snapshot)
        with pinned(snapshot):
            if wanted is None:
                latest = periods_of.parse(workspace.latest_period(settings.file))
                wanted = [latest.shift(-k).label for k in range(last or 1)]
            asked = {"periods": wanted, "each": each, "settings": {**settings.parameters, **(set or {})}}
            limits = {"timeout": timeout, "memory": memory, "elsewhere": there and there.do}
            batches = [_prepared(settings.file, one, snapshot, out, only, asked, limits) for one in spoken]
            outcomes = _in_turn(batches, jobs or here, force, cold or there is not None, progress)
        pages = sorted({job.name for _, todo in batches for job in todo if not job.released})
        outcomes += _tried("links", languages.link, out, settings.company.language, [*site.PAGES, *pages])
        main, found = batches[0][0], []
        ask = {"periods": wanted, "min_rank": settings.report.min_rank}
        outcomes += _tried("alerts", lambda: found.extend(alerts.build(main.out, **ask)))
    return Result(tuple(outcomes), main.out / "index.html", tuple(found))


def _reached(stack: ExitStack, backend: str | None, out: Path, cold: bool):
    """Connect to the cluster the run was given, if any."""
    if backend is None:
        return None
    from csatlib.publish import cluster

    return stack.enter_context(cluster.reached(backend, out, cold))


def _read(config: Path, meanwhile: Callable) -> Path:
    """Take the snapshot; where that takes long, start what is needed then."""
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(workspace.snapshot, config)
        if wait([reading], timeout=SOON).not_done:
            meanwhile()
        return Path(machine.made(reading))


def _begin(stack: ExitStack, cold: bool) -> None:
    """Start what the jobs will need."""
    stack.enter_context(warm.ready(cold))
    for name in TOOLS:
        importlib.import_module(name)


def _prepared(config: Path, language: str, snapshot: Path, out: Path, only, asked: dict, limits: dict):
    """Plan the jobs of one language."""
    with languages.speaking(language):
        settings = settings_file.load(config)
        notebooks = plan.find(config.parent, only)
        folder = languages.folder(out, language, settings.company.language)
        todo = plan.jobs(notebooks, config=config, snapshot=snapshot, given=stages.giving(folder), **asked)
        todo = release.settled(todo, folder, snapshot.name)
    folder.mkdir(parents=True, exist_ok=True)
    prefix = "" if folder == out else f"{language}/"
    versions, commit = manifest.versions(), manifest.commit(config.parent)
    return Batch(settings, snapshot, folder, versions, commit, prefix, **limits), todo


def _in_turn(batches: list, workers: int, force: bool, cold: bool, progress) -> list[Outcome]:
    """Run one language after the other and build the index of each; the snapshot is read by all."""
    left = {n: s for batch, todo in batches for n, s in _expected(batch, todo, force).items()}
    finished, total, one_at_a_time = [], sum(len(todo) for _, todo in batches), threading.Lock()

    def told(outcome: Outcome | None = None) -> None:
        with one_at_a_time:
            if outcome is not None:
                finished.append(outcome)
                left.pop(outcome.job, None)
            if progress:
                progress(outcome, len(finished), total, sum(left.values()) / workers if known else None)

    known = bool(left)
    told()
    outcomes = []
    idle = not force and all(_settled(batch, todo) for batch, todo in batches)
    with warm.ready(cold or idle):
        for batch, todo in batches:
            with languages.speaking(batch.settings.language):
                try:
                    outcomes += _all(batch, todo, workers, force, told)
                finally:
                    head = {"company": batch.settings.company.name, "language": batch.settings.language}
                    outcomes += _tried(f"{batch.prefix}restatement", release.restate, batch.out, todo, **head)
                    head["notes"] = batch.settings.file.parent / "notes"
                    head["min_rank"] = batch.settings.report.min_rank
                    outcomes += _tried(f"{batch.prefix}index", site.build, batch.out, **head)
    return outcomes


def _expected(batch: Batch, todo: list[plan.Job], force: bool) -> dict[str, float]:
    """Seconds that each job to be executed may take, as far as earlier runs tell."""
    entries = manifest.read(batch.out)
    before = {entry["job"]: entry for entry in entries}
    keyed = [stages.reading(job, batch.out) for job in todo]
    todo = [job for job in keyed if not job.skip and (force or not unchanged(batch, job, before.get(job.name)))]
    seconds = expected_seconds([(job.name, job.notebook.name) for job in todo], entries)
    return {batch.prefix + name: value for name, value in seconds.items()}


def _tried(name: str, write: Callable, *arguments, **named) -> list[Outcome]:
    """Write what holds the pages together; where it cannot be written the pages stay, and the run has failed."""
    try:
        write(*arguments, **named)
    except OSError as error:
        return [Outcome(name, "failed", reason=f"{type(error).__name__}: {error}")]
    return []


def _settled(batch: Batch, todo: list[plan.Job]) -> bool:
    """Tell whether no notebook has to be executed."""
    before = manifest.latest(batch.out)
    keyed = [stages.reading(job, batch.out) for job in todo]
    return all(job.skip or unchanged(batch, job, before.get(job.name)) for job in keyed)


def _all(batch: Batch, todo: list[plan.Job], workers: int, force: bool, told: Callable) -> list[Outcome]:
    """Run the jobs: first those that find, then those that read what was found, earlier periods first.

    Of a folder's notebooks the longest begin first, lest one of them runs alone at the end.
    """
    folders = {job.folder: i for i, job in reversed([*enumerate(todo)])}
    finding = [job for job in todo if not stages.reads(job)]
    finding.sort(key=lambda job: (folders[job.folder], -job.notebook.length))
    outcomes = _stage(batch, finding, workers, force, told)
    last = [job for job in todo if stages.reads(job)]
    for period in sorted({job.period for job in last}):
        now = [stages.reading(job, batch.out) for job in last if job.period == period]
        outcomes += _stage(batch, now, workers, force, told)
    place = {batch.prefix + job.name: i for i, job in enumerate(todo)}
    return sorted(outcomes, key=lambda outcome: place[outcome.job])


def _stage(batch: Batch, todo: list[plan.Job], workers: int, force: bool, told: Callable) -> list[Outcome]:
    before = manifest.latest(batch.out)

    def one(job: plan.Job) -> Outcome:
        outcome = do(batch, job, before.get(job.name), force)
        if not batch.stop.is_set():
            told(outcome)
        return outcome

    return machine.side_by_side(one, todo, workers=workers, stop=batch.stop)
