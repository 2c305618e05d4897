"""The page of priorities: what stands beside each of at most three named ones, in a reader's words."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from csatlib import disclosure, theme
from csatlib.drivers.priorities import Priorities
from csatlib.drivers.reading import drivers_of
from csatlib.masking import typical
from csatlib.stats.intervals import wilson
from csatlib.stats.relative_importance import candidates
from csatlib.stats.rows import require_columns
from csatlib.words import listed, mark, say, together

MOST = 3
LEVEL = 0.05
QUOTATIONS = 2


def named(result: Priorities) -> list[dict[str, Any]]:
    """Choose the priorities a page may name: those that cannot be told from the first, three at most.

    Parameters
    ----------
    result : Priorities
        From :func:`csatlib.drivers.priorities`.

    Returns
    -------
    list of dict
        Rows of its table in the order of the questionnaire; none where more than three cannot be told apart, where
        none falls short of its target, or where answers are too few.

    Examples
    --------
    >>> table = pd.DataFrame({"label": ["a", "b"], "n": 300, "priority": [0.2, 0.1], "set": ["a", "b"]})
    >>> [row["label"] for row in named(Priorities(table, table, table))]
    ['a']
    """
    shown = disclosure.protect(result.table)
    rows = candidates(shown[~shown["hidden"] & ~shown["indicative"]], "priority")
    rows = [row for row in rows if row["priority"] > 0]
    return rows if len(rows) <= MOST else []


def ratings(data: pd.DataFrame, *, drivers: Any) -> pd.DataFrame:
    """Add each driver's rating, the mean of a respondent's answers to its questions, as a column of its name.

    Parameters
    ----------
    data : DataFrame
        One row per answer.
    drivers : Scale, list or mapping
        As in :func:`csatlib.drivers.importance`.

    Returns
    -------
    DataFrame
        A copy with further columns; NaN where none of a driver's questions was answered.

    Raises
    ------
    KeyError
        Columns that are not there.

    Examples
    --------
    >>> answers = pd.DataFrame({"q1": [6.0, None], "q2": [4.0, 3.0]})
    >>> ratings(answers, drivers={"speed": ["q1", "q2"]})["speed"].tolist()
    [5.0, 3.0]
    """
    parts = drivers_of(drivers, "dimension")
    require_columns(data.columns, [column for driver in parts for column in driver.columns])
    made = {}
    for driver in parts:
        values = data[list(driver.columns)].astype(float)
        for column, turned in zip(driver.columns, driver.reversed, strict=False):
            values[column] = drivers.low + drivers.high - values[column] if turned else values[column]
        made[driver.name] = values.mean(axis=1)
    return data.assign(**made)


def quotations(
    data: pd.DataFrame,
    *,
    driver: str,
    target: float,
    outcome: str,
    unhappy: float,
    least: int = 8,
    comment: str = "comment",
) -> list[str]:
    """Pick two masked comments of unhappy customers who rate a driver below its target.

    Parameters
    ----------
    data : DataFrame
        From :func:`ratings`, with the comments.
    driver : str
        Its column.
    target : float
        Ratings below it count.
    outcome : str
        Column with satisfaction.
    unhappy : float
        Answers up to it count as unhappy.
    least : int
        Fewest comments to choose from; with fewer nobody is quoted.
    comment : str
        Column with the comments; without it nobody is quoted.

    Returns
    -------
    list of str
        Of the half with the lowest ratings the two of middle length, comments without anything masked first. What
        they say may be about something else: the rating is known, the subject of the comment is not.

    Examples
    --------
    >>> said = pd.DataFrame({"speed": 2.0, "all": 1, "comment": [f"Slow {'very ' * i}indeed" for i in range(8)]})
    >>> quotations(said, driver="speed", target=5.0, outcome="all", unhappy=3)
    ['Slow very indeed', 'Slow very very indeed']
    """
    if comment not in data:
        return []
    counts = (data[driver] < target) & (data[outcome] <= unhappy) & data[comment].notna()
    said = data.loc[counts, [driver, comment]]
    if len(said) < least:
        return []
    said = said.sort_values([driver, comment]).head(max(len(said) // 2, QUOTATIONS))
    return typical(said[comment].astype("str"), show=QUOTATIONS)


def touched(row: Mapping[str, Any]) -> str:
    """Say how many customers rate a driver below its target.

    Parameters
    ----------
    row : mapping
        Of ``priorities(...).table``.

    Returns
    -------
    str
        Share with its interval and n.

    Examples
    --------
    >>> touched({"below_share": 0.6, "n": 300, "n_eff": 300, "target": 5.5})
    '60 % of customers rate it below 5.5 (54 to 65, n = 300).'
    """
    low, high = wilson(np.array([row["below_share"] * row["n_eff"]]), np.array([row["n_eff"]]))
    return say(
        "{share} % of customers rate it below {target} ({low} to {high}, n = {n}).",
        share=theme.number(100 * row["below_share"], 0),
        target=f"{row['target']:g}",
        low=theme.number(100 * low[0], 0),
        high=theme.number(100 * high[0], 0),
        n=f"{row['n']:,.0f}",
    )


def worst(changes: pd.DataFrame, *, name: str) -> str:
    """Name the group whose ratings lie furthest below all others', where that is beyond random variation.

    Parameters
    ----------
    changes : DataFrame
        Of one driver from :func:`csatlib.scores.change` with `by`: ``group``, ``comparison``, ``estimate``,
        ``ci_low``, ``ci_high``, ``n``, ``p_adjusted``; rows of the comparison "rest" count.
    name : str
        What a reader calls the column of the groups.

    Returns
    -------
    str
        The group with its difference, or that none can be named; where several are below, all are named.

    Examples
    --------
    >>> row = {"group": "North", "comparison": "rest", "n": 60, "estimate": -0.5, "p_adjusted": 0.01}
    >>> worst(pd.DataFrame([row | {"ci_low": -0.8, "ci_high": -0.2}]), name="region")
    'North: 0.50 below all others (0.20 to 0.80, n = 60).'
    """
    shown = disclosure.protect(changes[changes["comparison"] == "rest"])
    below = shown[
        ~shown["hidden"] & ~shown["indicative"] & (shown["p_adjusted"] < LEVEL) & (shown["estimate"] < 0)
    ]
    if below.empty:
        return say("No {name} stands apart beyond random variation.", name=name)
    text = mark("{group}: {size} below all others ({low} to {high}, n = {n}).")
    said = [
        say(
            text,
            group=row["group"],
            size=theme.number(-row["estimate"]),
            low=theme.number(-row["ci_high"]),
            high=theme.number(-row["ci_low"]),
            n=f"{row['n']:,.0f}",
        )
        for row in below.to_dict("records")
    ]
    return together(*said)


def trial(row: Mapping[str, Any], *, n: int, rise: float) -> str:
    """Say the cheapest test that would tell whether improving a driver helps.

    Parameters
    ----------
    row : mapping
        Of ``priorities(...).table``.
    n : int
        Answers needed on each side, from :func:`csatlib.scores.sample_size`.
    rise : float
        Rise of the outcome that should be seen, on its scale.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> trial({"label": "Reliability"}, n=700, rise=0.1)  # doctest: +ELLIPSIS
    'Reliability: improve it first for customers or teams chosen by lot; with 700 answers there and as many ...
    """
    text = mark(
        "{label}: improve it first for customers or teams chosen by lot; with {n} answers there and as many "
        "elsewhere, a rise of {rise} points of satisfaction would be seen in 8 of 10 cases. Whole teams need more."
    )
    return say(text, label=row["label"], n=f"{n:,}", rise=theme.number(rise))


def watched(name: str, level: Mapping[str, Any] | None) -> str:
    """Give the figure operations measure beside a driver.

    Parameters
    ----------
    name : str
        What a reader calls it.
    level : mapping, optional
        Its row of :func:`csatlib.scores.indicators`; None where there is none.

    Returns
    -------
    str
        The share with its interval, where one can be given, and n; nothing without a figure.

    Examples
    --------
    >>> level = {"estimate": 0.85, "ci_low": 0.8, "ci_high": 0.9, "n": 160, "unit": "share"}
    >>> watched("Appointments kept", level)
    'Appointments kept: 85 % (80 to 90, n = 160).'
    """
    if level is None or pd.isna(level["estimate"]):
        return ""
    numbers = {
        "value": theme.number(100 * level["estimate"], 0),
        "n": f"{level['n']:,.0f}",
    }
    if pd.isna(level["ci_low"]):
        return say("{name}: {value} % (n = {n}; too few units for an interval).", name=name, **numbers)
    limits = {place: theme.number(100 * level[end], 0) for place, end in (("low", "ci_low"), ("high", "ci_high"))}
    return say("{name}: {value} % ({low} to {high}, n = {n}).", name=name, **numbers, **limits)


def differing(interactions: pd.DataFrame, *, name: str) -> str:
    """Say in which groups a driver goes with more or less satisfaction than elsewhere.

    Parameters
    ----------
    interactions : DataFrame
        From :func:`csatlib.drivers.interactions`.
    name : str
        What a reader calls the column of the groups.

    Returns
    -------
    str
        Whole sentences.

    Examples
    --------
    >>> row = {"group": "North", "label": "Speed", "n": 90, "n_reference": 90, "estimate": 0.2, "p_adjusted": 0.3}
    >>> differing(pd.DataFrame([row]), name="region")
    'By region, no rating goes with more or less satisfaction than elsewhere beyond random variation.'
    """
    shown = disclosure.protect(interactions)
    seen = shown[~shown["hidden"] & ~shown["indicative"] & (shown["p_adjusted"] < LEVEL)].to_dict("records")
    if not seen:
        return say(
            "By {name}, no rating goes with more or less satisfaction than elsewhere beyond random variation.",
            name=name,
        )
    more = mark("{group}: {label} goes with more satisfaction than elsewhere.")
    less = mark("{group}: {label} goes with less satisfaction than elsewhere.")
    said = [say(more if row["estimate"] > 0 else less, group=row["group"], label=row["label"]) for row in seen]
    return together(*said)


def settled(choices: pd.DataFrame) -> str:
    """Say how far the order depends on the method and on what is done with missing answers.

    Parameters
    ----------
    choices : DataFrame
        From :func:`csatlib.drivers.choices`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> ways = pd.DataFrame({"label": ["a", "b"], "method": "lmg", "missing": "dummy", "ranks_from": [1, 2]})
    >>> settled(ways.assign(ranks_to=[1, 2]))
    'Under all 1 choices every rating keeps its place.'
    """
    n = len(choices.drop_duplicates(["method", "missing"]))
    moved = choices[choices["ranks_from"] != choices["ranks_to"]].drop_duplicates("label")
    if moved.empty:
        return say("Under all {n} choices every rating keeps its place.", n=n)
    places = [
        say("{label} ({first} to {last})", label=row["label"], first=row["ranks_from"], last=row["ranks_to"])
        for row in moved.to_dict("records")
    ]
    return say(
        "Under {n} choices the place changes of {ratings}; the others keep theirs.", n=n, ratings=listed(places)
    )
