"""Whole sentences made from importance and priorities; nothing is ordered that intervals cannot separate."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from csatlib import disclosure, theme
from csatlib.drivers.priorities import Priorities
from csatlib.stats.relative_importance import candidates
from csatlib.words import listed, mark, say, together

MOST_LISTED = 6


def leading(result: pd.DataFrame, *, outcome: str) -> str:
    """Say what moves together most with an outcome: one name only where all others are behind it.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.drivers.importance`, of one group.
    outcome : str
        What a reader calls the outcome, as within a sentence.

    Returns
    -------
    str
        One or two sentences.

    Raises
    ------
    ValueError
        A result of several groups.

    Examples
    --------
    >>> rows = {"label": ["Speed", "Care", "Price"], "set": ["a", "ab", "b"], "rank": [1, 2, 3], "n": 300}
    >>> limits = {"share": [0.5, 0.3, 0.2], "ci_low": 0.1, "ci_high": 0.6, "sign_flag": False}
    >>> leading(pd.DataFrame(rows | limits), outcome="overall satisfaction")
    'What moves together most with overall satisfaction is one of Speed and Care; which of them cannot be told.'
    """
    rows = _of_one_group(result)
    if not rows:
        return say("Too few answers to tell what moves together with {outcome}.", outcome=outcome)
    if not all(row["set"] for row in rows):
        text = mark("What moves together most with {outcome} cannot be told: no interval can be given.")
        return say(text, outcome=outcome)
    first = candidates(pd.DataFrame(rows), "share")
    if len(first) == 1 and len(rows) > 1:
        row = first[0]
        text = say(
            "{rating} moves together most with {outcome}: {share} % of what all ratings explain "
            "({low} to {high} %, n = {n}).",
            rating=row["label"], outcome=outcome, n=f"{row['n']:,.0f}", **_percent(row),
        )  # fmt: skip
    elif len(first) == len(rows):
        text = say("Which of the {k} ratings moves together most with {outcome} cannot be told.",
                   k=len(rows), outcome=outcome)  # fmt: skip
    elif len(first) > MOST_LISTED:
        text = say(
            "Which rating moves together most with {outcome} cannot be told: {k} of {total} come into question.",
            outcome=outcome, k=len(first), total=len(rows),
        )  # fmt: skip
    else:
        text = say(
            "What moves together most with {outcome} is one of {names}; which of them cannot be told.",
            outcome=outcome, names=listed([row["label"] for row in first]),
        )  # fmt: skip
    return together(text, _suppressed(rows))


def behind(result: pd.DataFrame, *, outcome: str) -> str:
    """Say which ratings are beyond random variation less important than the one that is first.

    Parameters
    ----------
    result, outcome
        As in :func:`leading`.

    Returns
    -------
    str
        One sentence; empty where none can be told from the first.

    Examples
    --------
    >>> rows = {"label": ["Speed", "Care", "Price"], "set": ["a", "ab", "b"], "rank": [1, 2, 3], "n": 300}
    >>> behind(pd.DataFrame(rows | {"share": [0.5, 0.3, 0.2]}), outcome="overall satisfaction")
    'Price moves together with overall satisfaction less than the first does, beyond random variation.'
    """
    rows = _of_one_group(result)
    if not rows or not all(row["set"] for row in rows):
        return ""
    first = {row["label"] for row in candidates(pd.DataFrame(rows), "share")}
    names = [row["label"] for row in rows if row["label"] not in first]
    if not names:
        return ""
    if len(names) > 1:
        return say(
            "{names} move together with {outcome} less than the first does, beyond random variation.",
            names=listed(names), outcome=outcome,
        )  # fmt: skip
    return say(
        "{name} moves together with {outcome} less than the first does, beyond random variation.",
        name=names[0], outcome=outcome,
    )  # fmt: skip


def first_to_improve(result: Priorities) -> str:
    """Say where to begin, or that it cannot be told.

    Parameters
    ----------
    result : Priorities
        From :func:`csatlib.drivers.priorities`.

    Returns
    -------
    str
        One sentence. A rating above its target beyond random variation does not come into question.

    Examples
    --------
    >>> rows = {"label": ["Speed", "Care"], "n": 300, "priority": [0.2, 0.0], "set": ["a", "b"]}
    >>> limits = {"share": [0.7, 0.3], "performance": [4.0, 6.0], "target": 5.0, "ci_low": 0.2, "ci_high": 0.8}
    >>> limits |= {"performance_low": [3.8, 5.8]}
    >>> table = pd.DataFrame(rows | limits | {"quadrant": ["improve", "maintain"], "stable": True})
    >>> first_to_improve(Priorities(table, table, table))
    'Begin with Speed: 4.00 points against a target of 5.00, and 70 % of what all ratings explain.'
    """
    rows = _of_one_group(result.table)
    if not rows:
        return say("Too few answers to tell where to begin.")
    if not any(row["priority"] > 0 for row in rows):
        return say("Every rating reaches its target: none is to be improved first.")
    if not all(row["set"] for row in rows):
        return say("Where to begin cannot be told: no interval can be given.")
    reached = {row["label"] for row in rows if row["performance_low"] > row["target"]}
    first = [row for row in candidates(pd.DataFrame(rows), "priority") if row["label"] not in reached]
    if len(first) == len(rows) > 1 or len(first) > MOST_LISTED:
        return say("Where to begin cannot be told: {k} of {total} ratings come into question.",
                   k=len(first), total=len(rows))  # fmt: skip
    if len(first) > 1:
        return say("The first to improve is one of {names}; which of them cannot be told.",
                   names=listed([row["label"] for row in first]))  # fmt: skip
    row = first[0]
    return say(
        "Begin with {rating}: {performance} points against a target of {target}, and {share} % of what all "
        "ratings explain.",
        rating=row["label"], performance=theme.number(row["performance"], 2),
        target=theme.number(row["target"], 2), share=_percent(row)["share"],
    )  # fmt: skip


def hoped(row: Mapping[str, Any] | pd.Series, *, outcome: str) -> str:
    """Say what an outcome would be higher by if a rating rose, if the association holds in full.

    Parameters
    ----------
    row : mapping
        One row of :func:`csatlib.drivers.what_if`.
    outcome : str
        What a reader calls the outcome, as within a sentence.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"label": "Speed", "n": 300, "rise": 0.5, "estimate": 0.2, "ci_low": 0.1, "ci_high": 0.3}
    >>> hoped(row, outcome="overall satisfaction")  # doctest: +ELLIPSIS
    'If the association holds in full, 0.5 points more on Speed go with 0.20 points more on overall ...
    """
    shown = disclosure.protect(pd.DataFrame([dict(row)])).iloc[0]
    if shown["hidden"]:
        return say("Too few answers to tell what moves together with {outcome}.", outcome=outcome)
    places = {
        "rating": shown["label"],
        "outcome": outcome,
        "rise": theme.number(shown["rise"], 1),
        "low": theme.number(shown["ci_low"], 2),
        "high": theme.number(shown["ci_high"], 2),
        "n": f"{shown['n']:,.0f}",
    }
    if not shown["ci_low"] > 0:
        return say(
            "Whether {outcome} would move with {rise} points more on {rating} cannot be told "
            "({low} to {high} points, n = {n}).",
            **places,
        )
    return say(
        "If the association holds in full, {rise} points more on {rating} go with {size} points more on {outcome} "
        "({low} to {high}, n = {n}).",
        size=theme.number(shown["estimate"], 2), **places,
    )  # fmt: skip


def _of_one_group(result: pd.DataFrame) -> list[dict[str, Any]]:
    if "group" in result.columns and len(set(result["group"])) > 1:
        raise ValueError(
            "the result holds several groups: select one, for example result[result['group'] == 'North']"
        )
    shown = disclosure.protect(result)
    return [row for row in shown.to_dict("records") if not row["hidden"] and not row["indicative"]]


def _suppressed(rows: list[dict[str, Any]]) -> str:
    names = [row["label"] for row in rows if row.get("sign_flag", False)]
    if not names:
        return ""
    return say(
        "With all others held constant, ratings of {names} go the other way: there the share is no advice.",
        names=listed(names),
    )


def _percent(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: theme.number(100 * row[column], 0)
        for name, column in {"share": "share", "low": "ci_low", "high": "ci_high"}.items()
    }
