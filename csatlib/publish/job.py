"""One job: execute, make the page, publish by rename; a failure becomes a page, never an exception."""

import datetime
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from csatlib.publish import history, languages, lock, manifest, plan, site
from csatlib.publish.watch import Watch
from csatlib.tables import config as settings_file
from csatlib.tables import names, workspace
from csatlib.words import say


@dataclass(frozen=True)
class Outcome:
    """What became of a job: status is done, unchanged, skipped or failed; `reason` joins error and cell."""

    job: str
    status: str
    seconds: float = 0.0
    reason: str | None = None
    cell: str | None = None
    error: str | None = None


def unchanged(batch: "Batch", job: plan.Job, before: dict | None) -> bool:
    """Tell whether a page is there that was made of the same; `before` is its last entry in the manifest.

    Parameters
    ----------
    batch : Batch
        Of the run.
    job : Job
        From the plan.
    before : dict or None
        Its last entry.

    Returns
    -------
    bool
        True where nothing has to be done.
    """
    if job.released:
        return True
    target = batch.out / job.folder / job.notebook.name
    there = target.with_suffix(".html").exists() and target.with_suffix(".ipynb").exists()
    return there and bool(before) and (before["status"], before.get("key")) == ("done", job.key)


@dataclass(frozen=True)
class Batch:
    """What all jobs of a run share; `elsewhere` does what `tried` does, on another machine."""

    settings: settings_file.Settings
    snapshot: Path
    out: Path
    versions: dict
    commit: tuple[str, bool] | None
    prefix: str = ""
    timeout: int = 600
    memory: int | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    elsewhere: Callable | None = None


def do(batch: Batch, job: plan.Job, before: dict | None, force: bool) -> Outcome:
    """Do one job, or tell why not; whatever goes wrong in it becomes its outcome.

    Parameters
    ----------
    batch : Batch
        Of the run.
    job : Job
        From the plan.
    before : dict or None
        The job's last entry in the manifest.
    force : bool
        Also if nothing changed.

    Returns
    -------
    Outcome
        "stopped" where the run was ended meanwhile: nothing is published then.
    """
    name = batch.prefix + job.name
    if batch.stop.is_set():
        return Outcome(name, "stopped")
    if job.skip and not job.released:
        known = before and (before["status"], before.get("error"), before.get("told"))
        if known != ("skipped", job.skip, job.told):
            entry = _entry(batch, job, "skipped", 0.0)
            _noted(batch, entry | {"error": job.skip, "told": job.told})
        return Outcome(name, "skipped", 0.0, job.skip)
    if job.released or (not force and unchanged(batch, job, before)):
        return Outcome(name, "unchanged", 0.0, "released" if job.released else None)
    start = time.monotonic()
    entry, failure = (batch.elsewhere or tried)(batch, job)
    seconds = round(time.monotonic() - start, 2)
    if batch.stop.is_set() and failure:
        return Outcome(name, "stopped", seconds)
    unnoted = _noted(batch, _entry(batch, job, "failed" if failure else "done", seconds) | entry)
    failure = failure or unnoted
    if failure is None:
        return Outcome(name, "done", seconds)
    error, cell = failure["error"], failure.get("cell")
    return Outcome(name, "failed", seconds, f"{error} in {cell}" if cell else error, cell, error)


def tried(batch: Batch, job: plan.Job, make: Callable | None = None) -> tuple[dict, dict | None]:
    """Make and publish the page, else the page of the failure.

    Parameters
    ----------
    batch : Batch
        Of the run.
    job : Job
        From the plan.
    make : callable, optional
        What makes the page, for another end than executing the notebook.

    Returns
    -------
    tuple of dict and (dict or None)
        Parts of the job's entry in the manifest, and what failed.
    """
    target = batch.out / job.folder / job.notebook.name
    entry = {}
    try:
        with tempfile.TemporaryDirectory(prefix=lock.PART, dir=batch.out, ignore_cleanup_errors=True) as work:
            try:
                failure = (make or _make)(batch, job, Path(work), target, entry)
            except Exception as error:  # one job must never stop the others
                failure = {"error": f"{type(error).__name__}: {error}"}
            if failure is None or batch.stop.is_set():
                return entry, failure
            failure = {k: manifest.redact(v, batch.settings.file.parent) for k, v in failure.items() if v}
            entry |= {"error": failure["error"], "cell": failure.get("cell")}
            _publish_failure(batch, job, Path(work), target, failure)
    except Exception as error:  # not even the page of the failure can be written: no space, no permission
        text = manifest.redact(f"{type(error).__name__}: {error}", batch.settings.file.parent)
        entry.setdefault("error", text)  # the first one is the cause
        failure = {"error": entry["error"], "cell": entry.get("cell")}
    return entry, failure


@contextmanager
def pinned(snapshot: Path) -> Iterator[None]:
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


def _noted(batch: Batch, entry: dict) -> dict | None:
    """Write the diary; a run whose diary cannot be written has failed there, and goes on."""
    try:
        manifest.append(batch.out, entry)
    except OSError as error:
        return {"error": f"{type(error).__name__}: {error} ({manifest.FILE})"}
    return None


def _make(batch: Batch, job: plan.Job, work: Path, target: Path, entry: dict) -> dict | None:
    """Execute, turn into a page, publish both; fills in manifest parts and returns what failed."""
    from csatlib import findings
    from csatlib.data.names import table
    from csatlib.publish import execution, fonts, html, kernels, workbook

    if job.notebook.error:
        return {"error": job.notebook.error}
    executed, start = work / "executed.ipynb", time.monotonic()
    env = kernels.environment(batch.snapshot, work, batch.settings.language)
    given = {"parameters": job.changes, "env": env, "timeout": batch.timeout}
    with Watch(batch.memory, batch.stop) as watch:
        failure = execution.execute(job.notebook.path, executed, watch=watch, **given)
        if failure and failure.pop("again", False) and not batch.stop.is_set():
            failure = execution.execute(job.notebook.path, executed, watch=watch, **given)
            (failure or {}).pop("again", None)
    entry |= {"peak_mb": watch.peak_mb and round(watch.peak_mb), "execution_seconds": _since(start)}
    if failure:
        return failure | {"error": failure["error"] + remedy(failure["error"], job.parameters)}
    book = languages.translated(execution.read(executed))
    finished = _now()
    facts = _facts(batch, job)
    own = book.metadata.setdefault("csatlib", {})
    own["run"] = facts | {"key": job.key, "finished": finished}
    own["runs"] = history.continued(target.with_suffix(".ipynb"), run=own["run"], found=findings.of(book))
    book.metadata.get("papermill", {}).update(input_path=job.notebook.path.name, output_path=None)
    index = "../" * (len(Path(job.folder).parts)) + "index.html"
    numbers = target.with_suffix(".xlsx")
    has_numbers = workbook.write(book, work / numbers.name, run=facts, finished=finished)
    linked = numbers.name if has_numbers else None
    said = facts | {"counts": [row | {"table": table(row["table"])} for row in facts["counts"]]}
    page = html.page(book, run=said, finished=finished, index=index, workbook=linked)
    execution.write(book, work / target.with_suffix(".ipynb").name)
    (work / target.with_suffix(".html").name).write_text(page, encoding="utf-8")
    _publish_page(work, target, has_numbers)
    told = {"warnings": fonts.warnings(page)} if fonts.warnings(page) else {}
    entry |= {"counts": facts["counts"], "findings": findings.of(book)} | told | history.headline(book)
    return None


def _publish_page(work: Path, target: Path, has_numbers: bool) -> None:
    """Publish the notebook, its workbook and, last, the page; what an earlier run left beside it goes."""
    for suffix in (".ipynb", *([".xlsx"] if has_numbers else []), ".html"):
        name = target.with_suffix(suffix).name
        site.publish(work / name, target.with_name(name))
    if not has_numbers:
        target.with_suffix(".xlsx").unlink(missing_ok=True)
    target.with_suffix(".failed.html").unlink(missing_ok=True)


def remedy(error: str, parameters: Mapping[str, object]) -> str:
    """Say which parameters to choose another value for, where an error names theirs.

    Parameters
    ----------
    error : str
        Of a failed notebook.
    parameters : mapping
        Those it ran with.

    Returns
    -------
    str
        To be put after the error; nothing where it names none.

    Examples
    --------
    >>> remedy("KeyError: 'servqual'", {"scale": "servqual", "by": "region"})
    '; choose another value with --set scale=... or [parameters] of csat.toml, here it is servqual'
    """
    own = [name for name in parameters if name not in ("config", "period")]
    named = [name for name in own if isinstance(parameters[name], str) and repr(parameters[name]) in error]
    return "".join(
        f"; choose another value with --set {n}=... or [parameters] of csat.toml, here it is {parameters[n]}"
        for n in named
    )


def _publish_failure(batch: Batch, job: plan.Job, work: Path, target: Path, failure: dict) -> None:
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


def _facts(batch: Batch, job: plan.Job, counts: bool = True) -> dict:
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


def _segment(batch: Batch, job: plan.Job) -> list[str] | None:
    """Column and value of the segment as a reader calls them."""
    columns, (column, *value) = batch.settings.columns, job.segment or (None,)
    return [names.called(columns, column), names.called(columns, column, *value)] if value else None


def _counts(batch: Batch, job: plan.Job) -> list[dict]:
    """Rows read, used (in the period and segment) and rejected of the tables the notebook names."""
    where = json.dumps(job.parameters.get("where") or {}, sort_keys=True, default=str)
    found = _counted(batch.snapshot, batch.settings.file, job.parameters.get("period"), where)
    return [row for row in json.loads(found) if row["table"] in {*job.notebook.tables, *job.notebook.optional}]


@lru_cache(maxsize=64)
def _counted(snapshot: Path, config: Path, period: str | None, where: str) -> str:
    """Count once for all notebooks of a period and segment; the snapshot is the one pinned."""
    counts = workspace.open(config, period=period, where=json.loads(where)).counts
    return counts[["table", "read", "used", "rejected"]].to_json(orient="records")


def _entry(batch: Batch, job: plan.Job, status: str, seconds: float) -> dict:
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
        "commit": batch.commit and batch.commit[0],
        "dirty": batch.commit and batch.commit[1],
        "finished": _now(),
    }


def _since(start: float) -> float:
    return round(time.monotonic() - start, 2)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
