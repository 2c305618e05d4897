"""What `csat check` tells: rows read and rejected, every problem with its remedy, what can be run."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from csatlib.publish import plan
from csatlib.tables import workspace
from csatlib.tables.audit import SEVERITIES, audit
from csatlib.tables.reading.statement import describe

COUNTS = {"table": "table", "read": "read", "accepted": "used", "rejected": "rejected"}


@dataclass(frozen=True)
class Checked:
    """A company's data as `csat check` found it.

    `lacking` maps a notebook to what it lacks, "" if nothing; `readings` a table to how its file was read.
    """

    settings: Path
    counts: pd.DataFrame
    problems: pd.DataFrame
    rejected: Path | None
    lacking: dict[str, str]
    readings: dict[str, str] = field(default_factory=dict)


def check(config: str | Path = "csat.toml") -> Checked:
    """Read and check everything.

    Parameters
    ----------
    config : str or Path
        Settings file; looked for in the current folder and its parents.

    Returns
    -------
    Checked
        counts has table, read, accepted, rejected; problems is that of :func:`csatlib.tables.audit.audit`.

    Raises
    ------
    FileNotFoundError, ValueError
        Settings or tables are wrong in a way that no row can be read.
    """
    ws = workspace.open(config)
    counts = ws.counts.assign(accepted=lambda t: t["read"] - t["rejected"])[[*COUNTS]]
    folder = ws.snapshot / "rejected"
    rejected = folder if folder.is_dir() else None
    readings = {name: describe(told) for name, told in ws.readings.items()}
    return Checked(ws.settings.file, counts, audit(ws), rejected, dict(_notebooks(ws)), readings)


def _notebooks(ws: workspace.Workspace) -> Iterator[tuple[str, str]]:
    try:
        notebooks = plan.find(ws.settings.file.parent)
    except FileNotFoundError:
        return
    for notebook in notebooks:
        lacking = [table for table in notebook.tables if not ws.has(table)]
        lacking = f"lacks {', '.join(lacking)}" if lacking else ""
        yield notebook.name, notebook.error or lacking


def problem_lines(problems: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield severity and text (three lines) of every problem.

    Parameters
    ----------
    problems : DataFrame
        From :func:`check`.

    Yields
    ------
    tuple of str
        Severity, and what is wrong, how often and where, what to do.
    """
    for row in problems.itertuples():
        count = f"{row.count:,} ({100 * row.share:.1f} %)" if row.share == row.share else f"{row.count:,}"
        # ids come from outside: an escape sequence must not reach the terminal
        examples = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in row.examples)
        what = ": ".join(filter(None, [count, examples]))
        yield row.severity, f"{row.table}.{row.column}: {row.rule}\n  {what}\n  -> {row.remedy}"


def notebook_lines(lacking: dict[str, str]) -> Iterator[str]:
    """Yield one line per notebook: whether it can run, or what it lacks."""
    if not lacking:
        yield "no notebooks beside the settings file"
    for name, reason in lacking.items():
        yield f"{name}: {reason or 'can run'}"


def verdict(checked: Checked) -> str:
    """Return the last line: how many rows were rejected, how much else there is to look at."""
    rejected, read = int(checked.counts["rejected"].sum()), int(checked.counts["read"].sum())
    counts = {name: int((checked.problems["severity"] == name).sum()) for name in SEVERITIES[1:]}
    parts = [f"{count} {name}" if count == 1 else f"{count} {name}s" for name, count in counts.items()]
    if rejected:
        return f"{rejected:,} of {read:,} rows were rejected; {', '.join(parts)}"
    return f"no row of {read:,} was rejected; {', '.join(parts)}"
