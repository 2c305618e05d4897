"""Releases: a period's pages are a draft until somebody's name stands under them; then they are never replaced."""

import datetime
from dataclasses import replace
from pathlib import Path

from csatlib.publish import frozen, history, languages, lock, manifest, plan, site, stages, trends
from csatlib.tables import config as settings_file
from csatlib.tables.period import parse
from csatlib.words import number, say

SHEET = "restatement.html"


def release(config: str | Path, period: str, *, by: str, out: str | Path | None = None) -> dict:
    """Freeze the pages of a period, in every language.

    Parameters
    ----------
    config : str or Path
        The settings file.
    period : str
        Month, quarter or year that has been run.
    by : str
        Who answers for it.
    out : str or Path, optional
        Output folder; default: ``[report] output`` of the settings.

    Returns
    -------
    dict
        What stands in the manifest: ``released`` (the period), ``by``, ``at``, ``snapshot``, ``rows`` (read per
        table: the data cut-off), ``files`` (path -> SHA-256).

    Raises
    ------
    ValueError
        Nothing has been published, a report of it failed, it is released already, or nobody signs.
    """
    settings = settings_file.load(config)
    out = settings.output if out is None else Path(out).resolve()
    label, name = parse(period).label, " ".join(by.split())
    if not name:
        raise ValueError("--by is empty; give the name of who answers for the figures")
    with lock.alone(out):
        spoken = [settings.company.language, *settings.report.also_in]
        folders = [languages.folder(out, one, settings.company.language) for one in spoken]
        entries = [[e for e in manifest.latest(f).values() if e["period"] == label] for f in folders]
        _check(label, folders[0], entries)
        at = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        made = []
        for folder, own in zip(folders, entries, strict=True):
            done = [entry for entry in own if entry["status"] == "done"]
            if not done:
                continue
            rows = {row["table"]: row["read"] for entry in done for row in entry.get("counts", ())}
            entry = {
                frozen.KEY: label,
                "by": name,
                "at": at,
                "snapshot": max(done, key=_when)["snapshot"],
                "rows": rows,
            }
            made.append(entry | {"files": frozen.hashes(folder, label)})
            manifest.append(folder, made[-1])
            frozen.seal(folder, made[-1])
        for one, folder in zip(spoken, folders, strict=True):
            if not folder.is_dir():
                continue
            with languages.speaking(one):
                head = {"company": settings_file.load(config).company.name, "language": one}
                head |= {"notes": settings.file.parent / "notes", "min_rank": settings.report.min_rank}
                site.build(folder, **head)
        languages.link(out, settings.company.language, site.PAGES)
    return made[0]


def settled(todo: list[plan.Job], out: Path, snapshot: str, today: str | None = None) -> list[plan.Job]:
    """Send the jobs of released periods elsewhere: unchanged where the data is the same, else into a restatement.

    Parameters
    ----------
    todo : list of Job
        From :func:`csatlib.publish.plan.jobs`.
    out : Path
        Output folder of the language.
    snapshot : str
        Name of the run's snapshot.
    today : str, optional
        Date of a restatement, 2026-11-27.

    Returns
    -------
    list of Job
        Those of a draft as they are.
    """
    today = today or f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    released = {period: frozen.of(out, period) for period in {job.period for job in todo}}
    dates = {p: _date(out, p, snapshot, today) for p, e in released.items() if e and e["snapshot"] != snapshot}
    found = []
    for job in todo:
        if released[job.period] is None:
            found.append(job)
        elif job.period not in dates:
            found.append(replace(job, released=True))
        else:
            moved, given = replace(job, restated=dates[job.period]), job.changes.get(stages.PARAMETER, "")
            if given.endswith(f"/{job.folder}"):
                place = given.removesuffix(job.folder) + moved.folder
                moved = replace(moved, changes=job.changes | {stages.PARAMETER: place})
            found.append(moved)
    return found


def restate(out: Path, todo: list[plan.Job], *, company: str, language: str) -> None:
    """Write beside each restated set of pages what was released and what it is now.

    Parameters
    ----------
    out : Path
        Output folder of the language.
    todo : list of Job
        Of the run, from :func:`settled`.
    company, language : str
        For the head of the page.
    """
    from csatlib.publish import html

    for folder in sorted({job.folder for job in todo if job.restated}):
        old = out / frozen.RESTATED.sub("", folder)
        period = folder.split("/")[0]
        entry = frozen.of(out, period)
        text = say("Restated on {date}: {period}", date=frozen.RESTATED.search(folder)[1], period=period)
        page = html.render(
            "restatement.html.j2",
            title=text,
            rows=compared(old, out / folder),
            released=say("Released by {name}, {time}.", name=entry["by"], time=entry["at"]),
            index="../../index.html",
            run={"company": company, "language": language, "period": period},
        )
        part = out / f"{lock.PART}{SHEET}"
        part.write_text(page, encoding="utf-8")
        site.publish(part, out / folder / SHEET)


def compared(old: Path, new: Path) -> list[dict]:
    """Set findings side by side: ``what``, ``unit``, ``old``, ``new``, ``change``; what changed comes first."""
    from csatlib import findings  # late: a run that has nothing to do should not wait for it

    rows = []
    for path in sorted(new.glob("*.ipynb")):
        if not (old / path.name).exists():
            continue
        keys = ["metric", "group"]
        before, after = (findings.read(p).drop_duplicates(keys) for p in (old / path.name, path))
        for row in before.merge(after, on=keys, how="outer", suffixes=("_old", "")).to_dict("records"):
            sides = {side: _figure(row, tail) for side, tail in (("old", "_old"), ("new", ""))}
            change = number(row["estimate"] - row["estimate_old"], 2, sign=True)
            unit = row["unit"] if isinstance(row["unit"], str) else row["unit_old"]
            rows.append({"what": _what(row), "unit": unit, "change": change} | sides)
    return sorted(rows, key=_same)


def _what(row: dict) -> str:
    label = row["label"] if isinstance(row["label"], str) else row["metric"]
    if trends.CHANGES in row["metric"]:
        return say("{label}, against the period before", label=label)
    return label if row["group"] == "all" else say("{label} in {group}", label=label, group=row["group"])


def _same(row: dict) -> bool:
    return row["old"] == row["new"]


def _figure(row: dict, tail: str) -> str:
    value, low, high = (number(row[c + tail], 2) for c in ("estimate", "ci_low", "ci_high"))
    return say("{value} ({low} to {high})", value=value, low=low, high=high)


def _check(label: str, out: Path, entries: list[list[dict]]) -> None:
    before = frozen.of(out, label)
    if before:
        raise ValueError(f"{label} is released already, by {before['by']} on {before['at']}; it is never replaced")
    failed = sorted({e["job"] for own in entries for e in own if e["status"] == "failed"})
    if failed:
        raise ValueError(f"{label} has failed reports: {', '.join(failed)}; mend them and run again, then release")
    if not any(entry["status"] == "done" for entry in entries[0]):
        raise ValueError(f"nothing of {label} has been published; first csat run --period {label}")


def _when(entry: dict) -> str:
    return entry["finished"]


def _date(out: Path, period: str, snapshot: str, today: str) -> str:
    """Date of the restatement made of this snapshot, else a new one that no other snapshot has."""
    known = {}
    told = {
        job: {"period": b["period"], "snapshot": b["runs"][-1]["snapshot"]}
        for job, b in history.published(out).items()
    }
    for name, entry in (told | manifest.latest(out)).items():
        match = frozen.RESTATED.search(name.rpartition("/")[0])
        if match and entry["period"] == period:
            known[match[1]] = entry["snapshot"]
    same = [date for date, made_of in known.items() if made_of == snapshot]
    if same:
        return max(same)
    names = [today, *(f"{today}-{k}" for k in range(2, len(known) + 3))]
    return next(name for name in names if name not in known)
