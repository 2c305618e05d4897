"""What a run tells while it goes on and at its end: a bar in a terminal, plain lines or JSON elsewhere."""

import datetime
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

STATES = ("done", "unchanged", "skipped", "failed")
LOGS = ("text", "json")


def expected_seconds(todo: list[tuple[str, str]], entries: list[dict]) -> dict[str, float]:
    """How long each job may take: as long as it last did, else as its notebook last did, else as most do.

    Parameters
    ----------
    todo : list of (str, str)
        Name and notebook of each job to be executed.
    entries : list of dict
        Of the manifest, oldest first.

    Returns
    -------
    dict
        Job name -> seconds; empty where nothing was ever executed.

    Examples
    --------
    >>> known = [{"job": "2026-09/all/10_a", "notebook": "10_a", "status": "done", "seconds": 3.0}]
    >>> expected_seconds([("2026-10/all/10_a", "10_a"), ("2026-10/all/20_b", "20_b")], known)
    {'2026-10/all/10_a': 3.0, '2026-10/all/20_b': 3.0}
    """
    done = [entry for entry in entries if entry["status"] == "done" and entry.get("seconds")]
    if not done:
        return {}
    jobs = {entry["job"]: entry["seconds"] for entry in done}
    books = {entry["notebook"]: entry["seconds"] for entry in done}
    usual = median(books.values())
    return {job: jobs.get(job, books.get(book, usual)) for job, book in todo}


def line(outcome: Any) -> str:
    """One outcome in one line.

    Examples
    --------
    >>> from csatlib.publish.job import Outcome
    >>> line(Outcome("2026-10/all/10_a", "done", 3.21))
    'done 2026-10/all/10_a in 3.2 s'
    """
    took = f" in {outcome.seconds:.1f} s" if outcome.seconds else ""
    return f"{outcome.status} {outcome.job}{took}" + (f": {outcome.reason}" if outcome.reason else "")


@contextmanager
def shown(log: str, write: Callable[[str], None]) -> Iterator[Callable]:
    """Yield what :func:`csatlib.publish.run.run` calls after each job.

    Parameters
    ----------
    log : str
        "text": a bar in a terminal, a plain line per job elsewhere; "json": an object per job.
    write : callable
        Takes a line.

    Yields
    ------
    callable
        Takes the outcome (None before the first), how many are finished, how many there are, and the expected
        seconds left (None where no earlier run tells).
    """
    console = Console()
    if log == "json":
        yield lambda *told: write(_event(*told))
    elif console.is_terminal:
        with _bar(console) as show:
            yield show
    else:
        yield lambda *told: write(_plain(*told))


def closing(result: Any, log: str, write: Callable[[str], None]) -> None:
    """Write what became of everything: counts, then each failure with cell and error.

    Parameters
    ----------
    result : Result
        Of the run.
    log : str
        As in :func:`shown`.
    write : callable
        Takes a line.
    """
    counts = Counter(outcome.status for outcome in result.outcomes)
    counts = {state: counts[state] for state in STATES if counts[state]}
    if log == "json":
        end = {"event": "end", "counts": counts, "alerts": len(result.alerts), "index": str(result.index)}
        write(json.dumps(end, ensure_ascii=False))
        return
    console = Console()
    if console.is_terminal:
        console.print(_table(result.outcomes))
    else:
        for outcome in result.failed:
            write(f"failed: {outcome.job}: {outcome.reason}")
    for alert in result.alerts:
        write(_alert(alert))
    write(", ".join(f"{count} {state}" for state, count in counts.items()))


def _event(outcome: Any, finished: int, total: int, left: float | None = None) -> str:
    told = {"event": "start"} if outcome is None else {"event": "job", **asdict(outcome)}
    told |= {"time": _now().isoformat(timespec="seconds"), "finished": finished, "total": total}
    told |= {"expected_seconds_left": left if left is None else round(left, 1)}
    return json.dumps(told, ensure_ascii=False)


def _plain(outcome: Any, finished: int, total: int, left: float | None = None) -> str:
    if outcome is None:
        return f"{total} {'report' if total == 1 else 'reports'}{_ends(left)}"
    return f"[{finished}/{total}] {line(outcome)}{_ends(left)}"


def _ends(left: float | None) -> str:
    if not left:
        return ""
    return f"; expected to end at {_now() + datetime.timedelta(seconds=left):%H:%M:%S}"


def _alert(alert: dict) -> str:
    low, high = alert["ci_low"], alert["ci_high"]
    interval = f" [{low:g}, {high:g}]" if low is not None and high is not None else ""
    what = f"{alert['metric']} ({alert['group']}, {alert['period']})"
    verb = "misses its" if alert["kind"] == "target" else "is beyond its"
    beyond = f"{verb} {alert['kind']} {alert['limit']:g}: {alert['estimate']:g}{interval}"
    return f"alert: {what} {beyond}, {alert['page']}"


@contextmanager
def _bar(console: Console) -> Iterator[Callable]:
    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[ends]}")
    with Progress(TextColumn("reports"), *columns, console=console) as bar:
        task = bar.add_task("", total=None, ends="")

        def show(outcome: Any, finished: int, total: int, left: float | None = None) -> None:
            ends = _ends(left).removeprefix("; ")
            bar.update(task, completed=finished, total=total, ends=ends, refresh=outcome is None)
            if outcome is not None:
                bar.console.print(line(outcome), markup=False, highlight=False)

        yield show


def _table(outcomes: Any) -> Table:
    """Done and unchanged per notebook, skipped per reason, failures one by one."""
    table = Table()
    for name in ("status", "report", "reports", "seconds", "cell", "what"):
        table.add_column(name, justify="right" if name in ("reports", "seconds") else "left", overflow="fold")
    groups: dict[tuple, list] = {}
    for outcome in outcomes:
        single = outcome.job if outcome.status == "failed" else outcome.job.rsplit("/", 1)[-1]
        groups.setdefault((STATES.index(outcome.status), single, outcome.reason or ""), []).append(outcome)
    for (state, name, _), group in sorted(groups.items(), key=lambda item: item[0]):
        error, seconds = group[0].error or group[0].reason or "", sum(outcome.seconds for outcome in group)
        cells = STATES[state], name, str(len(group)), f"{seconds:.1f}" if seconds else "", group[0].cell or ""
        table.add_row(*map(_inert, (*cells, error)), style="bold red" if STATES[state] == "failed" else None)
    return table


def _inert(text: str) -> str:
    """Error messages may hold brackets that rich would read and escapes that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text).replace("[", "\\[")


def _now() -> datetime.datetime:
    return datetime.datetime.now().astimezone()
