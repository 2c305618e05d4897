"""Execute the plan: each job in a temporary folder, published by rename, none stopping the others."""

import datetime
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from csatlib.data.names import table
from csatlib.publish import languages, manifest, plan, site, stages, warm
from csatlib.tables import config as settings_file
from csatlib.tables import names, workspace
from csatlib.tables import period as periods_of
from csatlib.words import say


@dataclass(frozen=True)
class Outcome:
    """What became of a job: status is done, unchanged, skipped or failed."""

    job: str
    status: str
    seconds: float = 0.0
    reason: str | None = None


@dataclass(frozen=True)
class Result:
    """Outcomes of a run, in the order of the plan, and the page to open."""

    outcomes: tuple[Outcome, ...]
    index: Path

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
    jobs: int = 1,
    set: dict | None = None,
    force: bool = False,
    out: str | Path | None = None,
    language: str | None = None,
    timeout: int = 600,
    cold: bool = False,
    progress: Callable[[Outcome, int, int], None] | None = None,
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
    jobs : int
        Notebooks at a time.
    set : dict, optional
        Parameter name -> value, for the notebooks which have the parameter.
    force : bool
        Run also what has not changed.
    out : str or Path, optional
        Output folder; default: ``[report] output`` of the settings.
    language : str, optional
        The only language to run; default: the main one and those of ``[report] also_in``.
    timeout : int
        Seconds a single cell may take.
    cold : bool
        Start every kernel anew instead of forking it from a warmed process.
    progress : callable, optional
        Called after each job with its outcome, how many are finished, how many there are.

    Returns
    -------
    Result
        A failed job does not raise: see `Result.failed`.

    Raises
    ------
    ValueError, FileNotFoundError
        Something asked for is wrong; nothing has been started.

    Examples
    --------
    >>> from csatlib.publish.run import run
    >>> result = run(period="2026-10")  # doctest: +SKIP
    """
    settings = settings_file.load(config, language)
    spoken = languages.wanted(settings, language)
    notebooks = plan.find(settings.file.parent, only)
    if jobs < 1 or (last is not None and last < 1):
        raise ValueError(f"--jobs and --last count from 1, got jobs={jobs}, last={last}")
    plan.check(notebooks, set or {})
    if period is not None and last is not None:
        raise ValueError("give either --period or --last, not both")
    wanted = [periods_of.parse(period).label] if period is not None else None
    snapshot = Path(workspace.snapshot(settings.file))
    with _pinned(snapshot):
        if wanted is None:
            latest = periods_of.parse(workspace.latest_period(settings.file))
            wanted = [latest.shift(-k).label for k in range(last or 1)]
        out = settings.output if out is None else Path(out).resolve()
        asked = {"periods": wanted, "each": each, "settings": set}
        batches = [_prepared(settings.file, one, snapshot, out, timeout, only, asked) for one in spoken]
        outcomes = _in_turn(batches, jobs, force, cold, progress)
    pages = sorted({job.name for _, todo in batches for job in todo})
    languages.link(out, settings.company.language, ["index", *pages])
    return Result(tuple(outcomes), batches[0][0].out / "index.html")


def _prepared(config: Path, language: str, snapshot: Path, out: Path, timeout: int, only, asked: dict):
    """Plan the jobs of one language."""
    with languages.speaking(language):
        settings = settings_file.load(config)
        notebooks = plan.find(config.parent, only)
        folder = languages.folder(out, language, settings.company.language)
        todo = plan.jobs(notebooks, config=config, snapshot=snapshot, given=stages.giving(folder), **asked)
    folder.mkdir(parents=True, exist_ok=True)
    prefix = "" if folder == out else f"{language}/"
    versions, commit = manifest.versions(), manifest.commit(config.parent)
    return _Batch(settings, snapshot, folder, versions, commit, timeout, prefix), todo


def _in_turn(batches: list, workers: int, force: bool, cold: bool, progress) -> list[Outcome]:
    """Run one language after the other and build the index of each; the snapshot is read by all."""
    finished, total = [], sum(len(todo) for _, todo in batches)

    def told(outcome: Outcome) -> None:
        finished.append(outcome)
        if progress:
            progress(outcome, len(finished), total)

    outcomes = []
    idle = not force and all(_settled(batch, todo) for batch, todo in batches)
    with warm.ready(cold or idle):
        for batch, todo in batches:
            with languages.speaking(batch.settings.language):
                outcomes += _all(batch, todo, workers, force, told)
                site.build(batch.out, company=batch.settings.company.name, language=batch.settings.language)
    return outcomes


def _settled(batch: "_Batch", todo: list[plan.Job]) -> bool:
    """Tell whether no notebook has to be executed."""
    before = manifest.latest(batch.out)
    keyed = [stages.reading(job, batch.out) for job in todo]
    return all(job.skip or _unchanged(batch, job, before.get(job.name)) for job in keyed)


def _unchanged(batch: "_Batch", job: plan.Job, before: dict | None) -> bool:
    target = batch.out / job.folder / job.notebook.name
    there = target.with_suffix(".html").exists() and target.with_suffix(".ipynb").exists()
    return there and bool(before) and (before["status"], before.get("key")) == ("done", job.key)


@dataclass(frozen=True)
class _Batch:
    """What all jobs of a run share."""

    settings: settings_file.Settings
    snapshot: Path
    out: Path
    versions: dict
    commit: str | None
    timeout: int
    prefix: str


def _all(batch: _Batch, todo: list[plan.Job], workers: int, force: bool, told: Callable) -> list[Outcome]:
    """Run the jobs: first those that find, then those that read what was found, earlier periods first."""
    first = [job for job in todo if not stages.reads(job)]
    found = dict(zip((job.name for job in first), _stage(batch, first, workers, force, told), strict=True))
    last = [job for job in todo if stages.reads(job)]
    for period in sorted({job.period for job in last}):
        now = [stages.reading(job, batch.out) for job in last if job.period == period]
        found |= zip((job.name for job in now), _stage(batch, now, workers, force, told), strict=True)
    return [found[job.name] for job in todo]


def _stage(batch: _Batch, todo: list[plan.Job], workers: int, force: bool, told: Callable) -> list[Outcome]:
    before = manifest.latest(batch.out)

    def one(job: plan.Job) -> Outcome:
        outcome = _job(batch, job, before.get(job.name), force)
        told(outcome)
        return outcome

    if workers == 1:
        return [one(job) for job in todo]

    def one_in_a_thread(job: plan.Job) -> Outcome:
        from jupyter_core.utils import ensure_event_loop

        try:
            return one(job)
        finally:
            ensure_event_loop().close()  # of this thread; nobody else does it

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one_in_a_thread, todo))


def _job(batch: _Batch, job: plan.Job, before: dict | None, force: bool) -> Outcome:
    target = batch.out / job.folder / job.notebook.name
    if job.skip:
        known = before and (before["status"], before.get("error"), before.get("told"))
        if known != ("skipped", job.skip, job.told):
            entry = _entry(batch, job, "skipped", 0.0)
            manifest.append(batch.out, entry | {"error": job.skip, "told": job.told})
        return Outcome(batch.prefix + job.name, "skipped", 0.0, job.skip)
    if not force and _unchanged(batch, job, before):
        return Outcome(batch.prefix + job.name, "unchanged")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".work-", dir=batch.out) as work:
        try:
            entry, failure = _make(batch, job, Path(work), target)
        except Exception as error:  # one job must never stop the others
            entry, failure = {}, {"error": f"{type(error).__name__}: {error}"}
        if failure is not None:
            failure = {k: manifest.redact(v, batch.settings.file.parent) for k, v in failure.items() if v}
            _publish_failure(batch, job, Path(work), target, failure)
            entry |= {"error": failure["error"], "cell": failure.get("cell")}
    seconds = round(time.monotonic() - start, 2)
    status = "done" if failure is None else "failed"
    manifest.append(batch.out, _entry(batch, job, status, seconds) | entry)
    where = f" in {failure['cell']}" if failure and failure.get("cell") else ""
    return Outcome(batch.prefix + job.name, status, seconds, failure and f"{failure['error']}{where}")


def _make(batch: _Batch, job: plan.Job, work: Path, target: Path) -> tuple[dict, dict | None]:
    """Execute, turn into a page, publish both; returns manifest parts and what failed."""
    import nbformat

    from csatlib.publish import execution, fonts, html, kernels, workbook

    if job.notebook.error:
        return {}, {"error": job.notebook.error}
    executed = work / "executed.ipynb"
    env = kernels.environment(batch.snapshot, work, batch.settings.language)
    given = {"parameters": job.changes, "env": env, "timeout": batch.timeout}
    failure = execution.execute(job.notebook.path, executed, **given)
    if failure and failure.pop("again", False):
        failure = execution.execute(job.notebook.path, executed, **given)
    if failure:
        failure.pop("again", None)
        return {}, failure
    book = languages.translated(nbformat.read(executed, as_version=4))
    finished = _now()
    facts = _facts(batch, job)
    book.metadata.setdefault("csatlib", {})["run"] = facts | {"key": job.key, "finished": finished}
    book.metadata.get("papermill", {}).update(input_path=job.notebook.path.name, output_path=None)
    index = "../" * (len(Path(job.folder).parts)) + "index.html"
    numbers = target.with_suffix(".xlsx")
    has_numbers = workbook.write(book, work / numbers.name, run=facts, finished=finished)
    linked = numbers.name if has_numbers else None
    said = facts | {"counts": [row | {"table": table(row["table"])} for row in facts["counts"]]}
    page = html.page(book, run=said, finished=finished, index=index, workbook=linked)
    (work / target.with_suffix(".ipynb").name).write_text(nbformat.writes(book) + "\n", encoding="utf-8")
    (work / target.with_suffix(".html").name).write_text(page, encoding="utf-8")
    for suffix in (".ipynb", *([".xlsx"] if has_numbers else []), ".html"):
        name = target.with_suffix(suffix).name
        site.publish(work / name, target.with_name(name))
    if not has_numbers:
        numbers.unlink(missing_ok=True)
    target.with_suffix(".failed.html").unlink(missing_ok=True)
    told = {"warnings": fonts.warnings(page)} if fonts.warnings(page) else {}
    return {"counts": facts["counts"]} | told | site.headline(book), None


def _publish_failure(batch: _Batch, job: plan.Job, work: Path, target: Path, failure: dict) -> None:
    from csatlib.publish import html

    good = target.with_suffix(".html")
    page = html.render(
        "failed.html.j2",
        title=say("Failed: {title}", title=job.notebook.title),
        heading=job.notebook.title,
        notebook=job.notebook.path.name,
        failure=failure,
        good=good.name if good.exists() else None,
        run=_facts(batch, job, counts=False),
        index="../" * len(Path(job.folder).parts) + "index.html",
        finished=_now(),
    )
    part = work / "failed.html"
    part.write_text(page, encoding="utf-8")
    site.publish(part, target.with_suffix(".failed.html"))


def _facts(batch: _Batch, job: plan.Job, counts: bool = True) -> dict:
    company = batch.settings.company
    segment = _segment(batch, job)
    return {
        "company": company.name,
        "language": batch.settings.language,
        "period": job.period,
        "segment": ": ".join(segment) if segment else None,
        "source": manifest.redact(batch.settings.source.label, batch.settings.file.parent),
        "snapshot": batch.snapshot.name,
        "parameters": job.parameters,
        "versions": batch.versions,
        "counts": _counts(batch, job) if counts else [],
    }


def _segment(batch: _Batch, job: plan.Job) -> list[str] | None:
    """Column and value of the segment as a reader calls them."""
    columns, (column, *value) = batch.settings.columns, job.segment or (None,)
    return [names.called(columns, column), names.called(columns, column, *value)] if value else None


def _counts(batch: _Batch, job: plan.Job) -> list[dict]:
    """Rows read, used (in the period and segment) and rejected of the tables the notebook names."""
    given = job.parameters
    ws = workspace.open(batch.settings.file, period=given.get("period"), where=given.get("where") or None)
    wanted = ws.counts[ws.counts["table"].isin([*job.notebook.tables, *job.notebook.optional])]
    return json.loads(wanted[["table", "read", "used", "rejected"]].to_json(orient="records"))


def _entry(batch: _Batch, job: plan.Job, status: str, seconds: float) -> dict:
    return {
        "job": job.name,
        "notebook": job.notebook.name,
        "period": job.period,
        "segment": _segment(batch, job),
        "title": job.notebook.title,
        "key": job.key,
        "parameters": job.parameters,
        "status": status,
        "seconds": seconds,
        "error": None,
        "snapshot": batch.snapshot.name,
        "versions": batch.versions,
        "commit": batch.commit,
        "finished": _now(),
    }


@contextmanager
def _pinned(snapshot: Path):
    """Every workspace opened meanwhile, here or in a kernel, reads this snapshot."""
    before = os.environ.get("CSAT_SNAPSHOT")
    os.environ["CSAT_SNAPSHOT"] = str(snapshot)
    try:
        yield
    finally:
        if before is None:
            del os.environ["CSAT_SNAPSHOT"]
        else:
            os.environ["CSAT_SNAPSHOT"] = before


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
