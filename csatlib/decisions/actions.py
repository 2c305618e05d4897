"""Actions as people write them down: what state each is in, and what in the file contradicts itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from csatlib.stats.rows import require_columns
from csatlib.words import listed, mark, say

COMPANY = "all"
SECONDS = 86_400.0
WHOLE = ("", "all", "company", "total", "公司", "全公司", "全部")
STATUS = {
    **dict.fromkeys(("done", "closed", "finished", "completed", "完成", "已完成"), "done"),
    **dict.fromkeys(("open", "late", "in progress", "started", "planned", "进行中", "未完成", "逾期"), "open"),
    **dict.fromkeys(("dropped", "cancelled", "stopped", "放弃", "已放弃", "取消", "已取消"), "dropped"),
}
NEEDED = ("action_id", "finding", "owner", "opened_on", "due_on", "status")
NO_ACTIONS = pd.DataFrame(columns=list(NEEDED))
WATCHED = ("finding", "owner", "opened_on", "due_on", "status", "done_on", "expected", "cost")
DATES = ("opened_on", "due_on", "done_on")
FIELDS = {
    "finding": mark("finding"),
    "owner": mark("owner"),
    "opened_on": mark("day opened"),
    "due_on": mark("due date"),
    "status": mark("status"),
    "done_on": mark("day done"),
    "expected": mark("change hoped for"),
    "cost": mark("cost"),
}
PROBLEMS = {
    "undated": mark("{action} is done without a day: counted as done, its time as unknown. Give done_on."),
    "not_done": mark("{action} has a day done but the status {found}: counted as open. Correct one of the two."),
    "dropped_done": mark("{action} is dropped and has a day done: counted as dropped. Correct one of the two."),
    "unknown": mark("{action} has the unknown status {found}: counted as open. Write open, done or dropped."),
    "no_due": mark("{action} has no due date: it can never be late. Give due_on."),
    "backwards": mark("{action} is done or due before it was opened: its time is not counted. Correct the dates."),
    "twice": mark("{action} stands in the file more than once: every row is shown. Give each action its own id."),
}


@dataclass(frozen=True)
class Followed:
    """Result of :func:`followed`: actions with their state, and what in the file contradicts itself.

    Attributes
    ----------
    actions, problems : DataFrame
        See :func:`followed`.
    """

    actions: pd.DataFrame
    problems: pd.DataFrame


def followed(actions: pd.DataFrame, *, as_of: Any, groups: Mapping[str, str] | None = None) -> Followed:
    """Tell of each action what state it is in on a day; nothing is left out for being contradictory.

    Parameters
    ----------
    actions : DataFrame
        One row per action: ``action_id``, ``finding`` (metric and group, as in "promises_kept North"), ``owner``,
        ``opened_on``, ``due_on``, ``status`` (open, done or dropped); optionally ``done_on``, ``expected``
        (change hoped for, in the metric's unit) and ``cost``.
    as_of : str or Timestamp
        The moment, for example the end of the month; actions opened later do not count yet.
    groups : mapping, optional
        What a reader calls a group that the file names as it is stored.

    Returns
    -------
    Followed
        ``actions``: as given, and ``metric``, ``group`` ("all" for the company), ``state`` (done, done_late, open,
        overdue, dropped), ``days`` (from the day opened to the day done, else to `as_of`; NaN where dropped or
        unknown), ``is_done``. ``problems``: ``action_id``, ``problem``, ``text``.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    What contradicts itself never counts as a success: a row that says open beside a day done is open. A day done
    after `as_of` was not known then: the action is still open. A dropped action carries no day, so it is dropped
    on every page.

    Examples
    --------
    >>> day = pd.Timestamp("2026-10-05")
    >>> row = {"action_id": "A1", "finding": "nps North", "owner": "Sales", "status": "open"}
    >>> found = followed(pd.DataFrame([row | {"opened_on": day, "due_on": day}]), as_of="2026-11-01").actions
    >>> found[["metric", "group", "state", "days"]].values.tolist()
    [['nps', 'North', 'overdue', 27.0]]
    """
    require_columns(actions.columns, NEEDED)
    moment = pd.Timestamp(as_of)
    table = _read(actions)
    table = table[~(table["opened_on"] >= moment)].reset_index(drop=True)
    status = table["status"].astype("str").str.strip().str.casefold().map(STATUS)
    marks = _contradictions(table, status)
    done = (status == "done") & ~(table["done_on"] >= moment)
    due = table["due_on"] + pd.Timedelta(days=1)  # due by the end of that day
    late = done & (table["done_on"] >= due)
    state = pd.Series("open", index=table.index).mask(due <= moment, "overdue")
    state = state.mask(done, "done").mask(late, "done_late").mask(status == "dropped", "dropped")
    ended = table["done_on"].where(done, moment).mask(marks["undated"] | (status == "dropped"))
    days = (ended - table["opened_on"]).dt.total_seconds() / SECONDS
    parts = table["finding"].map(_split)
    made = table.assign(
        metric=[metric for metric, _ in parts],
        group=[(groups or {}).get(group, group) for _, group in parts],
        state=state,
        days=days.mask(marks["backwards"]),
        is_done=done,
    )
    return Followed(actions=made, problems=_told(table, marks))


def _read(actions: pd.DataFrame) -> pd.DataFrame:
    absent = {name: pd.NA for name in ("done_on", "expected", "cost") if name not in actions.columns}
    table = actions.assign(**absent)
    table = table.assign(**{name: pd.to_datetime(table[name]) for name in DATES})
    return table.assign(**{name: pd.to_numeric(table[name]) for name in ("expected", "cost")})


def _contradictions(table: pd.DataFrame, status: pd.Series) -> dict[str, pd.Series]:
    dated, opened = table["done_on"].notna(), table["opened_on"]
    return {
        "undated": (status == "done") & ~dated,
        "not_done": (status == "open") & dated,
        "dropped_done": (status == "dropped") & dated,
        "unknown": status.isna(),
        "no_due": table["due_on"].isna(),
        "backwards": (table["due_on"] < opened) | (table["done_on"] < opened),
        "twice": table["action_id"].duplicated(keep=False),
    }


def edited(actions: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Compare the actions with those an earlier page recorded: what was changed, what has gone.

    Parameters
    ----------
    actions, before : DataFrame
        Now and then: ``action_id`` and any of ``finding``, ``owner``, ``opened_on``, ``due_on``, ``status``,
        ``done_on``, ``expected``, ``cost``.

    Returns
    -------
    DataFrame
        One row per change: ``action_id``, ``field`` ("" where the whole action has gone), ``was``, ``now``. The
        course of things is no change: a status or a day done where there was none, a status that is no more open.

    Raises
    ------
    KeyError
        A table without action_id.

    Examples
    --------
    >>> then = pd.DataFrame({"action_id": ["A1", "A2"], "due_on": ["2026-09-30", "2026-10-31"]})
    >>> now = pd.DataFrame({"action_id": ["A1"], "due_on": ["2026-12-31"]})
    >>> edited(now, then).values.tolist()
    [['A1', 'due_on', '2026-09-30', '2026-12-31'], ['A2', '', '', '']]
    """
    for table in (actions, before):
        require_columns(table.columns, ["action_id"])
    now = {str(row["action_id"]): row for row in actions.to_dict("records")}
    found = []
    for row in before.to_dict("records"):
        key = str(row["action_id"])
        if key not in now:
            found.append((key, "", "", ""))
            continue
        for field in WATCHED:
            was, now_is = _plain(row.get(field)), _plain(now[key].get(field))
            course = field in ("status", "done_on") and STATUS.get(_plain(row.get("status")).casefold()) == "open"
            if field in row and was != now_is and not course:
                found.append((key, field, was, now_is))
    return pd.DataFrame(found, columns=["action_id", "field", "was", "now"])


def changes_told(changes: pd.DataFrame) -> str:
    """Say what was changed in the file of actions since the page before.

    Parameters
    ----------
    changes : DataFrame
        From :func:`edited`.

    Returns
    -------
    str
        A sentence; "" where nothing was.

    Examples
    --------
    >>> row = {"action_id": "A1", "field": "due_on", "was": "2026-09-30", "now": "2026-12-31"}
    >>> changes_told(pd.DataFrame([row]))
    'Changed in the file since the page before: A1, due date from 2026-09-30 to 2026-12-31.'
    """
    said, gone = [], list(changes.loc[changes["field"] == "", "action_id"])
    if len(gone) > 1:
        said.append(say("{actions} are no longer in the file", actions=listed(gone)))
    elif gone:
        said.append(say("{action} is no longer in the file", action=gone[0]))
    for row in changes[changes["field"] != ""].to_dict("records"):
        places = {"action": row["action_id"], "field": say(FIELDS[row["field"]])}
        places |= {side: row[side] or "–" for side in ("was", "now")}
        said.append(say("{action}, {field} from {was} to {now}", **places))
    if not said:
        return ""
    return say("Changed in the file since the page before: {changes}.", changes=say("; ").join(said))


def _split(finding: Any) -> tuple[str, str]:
    metric, _, group = " ".join(str(finding).split()).partition(" ")
    return metric, COMPANY if group.casefold() in WHOLE else group


def _told(table: pd.DataFrame, marks: dict[str, pd.Series]) -> pd.DataFrame:
    found = []
    for problem, where in marks.items():
        for row in table[where].drop_duplicates("action_id").to_dict("records"):
            text = say(PROBLEMS[problem], action=row["action_id"], found=row["status"])
            found.append((str(row["action_id"]), problem, text))
    return pd.DataFrame(found, columns=["action_id", "problem", "text"])


def _plain(value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return f"{value:.10g}" if isinstance(value, int | float) else str(value).strip()


def names_of(ids: pd.Series) -> str:
    """List the ids of actions as a sentence does.

    Examples
    --------
    >>> names_of(pd.Series(["A1", "A2"]))
    'A1 and A2'
    """
    return listed([str(one) for one in ids])
