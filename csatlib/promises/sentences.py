"""Sentences on promises, made from the results."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from csatlib import disclosure, theme
from csatlib.apart import differing
from csatlib.words import mark, say, together

LEVEL = 0.05
QUOTED = 78
MEASURES = {
    "named": mark("Name a promise that was broken"),
    "window": mark("A promise to the customer was broken shortly before"),
    "either": mark("One or the other"),
    "earlier": mark("For comparison: broken in the same span before that"),
}
PARTS = {
    "kept": mark("After kept promises"),
    "broken": mark("After a broken promise"),
    "none": mark("No promise was due"),
    "difference": mark("Broken less kept"),
}
TOO_FEW = mark("Too few promises to show a figure.")
NO_COMPLAINTS = mark("This needs complaints that name a promise or a customer, and promises that name theirs.")
NO_ANSWERS = mark("This needs a survey and promises that name their customers.")


def fulfilled(result: pd.DataFrame) -> str:
    """Say how many promises were kept.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.promises.kept`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"level": "all", "n": 274, "estimate": 83.6, "ci_low": 78.7, "ci_high": 87.4}
    >>> fulfilled(pd.DataFrame([row | {"n_pending": 1}]))
    'Of 100 promises 84 were kept (95 % interval 79 to 87, n = 274). Not yet due: 1.'
    """
    row = disclosure.protect(result[result["level"] == "all"]).iloc[0]
    if row["hidden"] or pd.isna(row["estimate"]):
        return say(TOO_FEW)
    said = say("Of 100 promises {share} were kept (95 % interval {low} to {high}, n = {n}).", **_span(row))
    return together(said, say("Not yet due: {n}.", n=f"{row['n_pending']:,.0f}") if row["n_pending"] else "")


def each(result: pd.DataFrame) -> str:
    """Say how many promises of each kind were kept, each with its interval and in the order of their names.

    Parameters
    ----------
    result : DataFrame
        Rows of one level from :func:`csatlib.promises.kept`.

    Returns
    -------
    str
        One sentence per group.

    Examples
    --------
    >>> row = {"level": "promise", "group": "Call back", "n": 80, "estimate": 83.0, "ci_low": 73.0}
    >>> each(pd.DataFrame([row | {"ci_high": 90.0}]))
    'Call back: 83 of 100 kept (95 % interval 73 to 90, n = 80).'
    """
    rows = disclosure.protect(result).to_dict("records")
    text = mark("{group}: {share} of 100 kept (95 % interval {low} to {high}, n = {n}).")
    return together(
        *(say(text, group=row["group"], **_span(row)) for row in rows if pd.notna(row["estimate"]))
    ) or say(TOO_FEW)


def followed(result: pd.DataFrame, *, days: float) -> str:
    """Say how many complaints have a broken promise behind them, beside the figure often quoted.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.promises.behind_complaints`.
    days : float
        The window.

    Returns
    -------
    str
        Up to three sentences; "" where complaints name neither a promise nor a customer.

    Examples
    --------
    >>> row = {"level": "all", "measure": "either", "n": 841, "estimate": 23.4, "ci_low": 20.7}
    >>> followed(pd.DataFrame([row | {"ci_high": 26.4}]), days=14)  # doctest: +ELLIPSIS
    'Of 100 complaints 23 follow a broken promise (95 % interval 21 to 26, n = 841). The often quoted figure ...
    """
    if result.empty:
        return ""
    shown = disclosure.protect(result[result["level"] == "all"]).set_index("measure")
    known = shown[shown["estimate"].notna()]
    main = next((name for name in ("either", "window", "named") if name in known.index), None)
    if main is None:
        return say("Too few complaints to tell how many follow a broken promise.")
    row = known.loc[main]
    told = mark("Of 100 complaints {share} follow a broken promise (95 % interval {low} to {high}, n = {n}).")
    quoted = mark("The often quoted figure of {quoted} % lies above that interval.")
    if row["ci_low"] > QUOTED:
        quoted = mark("The often quoted figure of {quoted} % lies below that interval.")
    elif row["ci_high"] >= QUOTED:
        quoted = mark("The often quoted figure of {quoted} % lies within that interval.")
    before = ""
    if "earlier" in known.index:
        before = say(
            "In the {days} days before that span the share is {share} % (95 % interval {low} to {high}, n = {n}).",
            days=f"{days:g}",
            **_span(known.loc["earlier"]),
        )
    return together(
        say(told, **_span(row)),
        say(quoted, quoted=QUOTED),
        before,
    )


def satisfied(result: pd.DataFrame, *, outcome: str) -> str:
    """Say how satisfaction differs after broken and after kept promises, as an association.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.promises.after_promises`.
    outcome : str
        What a reader calls the outcome.

    Returns
    -------
    str
        One or two sentences; "" where nothing is compared.

    Examples
    --------
    >>> row = {"part": "difference", "n": 180, "n_reference": 790, "estimate": -0.4, "p_value": 0.001}
    >>> row |= {"ci_low": -0.6, "ci_high": -0.2, "se": 0.1}
    >>> satisfied(pd.DataFrame([row]), outcome="Satisfaction")  # doctest: +ELLIPSIS
    'Satisfaction is 0.40 points lower after a broken promise than after kept ones (95 % interval 0.20 to 0.60, ...
    """
    if result.empty:
        return ""
    rows = result[result["part"] == "difference"]
    shown = disclosure.protect(rows).to_dict("records")
    if not shown or shown[0]["hidden"] or pd.isna(shown[0]["ci_low"]):
        return say("Too few answers after broken promises to compare {outcome}.", outcome=outcome)
    row = shown[0]
    ends = sorted((abs(row["ci_low"]), abs(row["ci_high"])))
    if not row["p_value"] < LEVEL:
        return say(
            "Whether {outcome} differs after broken and after kept promises cannot be told: {size} points (95 % "
            "interval {low} to {high}). A difference of {seen} points would have been detected 8 times in 10.",
            outcome=outcome,
            size=theme.number(row["estimate"], 2, sign=True),
            low=theme.number(row["ci_low"], 2),
            high=theme.number(row["ci_high"], 2),
            seen=theme.number(2.8 * row["se"], 2),
        )
    text = {
        True: mark(
            "{outcome} is {size} points lower after a broken promise than after kept ones (95 % interval {low} to "
            "{high}, n = {n}). Customers may differ in more than that."
        ),
        False: mark(
            "{outcome} is {size} points higher after a broken promise than after kept ones (95 % interval {low} "
            "to "
            "{high}, n = {n}). Customers may differ in more than that."
        ),
    }[row["estimate"] < 0]
    places = {"size": abs(row["estimate"]), "low": ends[0], "high": ends[1]}
    said = {name: theme.number(value, 2) for name, value in places.items()}
    return say(text, outcome=outcome, n=f"{row['n']:,.0f}", **said)


def apart(result: pd.DataFrame, *, by: str) -> str:
    """Name the groups in which fewer or more promises are kept than everywhere else.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.stats.rest.against_rest`, in percent.
    by : str
        What a reader calls the column of the groups.

    Returns
    -------
    str
        One sentence per group that differs beyond random variation.

    Examples
    --------
    >>> row = {"group": "North", "n": 90, "n_reference": 300, "value": 60.0, "value_reference": 90.0}
    >>> row |= {"estimate": -30.0, "ci_low": -42.0, "ci_high": -18.0, "p_adjusted": 0.001}
    >>> apart(pd.DataFrame([row]), by="region")
    'North: 60 of 100 kept, all others 90; 30 points lower (95 % interval 18 to 42).'
    """
    more = mark(
        "{group}: {value} of 100 kept, all others {rest}; {size} points higher (95 % interval {low} to {high})."
    )
    less = mark(
        "{group}: {value} of 100 kept, all others {rest}; {size} points lower (95 % interval {low} to {high})."
    )
    told = differing(result, more=more, less=less, decimals=0)
    return together(*told) or say("By {by}, no group keeps more or fewer promises beyond random variation.", by=by)


def action(result: pd.DataFrame, apart_rows: pd.DataFrame) -> str:
    """Say what to do about promises.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.promises.kept`.
    apart_rows : DataFrame
        From :func:`csatlib.stats.rest.against_rest`.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> action(pd.DataFrame([{"level": "all", "n_overdue": 3}]), pd.DataFrame())
    'Keep the 3 promises whose date is past, and tell these customers when.'
    """
    late = result.loc[result["level"] == "all", "n_overdue"].iloc[0]
    found = [say("Keep the {n} promises whose date is past, and tell these customers when.", n=f"{late:,.0f}")]
    found = found if late else []
    if len(apart_rows):
        shown = disclosure.protect(apart_rows)
        low = shown[~shown["hidden"] & (shown["p_adjusted"] < LEVEL) & (shown["estimate"] < 0)]
        found += [say("{group}: promise less until what is promised can be done.", group=g) for g in low["group"]]
    return together(*found) or say("Publish the figures as they are, and look again next month.")


def named(result: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a reader's names of its measures or parts.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.promises.behind_complaints` or :func:`csatlib.promises.after_promises`.

    Returns
    -------
    DataFrame
        With ``label``.

    Examples
    --------
    >>> named(pd.DataFrame({"part": ["kept"]}))["label"].tolist()
    ['After kept promises']
    """
    column, known = ("measure", MEASURES) if "measure" in result.columns else ("part", PARTS)
    return result.assign(label=[say(known[name]) for name in result[column]])


def _span(row: Mapping[str, Any]) -> dict[str, str]:
    places = {"share": "estimate", "low": "ci_low", "high": "ci_high"}
    return {name: theme.number(row[column], 0) for name, column in places.items()} | {"n": f"{row['n']:,.0f}"}
