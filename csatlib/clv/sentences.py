"""Whole sentences about how far a forecast of purchases held, and what it rests on."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import mark, say, together

LEVEL = 0.05
FEWER = mark(
    "Kept aside were {counted} repeat purchases of {n} customers; {expected} were expected, {size} % fewer."
)
MORE = mark(
    "Kept aside were {counted} repeat purchases of {n} customers; {expected} were expected, {size} % more."
)
ABOVE = mark(
    "Customers with {group} repeat purchases bought more than expected ({found} against {expected} each)."
)
BELOW = mark(
    "Customers with {group} repeat purchases bought less than expected ({found} against {expected} each)."
)
FAILED = {
    "converged": mark("The model of purchases found no stable fit: its forecasts are not shown."),
    "without_prior": mark(
        "The purchases alone do not settle the model, as when they are few or hardly anyone seems to stop; an "
        "assumption about customers in general holds it, and its intervals hold only with that assumption."
    ),
    "one_purchase": mark(
        "{share} % of customers bought once; this model counts all of them as active, so it may expect too much."
    ),
    "holdout_total": mark(
        "In the months kept aside the forecast was {size} % off the purchases counted: read it with that margin."
    ),
    "spend_converged": mark("The model of spend found no stable fit: values in money are not shown."),
    "spend_without_prior": mark(
        "The repeat purchases alone do not settle the model of spend; an assumption about customers in general "
        "holds it."
    ),
    "spend_independent": mark(
        "Customers who buy more often do not spend the same per purchase (correlation {size}): values of the most "
        "and the least active customers may be off."
    ),
}


def tracked(result: pd.DataFrame) -> str:
    """Say how far the forecast lay from the purchases counted at the end of the holdout.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.tracking`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> rows = {"period": [1, 2], "part": ["calibration", "holdout"], "n": 90, "value": [10, 20]}
    >>> rows["estimate"] = [11, 18]
    >>> tracked(pd.DataFrame(rows))
    'Kept aside were 10 repeat purchases of 90 customers; 7 were expected, 30 % fewer.'
    """
    shown = disclosure.protect(result)
    if shown.empty or shown["hidden"].any():
        return say("Too few customers to follow the forecast.")
    ends = shown.groupby("part")[["value", "estimate"]].last()
    if "holdout" not in ends.index:
        return say("No months were kept aside, so nothing tells how far the forecast holds.")
    kept = ends.loc["holdout"] - (ends.loc["calibration"] if "calibration" in ends.index else 0)
    places = {
        "counted": theme.number(kept["value"], 0),
        "n": f"{shown['n'].iloc[0]:,.0f}",
        "expected": theme.number(kept["estimate"], 0),
    }
    if not kept["value"]:
        return say(
            "Kept aside was no repeat purchase of {n} customers; {expected} were expected.", **_without(places)
        )
    off = 100 * (kept["estimate"] / kept["value"] - 1)
    return say(FEWER if off < 0 else MORE, size=theme.number(abs(off), 0), **places)


def calibrated(result: pd.DataFrame) -> str:
    """Name the groups whose purchases differed from those expected beyond random variation.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.calibration`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"group": ["0", "1"], "n": 90, "value": [0.2, 0.9], "value_reference": 0.3, "estimate": [-0.1, 0.6]}
    >>> calibrated(pd.DataFrame(row | {"p_adjusted": [0.4, 0.01]}))
    'Customers with 1 repeat purchases bought more than expected (0.90 against 0.30 each).'
    """
    shown = disclosure.protect(result)
    apart = shown[(shown["p_adjusted"] < LEVEL) & ~shown["hidden"]]
    if apart.empty:
        return say("By how often customers had bought, no group lay off the forecast beyond random variation.")
    told = [
        say(
            ABOVE if row["estimate"] > 0 else BELOW,
            group=row["group"],
            found=theme.number(row["value"], 2),
            expected=theme.number(row["value_reference"], 2),
        )
        for row in apart.to_dict("records")
    ]
    return together(*told)


def warned(result: pd.DataFrame) -> str:
    """Say what the forecast rests on that does not hold.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.assumptions`.

    Returns
    -------
    str
        A sentence per warning, or one that there is none.

    Examples
    --------
    >>> row = {"check": ["converged", "holdout_total"], "n": 90, "estimate": [None, -12.1], "limit": [None, 10.0]}
    >>> warned(pd.DataFrame(row | {"holds": [True, False]}))
    'In the months kept aside the forecast was 12 % off the purchases counted: read it with that margin.'
    """
    told = []
    for row in result[~result["holds"].astype(bool)].to_dict("records"):
        decimals = 2 if row["check"] == "spend_independent" else 0
        value = row["estimate"] if row["check"] == "spend_independent" else abs(row["estimate"])
        places = {"size": theme.number(value, decimals), "share": theme.number(100 * row["estimate"], 0)}
        text = FAILED[row["check"]]
        told.append(say(text, **{name: value for name, value in places.items() if f"{{{name}}}" in text}))
    return together(*told) if told else say("Everything checked about the forecast holds.")


def _without(places: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in places.items() if name != "counted"}
