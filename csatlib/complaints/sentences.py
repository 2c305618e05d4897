"""Sentences on how complaints are handled, made from the results."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import mark, say, together

SERVICE = {"response": mark("Answered"), "resolution": mark("Solved")}
TOO_FEW = mark("Too few complaints to show a figure.")


def stage_of(row: Mapping[str, Any], *, names: Mapping[str, str]) -> str:
    """Name a bar of service levels: the stage, the group, and the share within target.

    Parameters
    ----------
    row : mapping
        One row of ``within`` of :func:`csatlib.complaints.service_levels`, protected.
    names : mapping of str to str
        What a reader calls each group.

    Returns
    -------
    str
        Two lines.

    Examples
    --------
    >>> row = {"stage": "response", "group": "all", "n": 40, "estimate": 75.0}
    >>> stage_of(row, names={"all": "all"}).splitlines()
    ['Answered, all', '75 % of 40']
    """
    who = say("{stage}, {group}", stage=say(SERVICE[row["stage"]]), group=names.get(row["group"], row["group"]))
    if pd.isna(row["estimate"]):
        return who
    return who + "\n" + say("{share} % of {n}", share=theme.number(row["estimate"], 0), n=f"{row['n']:,.0f}")


def in_time(within: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say which share of the complaints is answered and solved within target, group by group.

    Parameters
    ----------
    within : DataFrame
        ``within`` of :func:`csatlib.complaints.service_levels`, or some of its rows.
    names : mapping of str to str
        What a reader calls each group.

    Returns
    -------
    str
        One sentence per row.

    Examples
    --------
    >>> row = {"stage": "response", "level": "all", "group": "all", "n": 40, "estimate": 75.0, "ci_low": 60.0}
    >>> in_time(pd.DataFrame([row | {"ci_high": 86.0, "n_overdue": 4}]), names={"all": "all complaints"})
    'Answered within target, all complaints: 75 % (95 % interval 60 to 86, n = 40; 4 of them open and overdue).'
    """
    text = {
        "response": mark(
            "Answered within target, {group}: {share} % (95 % interval {low} to {high}, n = {n}; {overdue} of "
            "them "
            "open and overdue)."
        ),
        "resolution": mark(
            "Solved within target, {group}: {share} % (95 % interval {low} to {high}, n = {n}; {overdue} of them "
            "open and overdue)."
        ),
    }
    rows = [row for row in disclosure.protect(within).to_dict("records") if pd.notna(row["estimate"])]
    told = [
        say(
            text[row["stage"]],
            group=names.get(row["group"], row["group"]),
            overdue=f"{row['n_overdue']:,.0f}",
            **span(row),
        )
        for row in rows
    ]
    return together(*told) or say(TOO_FEW)


def steps(within: pd.DataFrame, *, names: Mapping[str, str]) -> pd.DataFrame:
    """Return service levels with a reader's names of the groups; a level of escalation is named as one.

    Parameters
    ----------
    within : DataFrame
        ``within`` of :func:`csatlib.complaints.service_levels`.
    names : mapping of str to str
        What a reader calls each group.

    Returns
    -------
    DataFrame
        With ``label``.

    Examples
    --------
    >>> steps(pd.DataFrame({"level": ["all", "level"], "group": ["all", "2"]}), names={})["label"].tolist()
    ['all', 'escalation level 2']
    """
    labels = [
        say("escalation level {level}", level=r.group) if r.level == "level" else names.get(r.group, r.group)
        for r in within.itertuples()
    ]
    return within.assign(label=labels)


def takes(times: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say after how long half of the complaints are solved, open ones included.

    Parameters
    ----------
    times : DataFrame
        ``times`` of :func:`csatlib.complaints.service_levels`, or some of its rows.
    names : mapping of str to str
        What a reader calls each group.

    Returns
    -------
    str
        One sentence per group.

    Examples
    --------
    >>> row = {"stage": "resolution", "group": "all", "share_done": 0.5, "n": 40, "n_open": 3, "estimate": 74.6}
    >>> takes(pd.DataFrame([row | {"ci_low": 70.0, "ci_high": 80.0}]), names={"all": "all complaints"})
    'Half of all complaints are solved after 74.6 hours (95 % interval 70.0 to 80.0; 3 of 40 still open).'
    """
    shown = disclosure.protect(times[(times["stage"] == "resolution") & (times["share_done"] == 0.5)])
    text = mark(
        "Half of {group} are solved after {hours} hours (95 % interval {low} to {high}; {open} of {n} still open)."
    )
    return together(
        *(
            say(
                text,
                group=names.get(row["group"], row["group"]),
                hours=theme.number(row["estimate"], 1),
                low=theme.number(row["ci_low"], 1),
                high=theme.number(row["ci_high"], 1),
                open=f"{row['n_open']:,.0f}",
                n=f"{row['n']:,.0f}",
            )
            for row in shown.to_dict("records")
            if pd.notna(row["estimate"])
        )
    )


def valued(result: pd.DataFrame, *, names: Mapping[str, str]) -> dict[str, str]:
    """Name each group by its column and its value.

    Parameters
    ----------
    result : DataFrame
        ``level`` and ``group``.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> valued(pd.DataFrame({"level": ["all", "urgency"], "group": ["all", "other"]}), names={})
    {'other': 'urgency: other'}
    """
    pairs = result[result["level"] != "all"][["level", "group"]].drop_duplicates()
    text = mark("{by}: {group}")
    return {r.group: say(text, by=names.get(r.level, r.level), group=r.group) for r in pairs.itertuples()}


def waiting(result: pd.DataFrame) -> str:
    """Say how many complaints are open, and how many of them for how long.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.backlog`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> rows = {"level": "all", "group": "all", "from_days": [0.0, 30.0], "n": 55, "estimate": [13, 42]}
    >>> waiting(pd.DataFrame(rows))
    '55 complaints are open, 42 of them for 30 days or longer.'
    """
    whole = result[result["level"] == "all"]
    if whole.empty or not whole["n"].iloc[0]:
        return say("No complaint is open.")
    oldest = whole.iloc[-1]
    return say(
        "{n} complaints are open, {old} of them for {days} days or longer.",
        n=f"{oldest['n']:,.0f}",
        old=f"{oldest['estimate']:,.0f}",
        days=f"{oldest['from_days']:,.0f}",
    )


def ages(result: pd.DataFrame) -> pd.DataFrame:
    """Return the backlog with a reader's names of the age bands.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.backlog`.

    Returns
    -------
    DataFrame
        With ``label``, and without limits: a complete count.

    Examples
    --------
    >>> bands = {"from_days": [0.0, 1.0, 7.0], "to_days": [1.0, 7.0, float("inf")], "n": 55, "estimate": 5}
    >>> ages(pd.DataFrame(bands))["label"].tolist()
    ['under 1 day', '1 to 7 days', '7 days or longer']
    """

    def label(low: float, high: float) -> str:
        if np.isinf(high):
            return say("{low} days or longer", low=f"{low:g}")
        if low == 0:
            return say("under 1 day") if high == 1 else say("under {high} days", high=f"{high:g}")
        return say("{low} to {high} days", low=f"{low:g}", high=f"{high:g}")

    labels = [label(low, high) for low, high in zip(result["from_days"], result["to_days"], strict=True)]
    # a complete count: small groups are hidden, but nothing is an estimate
    return disclosure.protect(result).assign(label=labels, ci_low=np.nan, ci_high=np.nan, indicative=False)


def span(row: Mapping[str, Any]) -> dict[str, str]:
    """Fill the places share, low, high and n of a sentence.

    Parameters
    ----------
    row : mapping
        ``estimate``, ``ci_low``, ``ci_high`` in percent, ``n``.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> span({"estimate": 75.2, "ci_low": 60.0, "ci_high": 86.0, "n": 1040})
    {'share': '75', 'low': '60', 'high': '86', 'n': '1,040'}
    """
    places = {"share": "estimate", "low": "ci_low", "high": "ci_high"}
    return {name: theme.number(row[column], 0) for name, column in places.items()} | {"n": f"{row['n']:,.0f}"}
