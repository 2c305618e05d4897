"""What earlier pages of a run recorded: findings, which notebooks left none, and the actions as they stood."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd
from IPython.display import display

from csatlib import findings
from csatlib.decisions.actions import WATCHED, _plain
from csatlib.words import listed, mark, say, together

MIME = "application/vnd.csatlib.actions+json"
DECIDES = "9"  # notebooks of this stage read the others and are not read
FAILED = ".failed.html"  # lies beside the last good report until a run succeeds
REASONS = {
    "failed": mark("{names}: failed in the latest run; an older report of it does not count here"),
    "absent": mark("{names}: not run"),
    "other": mark("{names}: of another period"),
    "none": mark("{names}: without findings"),
}


@dataclass(frozen=True)
class Collected:
    """Result of :func:`collected`: the findings of a period, and the notebooks that have none.

    Attributes
    ----------
    findings, missing : DataFrame
        See :func:`collected`.
    """

    findings: pd.DataFrame
    missing: pd.DataFrame


def collected(
    folder: str | Path, *, period: str, expected: Sequence[str] = (), snapshot: str | Path = ""
) -> Collected:
    """Collect what the notebooks of a folder recorded for a period.

    Parameters
    ----------
    folder : str or Path
        Executed notebooks named NN_topic.ipynb; those beginning with 9 do not count.
    period : str
        Findings of other periods are left out, and lessons.
    expected : sequence of str
        Names of notebooks that should be there.
    snapshot : str or Path
        Folder or name of the data looked at now; findings from other data count, and are told.

    Returns
    -------
    Collected
        ``findings``: columns of :func:`csatlib.findings.read` and ``notebook``. ``missing``: ``notebook``,
        ``reason`` (failed: its latest run failed, whatever an earlier one left; absent: not there; other: of
        another period; none: nothing recorded or not readable; older: there, but from other data, `notebook` with
        the day).

    Examples
    --------
    >>> collected("no such folder", period="2026-10", expected=["12_scores"]).missing.values.tolist()
    [['12_scores', 'absent']]
    """
    there = {path.stem: path for path in sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))}
    names = sorted({*there, *expected} - {name for name in {*there, *expected} if name.startswith(DECIDES)})
    found, missing, data = [], [], Path(snapshot).name
    for name in names:
        if (Path(folder) / f"{name}{FAILED}").exists():
            missing.append((name, "failed"))
            continue
        if name not in there:
            missing.append((name, "absent"))
            continue
        read, about = _read(there[name])
        if about.get("lesson"):
            continue
        run = about.get("run", {})
        of_period = read[read["period"].astype("str") == period]
        if of_period.empty:
            missing.append((name, "none" if read.empty else "other"))
        else:
            found.append(of_period.assign(notebook=name))
            if data and run.get("snapshot", data) != data:
                missing.append((f"{name} ({run['finished'][:10]})", "older"))
    empty = pd.DataFrame(columns=[*findings.COLUMNS, "notebook"])
    every = pd.concat(found, ignore_index=True) if found else empty
    return Collected(every, pd.DataFrame(missing, columns=["notebook", "reason"]))


def _read(path: Path) -> tuple[pd.DataFrame, dict]:
    """Read the findings of an executed notebook and what it says of itself; nothing of a broken one."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("csatlib", {})
        return findings.read(path), about
    except (ValueError, KeyError, TypeError, AttributeError):
        return pd.DataFrame(columns=list(findings.COLUMNS)), {}


def lacking(missing: pd.DataFrame) -> str:
    """Say which notebooks left no finding for the period.

    Parameters
    ----------
    missing : DataFrame
        From :func:`collected`.

    Returns
    -------
    str
        One or two sentences; "" where none is missing.

    Examples
    --------
    >>> lacking(pd.DataFrame([["12_scores", "absent"]], columns=["notebook", "reason"]))
    'Not on this page: 12_scores: not run.'
    """
    parts = [
        say(text, names=listed(list(missing.loc[missing["reason"] == reason, "notebook"])))
        for reason, text in REASONS.items()
        if (missing["reason"] == reason).any()
    ]
    older = list(missing.loc[missing["reason"] == "older", "notebook"])
    return together(
        say("Not on this page: {parts}.", parts=say("; ").join(parts)) if parts else "",
        say("Taken from an earlier run, on other data: {names}.", names=listed(older)) if older else "",
    )


def keep_actions(actions: pd.DataFrame, *, note: str = "") -> None:
    """Leave the actions as they stand in the executed notebook, for the next page to compare with.

    Parameters
    ----------
    actions : DataFrame
        As in the company's table.
    note : str
        What else to say beside it.

    Examples
    --------
    >>> keep_actions(pd.DataFrame({"action_id": ["A1"], "status": ["open"]}))  # doctest: +ELLIPSIS
    {'application/vnd.csatlib.actions+json': {'actions': [{'action_id': 'A1', 'status': 'open'}]}, ...
    """
    columns = [c for c in ("action_id", *WATCHED) if c in actions.columns]
    rows = [{c: _plain(row[c]) for c in columns} for row in actions.to_dict("records")]
    text = together(say("Actions kept on record for the next page: {n}.", n=len(rows)), note)
    html = f'<p class="csat-note csat-kept">{escape(text)}</p>'
    display({MIME: {"actions": rows}, "text/html": html, "text/plain": text}, raw=True)


def kept_actions(notebook: str | Path) -> pd.DataFrame:
    """Read the actions an executed notebook recorded.

    Parameters
    ----------
    notebook : str or Path
        An .ipynb file.

    Returns
    -------
    DataFrame
        As recorded, text; empty where there is no such file, or nothing in it.

    Examples
    --------
    >>> kept_actions("no such file.ipynb").empty
    True
    """
    path = Path(notebook)
    try:
        book = json.loads(path.read_text(encoding="utf-8"))
        outputs = [output for cell in book["cells"] for output in cell.get("outputs", ())]
    except (OSError, ValueError, KeyError, TypeError):
        outputs = []
    rows = [row for output in outputs for row in output.get("data", {}).get(MIME, {}).get("actions", ())]
    return pd.DataFrame(rows, columns=["action_id", *WATCHED]) if rows else pd.DataFrame({"action_id": []})


def page_before(findings_from: str | Path, *, before: str, name: str) -> Path:
    """Say where the same page of an earlier period lies beside the folder of findings of this one.

    Parameters
    ----------
    findings_from : str or Path
        The run's folder, ``.../2026-10/all``.
    before : str
        The earlier period.
    name : str
        Name of the notebook.

    Returns
    -------
    Path
        It need not exist.

    Examples
    --------
    >>> page_before("reports/2026-10/all", before="2026-09", name="90_executive_summary").as_posix()
    'reports/2026-09/all/90_executive_summary.ipynb'
    """
    folder = Path(findings_from)
    return folder.parent.parent / before / folder.name.split("-restated-")[0] / f"{name}.ipynb"
