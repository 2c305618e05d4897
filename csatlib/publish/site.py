"""The index of all reports, their history and glossary, rebuilt from the manifest and the executed notebooks."""

import os
import tempfile
from pathlib import Path

from csatlib import disclosure
from csatlib.publish import frozen, glossary, history, lock, manifest, trends
from csatlib.words import say

PAGES = ("index", "history", "glossary")
DEFINITIONS = "03_definitions"


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


def build(
    out: Path, *, company: str = "", language: str = "en", notes: Path | None = None, min_rank: int | None = None
) -> Path:
    """Write index.html, history.html and glossary.html: periods, newest first, from what is there.

    Parameters
    ----------
    out : Path
        Output folder; its manifest gives status and reasons, its executed notebooks all the rest.
    company, language : str
        For the head of the page.
    notes : Path, optional
        Folder with a signed comment per period, such as 2026-10.md; shown as plain text.
    min_rank : int, optional
        Fewer effective answers are indicative: an open dot in a small line.

    Returns
    -------
    Path
        The index.
    """
    books = history.published(out)
    rows = [row for entry in entries(out, books).values() if (row := _row(out, entry))]
    finished = max((row["finished"] for row in rows if row["finished"]), default=None)
    defined = [
        row["page"] for row in rows if row["notebook"] == DEFINITIONS and row["page"] and not row["segment"]
    ]
    head = {"run": {"company": company, "language": language}, "definitions": max(defined, default=None)}
    periods = _by_period(rows, books, disclosure.bases.min_rank if min_rank is None else min_rank)
    _write(
        out / "index.html",
        "site.html.j2",
        title=say("Customer satisfaction reports"),
        periods=[_headed(out, period, notes) for period in periods],
        words={"failed": say("Failed"), "skipped": say("Not run")},
        summary=say("Last change {time}.", time=finished) if finished else "",
        **head,
    )
    past = history.periods(out, books)
    _write(
        out / "history.html", "history.html.j2", title=say("What was run, and what changed"), periods=past, **head
    )
    groups = glossary.terms()
    _write(out / "glossary.html", "glossary.html.j2", title=say("What the words mean"), groups=groups, **head)
    return out / "index.html"


def _write(target: Path, template: str, **facts) -> None:
    from csatlib.publish import html

    page = html.render(template, **facts)
    handle, name = tempfile.mkstemp(prefix=lock.PART, suffix=".html", dir=target.parent)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(page)
    os.chmod(name, 0o644)
    publish(Path(name), target)


def entries(out: Path, books: dict[str, dict]) -> dict[str, dict]:
    """Collect the last manifest entry of each job, filled up with what its executed notebook says.

    Parameters
    ----------
    out : Path
        Output folder.
    books : dict
        From :func:`csatlib.publish.history.published`.

    Returns
    -------
    dict
        Job name -> entry.
    """
    known = manifest.latest(out)
    for name, book in books.items():
        made = {"job": name, "notebook": name.rpartition("/")[2], "status": "done", "error": None}
        said = {key: book[key] for key in ("period", "segment", "finished", "title", "answer")}
        known[name] = made | said | {k: v for k, v in known.get(name, {}).items() if v is not None}
    return known


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
    return period | {"status": status, "note": text}


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
    match = frozen.RESTATED.search(job.rpartition("/")[0])
    return match[1] if match else ""


def _reason(entry: dict) -> str:
    if entry["status"] == "failed" and entry.get("cell"):
        return say("{notebook}, {cell}: {error}", **{k: entry[k] for k in ("notebook", "cell", "error")})
    if entry["status"] in ("failed", "skipped"):
        error = entry.get("told") or entry["error"]
        return say("{notebook}: {error}", notebook=entry["notebook"], error=error)
    return ""


def _by_period(rows: list[dict], books: dict[str, dict], min_rank: int) -> list[dict]:
    out, newest = [], trends.latest([row["job"] for row in rows])
    for period in sorted({row["period"] for row in rows}, reverse=True):
        inside = [row for row in rows if row["period"] == period]
        groups = []
        parts = {(row["restated"], tuple(row["segment"] or ())) for row in inside}
        for date, segment in sorted(parts, key=lambda part: (part[0], len(part[1]), str(part[1]))):
            chosen = [row for row in inside if (row["restated"], tuple(row["segment"] or ())) == (date, segment)]
            folder = chosen[0]["job"].rpartition("/")[0]
            label = say("{column}: {value}", column=segment[0], value=segment[1]) if segment else ""
            # what is to be decided comes first
            ordered = sorted(chosen, key=lambda row: (row["notebook"][:1] != "9", row["notebook"]))
            group = {"label": label, "rows": ordered}
            if date:
                about = say("Restated on {date}: {period}", date=date, period=label or say("All customers"))
                group |= {"label": about, "sheet": f"{folder}/restatement.html"}
            else:
                group["cards"] = trends.cards(books, folder, min_rank=min_rank)
            groups.append(group)
        if len(groups) > 1 and not groups[0]["label"]:
            groups[0]["label"] = say("All customers")
        out.append({"label": period, "segments": groups, "newest": period in newest})
    return out
