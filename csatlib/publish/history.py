"""What was run, when, on which data, and which figures changed: read from the executed notebooks alone."""

import json
import os
import re
import tempfile
from pathlib import Path

from csatlib.publish import frozen, lock, manifest
from csatlib.words import mark, say, together

FILE = "history.json"
FINDING = "application/vnd.csatlib.finding+json"
HEADLINES = "executive."
FIGURES = ("estimate", "ci_low", "ci_high", "n")
KEPT = 10  # runs of which the changed figures are kept; of older ones only how many there were
KINDS = {
    "first": mark("Reports made: {n}."),
    "data": mark("Reports made again, on other data: {n}."),
    "same": mark("Reports made again, on the same data: {n}."),
    "failed": mark("Reports failed: {n}."),
}


def continued(path: Path, *, run: dict, found: list[dict]) -> list[dict]:
    """Continue the list of runs that an executed notebook carries, with the run that is about to replace it.

    Parameters
    ----------
    path : Path
        The notebook as published before; it need not exist.
    run : dict
        ``finished``, ``snapshot`` and ``key`` of the new run.
    found : list of dict
        Its findings.

    Returns
    -------
    list of dict
        ``finished``, ``snapshot``, ``key``, and from the second on ``changed`` (how many figures) and ``figures``
        (``old`` and ``new``, as said; None where there was none).
    """
    now = {name: run.get(name) for name in ("finished", "snapshot", "key")}
    book = _book(path)
    if book is None:
        return [now]
    figures = _different(_findings(book), found)
    runs = [*_runs(book), now | {"changed": len(figures), "figures": figures}]
    return [run | {"figures": []} if "figures" in run else run for run in runs[:-KEPT]] + runs[-KEPT:]


def published(out: Path) -> dict[str, dict]:
    """Collect what each executed notebook says of itself.

    Parameters
    ----------
    out : Path
        Output folder. ``history.json`` in it spares reading what has not changed; it may be deleted.

    Returns
    -------
    dict
        Job name -> ``period``, ``segment`` (column and value, or None), ``title``, ``answer``, ``headlines``
        (findings of an executive page), ``runs`` (of :func:`continued`).
    """
    known, found = _kept(out), {}
    for path in sorted(out.glob("*/*/*.ipynb")):
        job, about = path.relative_to(out).with_suffix("").as_posix(), path.stat()
        stamp = [about.st_mtime_ns, about.st_size]
        if known.get(job, {}).get("stamp") == stamp:
            found[job] = known[job]
        elif told := _told(path):
            found[job] = {"stamp": stamp} | told
    if found != known:
        handle, name = tempfile.mkstemp(prefix=lock.PART, suffix=".json", dir=out)
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(found, file, ensure_ascii=False)
        os.replace(name, out / FILE)
    return found


def headline(notebook) -> dict:
    """Title and one-line answer of an executed notebook.

    Parameters
    ----------
    notebook : dict
        A notebook, as nodes or plain JSON.

    Returns
    -------
    dict
        title (its H1), answer (first line of its answer box, else its first finding's statement, else "").
    """
    from csatlib.publish.html import plain

    found = {"answer": ""}
    statement = ""
    for cell in notebook["cells"]:
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        title = re.search(r"^#\s+(.+?)\s*#*\s*$", source, re.MULTILINE)
        if cell["cell_type"] == "markdown" and title:
            found.setdefault("title", title[1])
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            markup = data.get("text/html", "")
            markup = markup if isinstance(markup, str) else "".join(markup)
            if not found["answer"] and "csat-answer" in markup:
                first = re.search(r"<p\b[^>]*>(?:\s*<b>.*?</b>)?(.*?)</p>", markup, re.DOTALL)
                found["answer"] = plain(first[1] if first else markup)
            if FINDING in data:
                statement = statement or str(data[FINDING].get("statement") or "")
    found["answer"] = found["answer"] or statement
    return found


def periods(out: Path, books: dict[str, dict]) -> list[dict]:
    """Tell of each period what was run, run again, failed, released and restated, the latest first.

    Parameters
    ----------
    out : Path
        Output folder: releases, and failures, which leave no notebook, are in its manifest.
    books : dict
        From :func:`published`.

    Returns
    -------
    list of dict
        ``label`` (the period) and ``groups``: ``label``, ``sheet`` (of a restatement, or None) and ``rows``:
        ``when``, ``what``, ``data``, ``figures`` (lists of ``title``, ``old``, ``new``), ``failures``.
    """
    failed = [entry for entry in manifest.read(out) if entry["status"] == "failed"]
    folders = {}
    for job, about in books.items():
        folders.setdefault((about["period"], job.rpartition("/")[0]), about["segment"])
    for entry in failed:
        folders.setdefault((entry["period"], entry["job"].rpartition("/")[0]), entry.get("segment"))
    found = []
    for label in sorted({period for period, _ in folders}, reverse=True):
        groups = []
        for (period, folder), segment in sorted(folders.items(), key=lambda item: item[0]):
            if period == label:
                groups.append(_group(out, folder, segment, books, failed))
        released = frozen.of(out, label)
        if released:
            said = together(say("Released by {name}.", name=released["by"]), _altered(out, released))
            row = {"when": released["at"], "what": said, "data": _short(released["snapshot"])}
            groups[0]["rows"] = sorted([*groups[0]["rows"], row], key=_when, reverse=True)
        found.append({"label": label, "groups": groups})
    return found


def _group(out: Path, folder: str, segment, books: dict, failed: list[dict]) -> dict:
    """Rows of one folder of pages, the latest first."""
    rows = {}
    for job, about in books.items():
        if job.rpartition("/")[0] == folder:
            before = None
            for run in about["runs"]:
                kind = "first" if before is None else "same" if before == run["snapshot"] else "data"
                row = rows.setdefault((run["finished"][:10], run["snapshot"], kind), _row())
                row["when"], row["n"] = max(row["when"], run["finished"]), row["n"] + 1
                row["changed"] += run.get("changed", 0)
                row["figures"] += [{"title": about["title"]} | figure for figure in run.get("figures", ())]
                before = run["snapshot"]
    for entry in failed:
        if entry["job"].rpartition("/")[0] == folder:
            row = rows.setdefault((entry["finished"][:10], entry["snapshot"], "failed"), _row())
            row["when"], row["n"] = max(row["when"], entry["finished"]), row["n"] + 1
            row["failures"].append(f"{entry.get('title') or entry['notebook']}: {entry['error']}")
    told = [row | {"what": _said(kind, row), "data": _short(data)} for (_, data, kind), row in rows.items()]
    label = say("{column}: {value}", column=segment[0], value=segment[1]) if segment else ""
    restated, sheet = frozen.RESTATED.search(folder), f"{folder}/restatement.html"
    if restated:
        about = label or say("All customers")
        label = say("Restated on {date}: {period}", date=restated[1], period=about)
    there = sheet if restated and (out / sheet).exists() else None
    return {"label": label, "sheet": there, "rows": sorted(told, key=_when, reverse=True)}


def _row() -> dict:
    return {"when": "", "n": 0, "changed": 0, "figures": [], "failures": []}


def _said(kind: str, row: dict) -> str:
    text = say(KINDS[kind], n=row["n"])
    if kind in ("first", "failed"):
        return text
    return together(
        text, say("Figures changed: {n}.", n=row["changed"]) if row["changed"] else say("No figure changed.")
    )


def _altered(out: Path, released: dict) -> str:
    gone = frozen.altered(out, released)
    return say("Altered since: {files}.", files=", ".join(gone)) if gone else ""


def _when(row: dict) -> str:
    return row["when"]


def _short(snapshot: str | None) -> str:
    return (snapshot or "")[:8]


def _different(before: list[dict], after: list[dict]) -> list[dict]:
    """Figures that differ, in the order of the new ones; what has gone comes last."""
    old, new = ({(f.get("metric"), f.get("group")): f for f in reversed(found)} for found in (before, after))
    keys = [*reversed(new), *(key for key in reversed(old) if key not in new)]
    pairs = [(old.get(key), new.get(key)) for key in keys]
    return [{"old": _statement(a), "new": _statement(b)} for a, b in pairs if _figures(a) != _figures(b)]


def _figures(finding: dict | None) -> list | None:
    return finding and [finding.get(name) for name in FIGURES]


def _statement(finding: dict | None) -> str | None:
    return finding and (finding.get("statement") or finding.get("metric"))


def _told(path: Path) -> dict | None:
    book = _book(path)
    try:
        run = book["metadata"]["csatlib"]["run"]
        segment = run["segment"].split(": ", 1) if run["segment"] else None
        about = {"period": run["period"], "segment": segment, "title": path.stem, "finished": run["finished"]}
        own = [found for found in _findings(book) if str(found.get("metric")).startswith(HEADLINES)]
        return about | headline(book) | {"headlines": own, "runs": _runs(book)}
    except (KeyError, TypeError, AttributeError):
        return None


def _runs(book: dict) -> list[dict]:
    own = book["metadata"]["csatlib"]
    run = own["run"]
    return own.get("runs") or [{name: run.get(name) for name in ("finished", "snapshot", "key")}]


def _findings(book: dict) -> list[dict]:
    outputs = [output for cell in book["cells"] for output in cell.get("outputs", ())]
    return [output["data"][FINDING] for output in outputs if FINDING in output.get("data", {})]


def _book(path: Path) -> dict | None:
    """Read an executed notebook of a run; None where there is none."""
    try:
        book = json.loads(path.read_text(encoding="utf-8"))
        return book if "run" in book["metadata"]["csatlib"] and "cells" in book else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _kept(out: Path) -> dict:
    try:
        found = json.loads((out / FILE).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}
