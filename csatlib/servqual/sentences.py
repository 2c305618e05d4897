"""Whole sentences made from SERVQUAL results, so that they stay true for another month."""

from collections.abc import Mapping

import pandas as pd

from csatlib import disclosure, theme
from csatlib.servqual.figure_tables import REST
from csatlib.tables.scale import Scale
from csatlib.words import listed, mark, say, together

DETECTABLE = 2.8 / 1.96


def shortfall(result: pd.DataFrame, *, scale: Scale) -> str:
    """Say whether service meets expectations over all dimensions.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.servqual.gaps` without groups.
    scale : Scale
        Its range is named.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> from csatlib.servqual import Item, gaps
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> shortfall(gaps(pd.DataFrame({"e1": 6, "p1": [4, 5] * 20}), scale=scale), scale=scale)
    'Service falls 1.50 points short of what customers expect, on a scale from 1 to 7.'
    """
    row = overall(result)
    size, places = theme.number(abs(row["estimate"])), {"low": f"{scale.low:g}", "high": f"{scale.high:g}"}
    if row["hidden"]:
        return say("Too few customers answered to say whether service meets expectations.")
    if row["ci_high"] < 0:
        return say(
            "Service falls {size} points short of what customers expect, on a scale from {low} to {high}.",
            size=size,
            **places,
        )
    if row["ci_low"] > 0:
        return say(
            "Service is {size} points above what customers expect, on a scale from {low} to {high}.",
            size=size,
            **places,
        )
    return say("It cannot be told whether service falls short of what customers expect, or exceeds it.")


def evidence(result: pd.DataFrame) -> str:
    """Say what the overall gap rests on: interval, answers, and the same weighted by stated importance.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.servqual.gaps` without groups.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> from csatlib.servqual import Item, gaps
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> evidence(gaps(pd.DataFrame({"e1": 6, "p1": [5] * 20}), scale=scale))
    'Mean gap −1.00 points (95 % interval −1.00 to −1.00, 20 answers).'
    """
    row = overall(result)
    if row["hidden"]:
        return say("Too few answers to show a figure.")
    told = say(
        "Mean gap {gap} points (95 % interval {low} to {high}, {n} answers).",
        gap=theme.number(row["estimate"]),
        low=theme.number(row["ci_low"]),
        high=theme.number(row["ci_high"]),
        n=f"{row['n']:,.0f}",
    )
    weighted = result[(result["weighting"] == "importance") & (result["measure"] == "gap")]
    if weighted.empty or disclosure.protect(weighted).iloc[0]["hidden"]:
        return told
    row = weighted.iloc[0]
    weighed = say(
        "Weighted by what each customer calls important it is {gap} ({low} to {high}, {n} answers).",
        gap=theme.number(row["estimate"]),
        low=theme.number(row["ci_low"]),
        high=theme.number(row["ci_high"]),
        n=f"{row['n']:,.0f}",
    )
    return together(told, weighed)


def widest(order: pd.DataFrame) -> str:
    """Name the dimensions that share the widest shortfall, without an order among them.

    Parameters
    ----------
    order : DataFrame
        From :func:`csatlib.servqual.widest`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> widest(pd.DataFrame({"label": ["Speed", "Care", "Looks"], "among_widest": [True, True, False], "n": 50}))
    'Speed and Care fall furthest short; which of them falls further cannot be told.'
    """
    names = list(order.loc[order["among_widest"], "label"])
    if len(names) == len(order):
        return say("No dimension falls further short than the others beyond random variation.")
    if len(names) == 1:
        return say("{name} falls furthest short.", name=names[0])
    return say("{names} fall furthest short; which of them falls further cannot be told.", names=listed(names))


def groups(table: pd.DataFrame) -> str:
    """Name the groups whose gaps are worse than those of all others, beyond random variation.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.contrasts` without a reference.

    Returns
    -------
    str
        One sentence per group, or one that says what could have been seen.

    Examples
    --------
    >>> from csatlib.servqual import Item, contrasts
    >>> scale = Scale([Item("q1", "speed", "e1", "p1", label="Quick answers")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": 6, "p1": [3, 4, 5, 6] * 20, "region": ["N", "N", "S", "S"] * 20})
    >>> groups(contrasts(frame, scale=scale, by="region"))
    'N: speed is 2.00 points further short (1.77 to 2.23) than for all others.'
    """
    worse = worst(table)
    if table.empty:
        return say("There are no groups to compare.")
    if worse.empty:
        return not_told(table, say("No group falls further short than all others beyond random variation."))
    told = []
    for group, rows in worse.groupby("group", sort=False):
        parts = [
            say(
                "{label} is {size} points further short ({low} to {high})",
                label=row.label,
                size=theme.number(-row.estimate),
                low=theme.number(-row.ci_high),
                high=theme.number(-row.ci_low),
            )
            for row in rows.itertuples()
        ]
        told.append(say("{group}: {parts} than for all others.", group=group, parts=listed(parts)))
    return together(*told)


def changes(table: pd.DataFrame) -> str:
    """Say in which group and dimension the gap moved since the period compared, beyond random variation.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.contrasts` with an earlier period as reference, `within` groups or not.

    Returns
    -------
    str
        One sentence per direction, or one that says what could have been seen.

    Examples
    --------
    >>> from csatlib.servqual import Item, contrasts
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": 6, "p1": [3, 4, 5, 6] * 20, "month": ["June", "June", "May", "May"] * 20})
    >>> changes(contrasts(frame, scale=scale, by="month", reference="May"))
    'Worse than in May: speed (−2.00).'
    """
    if table.empty:
        return say("There is no earlier period to compare with.")
    moved = _separated(table)
    if moved.empty:
        return not_told(
            table, say("No gap moved beyond random variation since {then}.", then=table["reference"].iloc[0])
        )
    told = []
    worse, better = mark("Worse than in {then}: {parts}."), mark("Better than in {then}: {parts}.")
    for sentence, rows in ((worse, moved[moved["estimate"] < 0]), (better, moved[moved["estimate"] > 0])):
        if rows.empty:
            continue
        places = {"then": rows["reference"].iloc[0], "parts": listed([_place(row) for row in rows.itertuples()])}
        told.append(say(sentence, **places))
    return together(*told)


def action(order: pd.DataFrame, table: pd.DataFrame) -> str:
    """Say where to look first: where one group stands out, else where the company falls furthest short.

    Parameters
    ----------
    order : DataFrame
        From :func:`csatlib.servqual.widest`.
    table : DataFrame
        From :func:`csatlib.servqual.contrasts` between groups.

    Returns
    -------
    str
        One sentence; an association does not say why, so it asks for the cause first.

    Examples
    --------
    >>> order = pd.DataFrame({"label": ["Speed", "Care"], "among_widest": [True, False], "n": 50})
    >>> action(order, pd.DataFrame())
    'Look first at Speed across the company: find the cause, name an owner and a date.'
    """
    worse = worst(table)
    if not worse.empty:
        group = worse.loc[worse["estimate"].idxmin(), "group"]
        names = listed(list(worse.loc[worse["group"] == group, "label"]))
        return say(
            "Look first at {names} in {group}: find the cause, name an owner and a date.", names=names, group=group
        )
    names = listed(list(order.loc[order["among_widest"], "label"]))
    return say("Look first at {names} across the company: find the cause, name an owner and a date.", names=names)


def figure(row: Mapping) -> str:
    """Say one figure of a result with its interval and answers.

    Parameters
    ----------
    row : mapping
        One row of a result of :func:`csatlib.servqual.gaps` or :func:`csatlib.servqual.contrasts`.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> figure({"label": "Speed", "group": "all", "estimate": -1.16, "ci_low": -1.27, "ci_high": -1.05, "n": 194})
    'Speed: gap −1.16 points (95 % interval −1.27 to −1.05, n = 194).'
    """
    places = {
        name: theme.number(row[key]) for name, key in (("gap", "estimate"), ("low", "ci_low"), ("high", "ci_high"))
    }
    places |= {"label": row["label"], "n": f"{row['n']:,.0f}"}
    if "reference" in row:
        return say(
            "{label} in {group}: {gap} points against {reference} (95 % interval {low} to {high}, n = {n}).",
            group=row["group"],
            reference=say(REST) if row["reference"] == REST else row["reference"],
            **places,
        )
    return say("{label}: gap {gap} points (95 % interval {low} to {high}, n = {n}).", **places)


def overall(result: pd.DataFrame) -> pd.Series:
    """Pick the headline row: the overall gap, dimensions counted equally where there are any.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.servqual.gaps` without groups.

    Returns
    -------
    Series
        One row, with ``hidden`` and ``indicative``.

    Raises
    ------
    ValueError
        When the result has no gap, because the scale has no expectations.

    Examples
    --------
    >>> from csatlib.servqual import Item, gaps
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> float(overall(gaps(pd.DataFrame({"e1": 6, "p1": [5] * 20}), scale=scale))["estimate"])
    -1.0
    """
    rows = result[(result["level"] == "overall") & (result["measure"] == "gap")]
    if rows.empty:
        raise ValueError(
            "the result has no gap: the scale has no expectation columns, so only perceptions are known"
        )
    return disclosure.protect(rows).iloc[0]


def worst(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the dimension gaps that are worse than for all others beyond random variation.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.contrasts`.

    Returns
    -------
    DataFrame
        Rows on large enough bases whose adjusted p value is under 0.05 and whose estimate is negative.

    Examples
    --------
    >>> worst(pd.DataFrame()).empty
    True
    """
    separated = _separated(table)
    return separated[separated["estimate"] < 0] if len(separated) else separated


def _separated(table: pd.DataFrame) -> pd.DataFrame:
    if table.empty:
        return table
    shown = disclosure.protect(table[(table["level"] == "dimension") & (table["measure"] == "gap")])
    return shown[(shown["p_adjusted"] < 0.05) & ~shown["indicative"]]


def not_told(table: pd.DataFrame, sentence: str) -> str:
    """Say after a sentence that nothing was found how large a difference would have been.

    Parameters
    ----------
    table : DataFrame
        Contrasts of gaps by dimension, with intervals.
    sentence : str
        What was not found.

    Returns
    -------
    str
        One or two sentences: (z.975 + z.80) x standard error, the median over the table.

    Examples
    --------
    >>> row = {"level": "dimension", "measure": "gap", "estimate": 0.1, "ci_low": -0.4, "ci_high": 0.6, "n": 90}
    >>> not_told(pd.DataFrame([row]), "No gap moved.")
    'No gap moved. A true difference of 0.71 points would be detected 8 times in 10.'
    """
    shown = disclosure.protect(table[(table["level"] == "dimension") & (table["measure"] == "gap")])
    half = ((shown["ci_high"] - shown["ci_low"]) / 2).median()
    if pd.isna(half):
        return sentence
    size = theme.number(half * DETECTABLE)
    seen = say("A true difference of {size} points would be detected 8 times in 10.", size=size)
    return together(sentence, seen)


def _place(row: tuple) -> str:
    size = theme.number(row.estimate, sign=True)
    if row.stratum == "all":
        return say("{label} ({size})", label=row.label, size=size)
    return say("{label} in {group} ({size})", label=row.label, group=row.stratum, size=size)
