"""Sentences on who solves complaints in time, and on what a page takes and leaves out."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from csatlib import disclosure, theme
from csatlib.apart import LEVEL, differing, grouped
from csatlib.words import listed, mark, say, together

HALF = 0.5
COLUMNS = {"response": mark("Answered in time"), "resolution": mark("Solved in time")}


def apart_in_time(result: pd.DataFrame, *, by: str) -> str:
    """Say which groups solve more or fewer complaints within target than all others.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.in_time_apart`.
    by : str
        What a reader calls the column of the groups.

    Returns
    -------
    str
        One sentence per group that differs beyond random variation; "" where nothing is compared.

    Examples
    --------
    >>> row = {"group": "Roads", "n": 600, "n_reference": 1800, "value": 53.0, "value_reference": 85.0}
    >>> row |= {"estimate": -32.0, "ci_low": -40.0, "ci_high": -24.0, "p_adjusted": 0.001}
    >>> apart_in_time(pd.DataFrame([row]), by="department")
    'Roads: 53 % solved within target, all others 85 %; 32 points fewer (95 % interval 24 to 40).'
    """
    if result.empty:
        return ""
    more = mark(
        "{group}: {value} % solved within target, all others {rest} %; {size} points more (95 % interval {low} to "
        "{high})."
    )
    less = mark(
        "{group}: {value} % solved within target, all others {rest} %; {size} points fewer (95 % interval {low} "
        "to {high})."
    )
    told = differing(result, more=more, less=less, decimals=0)
    return together(*told) or say(
        "By {by}, no group solves more or fewer within target than the others beyond random variation.", by=by
    )


def late_groups(result: pd.DataFrame) -> str:
    """Name the groups that solve fewer complaints within target than all others.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.in_time_apart`.

    Returns
    -------
    str
        One sentence in the order of their names, or "".

    Examples
    --------
    >>> row = {"group": "Roads", "n": 600, "n_reference": 1800, "value": 53.0, "value_reference": 85.0}
    >>> late_groups(pd.DataFrame([row | {"estimate": -32.0, "p_adjusted": 0.001}]))
    'Solved within target less often than elsewhere: Roads (53 %).'
    """
    if result.empty:
        return ""
    shown = disclosure.protect(result)
    low = shown[~shown["hidden"] & ~shown["indicative"] & (shown["p_adjusted"] < LEVEL) & (shown["estimate"] < 0)]
    if low.empty:
        return ""
    text = mark("{group} ({share} %)")
    groups = [say(text, group=r.group, share=theme.number(r.value, 0)) for r in low.itertuples()]
    return say("Solved within target less often than elsewhere: {groups}.", groups=listed(groups))


def flattered(closed: pd.DataFrame, service: Any) -> str:
    """Say what the figures would be if open complaints were left out.

    Parameters
    ----------
    closed : DataFrame
        From :func:`csatlib.complaints.closed_alone`.
    service : ServiceLevels
        From :func:`csatlib.complaints.service_levels`, of the same complaints.

    Returns
    -------
    str
        One or two sentences, or "".

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> row = {"stage": "resolution", "level": "all", "n": 90, "estimate": 80.0}
    >>> times = pd.DataFrame([row | {"share_done": 0.5, "estimate": 39.2}])
    >>> found = SimpleNamespace(within=pd.DataFrame([row]), times=times)
    >>> closed = pd.DataFrame({"n": [80], "n_open": [10], "estimate": [31.1], "share": [83.6]})
    >>> flattered(closed, found)  # doctest: +ELLIPSIS
    'Of the 80 closed ones alone 83.6 % were in time, with the open ones it is 80.0 %. Half of the 80 were ...
    """
    row = disclosure.protect(closed).iloc[0]
    if row["hidden"] or not row["n_open"]:
        return ""
    within, times = (
        disclosure.protect(t[(t["stage"] == "resolution") & (t["level"] == "all")])
        for t in (service.within, service.times[service.times["share_done"] == HALF])
    )
    n = f"{row['n']:,.0f}"
    told = [
        say(
            "Of the {n} closed ones alone {share} % were in time, with the open ones it is {all} %.",
            n=n,
            share=theme.number(row["share"], 1),
            all=theme.number(within["estimate"].iloc[0], 1),
        )
        if len(within) and pd.notna(row["share"])
        else "",
        say(
            "Half of the {n} were closed within {hours} hours; with the open ones it takes {all}.",
            n=n,
            hours=theme.number(row["estimate"], 1),
            all=theme.number(times["estimate"].iloc[0], 1),
        )
        if len(times) and pd.notna(times["estimate"].iloc[0])
        else "",
    ]
    return together(*told)


def stages(within: pd.DataFrame) -> dict[str, str]:
    """Name the steps that have a target, as headings.

    Parameters
    ----------
    within : DataFrame
        ``within`` of :func:`csatlib.complaints.service_levels`.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> stages(pd.DataFrame({"stage": ["resolution"]}))
    {'resolution': 'Solved in time'}
    """
    return {stage: say(COLUMNS[stage]) for stage in within["stage"].unique()}


def left_out(
    data: pd.DataFrame, used: pd.DataFrame, rows: Mapping[str, Any], *, wished: str = "", group: str = ""
) -> str:
    """Say how many complaints are left out, which, and by what groups are compared if not as wished.

    Parameters
    ----------
    data, used : DataFrame
        Complaints before and after :func:`csatlib.complaints.prepared`.
    rows : mapping of str to value or list of values
        As given there.
    wished, group : str
        What a reader calls the column wished for and that of the groups.

    Returns
    -------
    str
        One or two sentences, or "".

    Examples
    --------
    >>> cases = pd.DataFrame({"status": ["Open", "Twice"]})
    >>> left_out(cases, cases.head(1), {"status": ["Twice"]})
    'Left out: 1 complaints (Twice).'
    """
    values = [v for value in rows.values() for v in (value if isinstance(value, list | tuple) else [value])]
    gone = say("Left out: {n} complaints ({values}).", n=f"{len(data) - len(used):,}", values=listed(values))
    return together(gone if len(data) > len(used) else "", grouped(wished=wished, used=group))


def closed_beside_all(closed: pd.DataFrame, service: Any) -> pd.DataFrame:
    """Set what closed complaints alone would show beside what all show.

    Parameters
    ----------
    closed, service
        As in :func:`flattered`.

    Returns
    -------
    DataFrame
        ``label``, ``part`` ("closed", "all"), ``n``, ``estimate``, ``ci_low``, ``ci_high``; a row of shares where
        there is a date promised, and a row of medians in hours where half of all are solved.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> row = {"stage": "resolution", "level": "all", "n": 90, "estimate": 80.0, "ci_low": 71.0, "ci_high": 87.0}
    >>> times = pd.DataFrame([row | {"share_done": 0.5, "estimate": 39.2}])
    >>> closed = pd.DataFrame({"n": [80], "n_open": [10], "estimate": [31.1], "share": [83.6]})
    >>> found = closed_beside_all(closed, SimpleNamespace(within=pd.DataFrame([row]), times=times))
    >>> found[["part", "n", "estimate"]].values.tolist()
    [['closed', 80, 83.6], ['all', 90, 80.0], ['closed', 80, 31.1], ['all', 90, 39.2]]
    """
    within, times = (
        t[(t["stage"] == "resolution") & (t["level"] == "all") & t["estimate"].notna()]
        for t in (service.within, service.times[service.times["share_done"] == HALF])
    )
    found, row = [], closed.iloc[0]
    pairs = (
        (say("Solved in time, percent"), "share", within),
        (say("Hours to the solution, median"), "estimate", times),
    )
    for label, column, every in pairs:
        if len(every) and pd.notna(row[column]):
            found.append({"label": label, "part": "closed", "n": row["n"], "estimate": row[column]})
            whole = every[["n", "estimate", "ci_low", "ci_high"]].iloc[0].to_dict()
            found.append({"label": label, "part": "all"} | whole)
    columns = ["label", "part", "n", "estimate", "ci_low", "ci_high"]
    return pd.DataFrame(found, columns=columns).astype({"n": "int64"} if found else {})
