"""The second stage of a run: notebooks 9x, which read what the others of their period and segment found."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from csatlib.publish import plan

PARAMETER = "findings_from"
RECORDS = ("application/vnd.csatlib.finding+json", "application/vnd.csatlib.actions+json")


def reads(job: plan.Job) -> bool:
    """Tell whether a job reads the findings of others, and so runs after them."""
    return job.notebook.name.startswith("9") and PARAMETER in job.notebook.parameters


def giving(out: Path) -> Callable[..., dict]:
    """Return what gives a notebook the folder its period's findings are published in.

    Parameters
    ----------
    out : Path
        Output folder of the run.

    Returns
    -------
    callable
        For :func:`csatlib.publish.plan.jobs`.
    """

    def given(book: plan.Notebook, period: str, segment) -> dict:
        folder = out / period / plan.segment_folder(segment)
        place = Path(os.path.relpath(folder, book.path.parent)).as_posix()
        return {PARAMETER: place} if PARAMETER in book.parameters else {}

    return given


def reading(job: plan.Job, out: Path) -> plan.Job:
    """Return a job of the second stage with a key that depends on what it reads; any other as it is.

    Parameters
    ----------
    job : Job
        From :func:`csatlib.publish.plan.jobs`.
    out : Path
        Output folder: read are the notebooks of the job's folder, which of them failed, and its own page in
        earlier periods.
    """
    if not reads(job):
        return job
    folder = Path(job.folder).name
    here = sorted((out / job.folder).glob("[0-8][0-9]_*.ipynb"))
    pages = sorted(out.glob(f"*/{folder}/{job.notebook.name}.ipynb"))
    earlier = [path for path in pages if path.parents[1].name < job.period]
    found = [[path.parents[1].name, path.stem, _recorded(path)] for path in (*here, *earlier)]
    found += [path.name for path in sorted((out / job.folder).glob("[0-8][0-9]_*.failed.html"))]
    text = json.dumps([job.key, found], sort_keys=True, ensure_ascii=False)
    return replace(job, key=hashlib.sha256(text.encode()).hexdigest()[:32])


def _recorded(path: Path) -> list:
    """Read what an executed notebook recorded for others; nothing of a broken one."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return [data[kind] for data in outputs for kind in RECORDS if kind in data]
