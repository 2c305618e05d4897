"""The index of all reports, rebuilt from the manifest and the executed notebooks."""

import json
import os
import re
import tempfile
from pathlib import Path

from csatlib.publish import frozen, lock, manifest
from csatlib.words import say

FINDING = "application/vnd.csatlib.finding+json"


def publish(source: Path, target: Path) -> None:
    """Put a finished file where readers look for it: the only way anything is published.

    Parameters
    ----------
    source : Path
        On the file system of the output folder.
    target : Path
        Replaced in one step: a reader sees the old file or the new one, never half of one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def build(out: Path, *, company: str = "", language: str = "en", notes: Path | None = None) -> Path:
    """Write index.html: periods, newest first, by segment and notebook, from what is there.

    Parameters
    ----------
    out : Path
        Output folder; its manifest gives status and reasons, its executed notebooks whatever the manifest
        lacks.
    company, language : str
        For the head of the page.
    notes : Path, optional
        Folder with a signed comment per period, such as 2026-10.md; shown as plain text.

    Returns
    -------
    Path
        The index.
    """
    from csatlib.publish import html

    rows = [row for entry in entries(out).values() if (row := _row(out, entry))]
    finished = max((row["finished"] for row in rows if row["finished"]), default=None)
    page = html.render(
        "site.html.j2",
        title=say("Customer satisfaction reports"),
        periods=[_headed(out, period, notes) for period in _by_period(rows)],
        words={"failed": say("Failed"), "skipped": say("Not run")},
        summary=say("Last change {time}.", time=finished) if finished else "",
        run={"company": company, "language": language},
    )
    handle, name = tempfile.mkstemp(prefix=lock.PART, suffix=".html", dir=out)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(page)
    os.chmod(name, 0o644)
    publish(Path(name), out / "index.html")
    return out / "index.html"


def entries(out: Path) -> dict[str, dict]:
    """Collect the last manifest entry of each job, and one made from each executed notebook without any.

    Parameters
    ----------
    out : Path
        Output folder.

    Returns
    -------
    dict
        Job name -> entry.
    """
    known = manifest.latest(out)
    for path in sorted(out.glob("*/*/*.ipynb")):
        name = path.relative_to(out).with_suffix("").as_posix()
        if "answer" in known.get(name, {}):
            continue
        try:
            book = json.loads(path.read_text(encoding="utf-8"))
            run = book["metadata"]["csatlib"]["run"]
        except (ValueError, KeyError):
            continue
        segment = run["segment"].split(": ", 1) if run["segment"] else None
        made = {"job": name, "notebook": path.stem, "period": run["period"], "segment": segment}
        made |= {"status": "done", "finished": run["finished"], "title": path.stem, "error": None}
        known[name] = made | headline(book) | {k: v for k, v in known.get(name, {}).items() if v is not None}
    return known


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


def _headed(out: Path, period: dict, notes: Path | None) -> dict:
    """Add to a period whether it is released, and the analyst's comment."""
    entry = frozen.of(out, period["label"])
    status = say("Draft")
    if entry:
        status = say("Released by {name}, {time}.", name=entry["by"], time=entry["at"])
        gone = frozen.altered(out, entry)
        if gone:
            status = f"{status} " + say("Altered since: {files}.", files=", ".join(gone))
    note = notes / f"{period['label']}.md" if notes else None
    text = note.read_text(encoding="utf-8", errors="replace").strip() if note and note.is_file() else ""
    return period | {"status": status, "released": bool(entry), "note": text}


def _row(out: Path, entry: dict) -> dict | None:
    page, failed, workbook = (f"{entry['job']}{suffix}" for suffix in (".html", ".failed.html", ".xlsx"))
    has_page = (out / page).exists()
    if entry["status"] == "done" and not has_page:
        return None
    return {
        "job": entry["job"],
        "period": entry["period"],
        "segment": entry.get("segment"),
        "restated": _restated(entry["job"]),
        "notebook": entry["notebook"],
        "title": entry.get("title") or entry["notebook"],
        "answer": entry.get("answer", ""),
        "status": entry["status"],
        "reason": _reason(entry),
        "page": page if has_page else None,
        "workbook": workbook if has_page and (out / workbook).exists() else None,
        "failed_page": failed if (out / failed).exists() else None,
        "finished": entry.get("finished"),
    }


def _restated(job: str) -> str:
    match = re.search(r"-restated-([\d-]+)/", job)
    return match[1] if match else ""


def _reason(entry: dict) -> str:
    if entry["status"] == "failed" and entry.get("cell"):
        return say("{notebook}, {cell}: {error}", **{k: entry[k] for k in ("notebook", "cell", "error")})
    if entry["status"] in ("failed", "skipped"):
        error = entry.get("told") or entry["error"]
        return say("{notebook}: {error}", notebook=entry["notebook"], error=error)
    return ""


def _by_period(rows: list[dict]) -> list[dict]:
    out = []
    for period in sorted({row["period"] for row in rows}, reverse=True):
        inside = [row for row in rows if row["period"] == period]
        groups = []
        parts = {(row["restated"], tuple(row["segment"] or ())) for row in inside}
        for date, segment in sorted(parts, key=lambda part: (part[0], len(part[1]), str(part[1]))):
            chosen = [row for row in inside if (row["restated"], tuple(row["segment"] or ())) == (date, segment)]
            label = say("{column}: {value}", column=segment[0], value=segment[1]) if segment else ""
            group = {"label": label, "rows": sorted(chosen, key=lambda row: row["notebook"])}
            if date:
                about = say("Restated on {date}: {period}", date=date, period=label or say("All customers"))
                first = next(row["job"] for row in chosen)
                group |= {"label": about, "sheet": f"{first.rpartition('/')[0]}/restatement.html"}
            groups.append(group)
        if len(groups) > 1 and not groups[0]["label"]:
            groups[0]["label"] = say("All customers")
        out.append({"label": period, "segments": groups})
    return out
