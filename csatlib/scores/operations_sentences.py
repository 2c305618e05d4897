"""Sentences about operations beside satisfaction: associations, never more."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from csatlib import disclosure, theme
from csatlib.tiles import verdict
from csatlib.words import mark, say, together

FOUND = {
    "better": mark("After {what}, answers are {size} points higher ({low} to {high}, {n} pairs)."),
    "worse": mark("After {what}, answers are {size} points lower ({low} to {high}, {n} pairs)."),
    "indicative": mark("After {what}: too few customers for more than a hint ({estimate}, {low} to {high})."),
    "unknown": mark("After {what}, cannot tell: a difference of {size} would have been detected 8 times in 10."),
}
PLACED = {
    "better": mark("{group}: after {what}, answers are {size} points higher ({low} to {high}, {n} pairs)."),
    "worse": mark("{group}: after {what}, answers are {size} points lower ({low} to {high}, {n} pairs)."),
    "indicative": mark(
        "{group}: after {what}, too few customers for more than a hint ({estimate}, {low} to {high})."
    ),
    "unknown": mark("{group}: after {what}, cannot tell: {size} would have been detected 8 times in 10."),
}
FEW_UNITS = 30
SIGNED = {"estimate": "estimate", "low": "ci_low", "high": "ci_high"}
MONTHS = mark(
    "{metric}: correlation with the score {first} in the same month, {last} when the score is taken {lag} months "
    "later; shifted in a circle, {share} % of {months} orders of the months show one as large."
)


def associated(result: pd.DataFrame, *, names: Mapping[str, str], decimals: int = 1) -> str:
    """Say how much lower or higher answers are after a longer wait, a broken promise and the like.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.scores.beside`.
    names : mapping of str to str
        Each measure with its change as a reader says it, such as "a wait 10 minutes longer".
    decimals : int
        Decimals shown.

    Returns
    -------
    str
        One sentence per group and measure; those on too few customers are left out.

    Examples
    --------
    >>> row = {"group": "all", "measure": "wait", "n": 400, "estimate": -0.6, "p_adjusted": 0.01}
    >>> row |= {"ci_low": -0.9, "ci_high": -0.3, "minimum_detectable": 0.4}
    >>> associated(pd.DataFrame([row]), names={"wait": "a wait 10 minutes longer"})
    'After a wait 10 minutes longer, answers are 0.6 points lower (0.3 to 0.9, 400 pairs).'
    """
    rows = disclosure.protect(result).to_dict("records")
    told = [_sentence(row, names[row["measure"]], decimals) for row in rows if pd.notna(row["minimum_detectable"])]
    return together(*told) if told else say("Too few customers met it and answered to tell anything.")


def compared(result: pd.DataFrame) -> str:
    """Say what was compared with what, and what that does not show.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.scores.beside`.

    Returns
    -------
    str
        Two sentences.

    Examples
    --------
    >>> compared(pd.DataFrame({"n_units": [4]}))[:58]
    'Compared are answers about the same unit in the same month'
    """
    if result["n_units"].max() > 1:
        first = say("Compared are answers about the same unit in the same month.")
    else:
        first = say("Compared are answers of the same month.")
    return together(first, say("Customers may differ in more than what they met: these are associations."))


def banded(result: pd.DataFrame, *, labels: Sequence[str], what: str, outcome: str, decimals: int = 1) -> str:
    """Give the mean answer in the first and the last band.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.scores.bands`.
    labels : sequence of str
        What a reader calls each band of `edges`, in order.
    what, outcome : str
        What a reader calls the measure and the outcome.
    decimals : int
        Decimals shown.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"group": ["0", "1"], "measure": "mean", "n": [50, 40], "estimate": [5.5, 4.5]}
    >>> table = pd.DataFrame(row | {"ci_low": [5.2, 4.1], "ci_high": [5.8, 4.9]})
    >>> banded(table, labels=["to 5", "over 5"], what="Wait, minutes", outcome="Overall")
    'Wait, minutes: Overall is 5.5 on average for to 5 (n = 50) and 4.5 for over 5 (n = 40).'
    """
    shown = disclosure.protect(result)
    rows = shown[~shown["hidden"]].to_dict("records")
    if len(rows) < 2:
        return say("Too few answers to show a figure.")
    text = mark("{what}: {outcome} is {one} on average for {first} (n = {n}) and {other} for {last} (n = {m}).")
    one, other = (theme.number(row["estimate"], decimals) for row in (rows[0], rows[-1]))
    first, last = (labels[int(row["group"])] for row in (rows[0], rows[-1]))
    n, m = (f"{row['n']:,.0f}" for row in (rows[0], rows[-1]))
    return say(text, what=what, outcome=outcome, one=one, first=first, n=n, other=other, last=last, m=m)


def lagged(result: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say how a unit's operations and its score move together in the same month and later.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.scores.lags`.
    names : mapping of str to str
        What a reader calls each metric; others are left out.

    Returns
    -------
    str
        One sentence per metric and one that says how little units can tell.

    Examples
    --------
    >>> row = {"metric": "kept", "lag": [0, 3], "n": [72, 60], "n_units": 4, "n_months": 18, "p_value": 0.28}
    >>> lagged(pd.DataFrame(row | {"estimate": [0.66, 0.3]}), names={"kept": "Appointments kept"})[:70]
    'Appointments kept: correlation with the score +0.66 in the same month,'
    """
    told = []
    for metric, part in result[result["metric"].isin(list(names))].dropna().groupby("metric", sort=False):
        first, last = part.iloc[0], part.iloc[-1]
        values = {"metric": names[metric], "lag": f"{last['lag']:.0f}", "months": f"{last['n_months']:.0f}"}
        values |= {"first": theme.number(first["estimate"], 2, sign=True)}
        values |= {"last": theme.number(last["estimate"], 2, sign=True)}
        told.append(say(MONTHS, share=f"{100 * first['p_value']:.0f}", **values))
    if not told:
        return say("No metric of a unit can be set beside its score.")
    units = int(result["n_units"].max())
    if units < FEW_UNITS:
        few = say("This describes {n} units, too few for an interval: read it as a hint where to look.", n=units)
    else:
        few = say("This describes {n} units: a hint where to look, no more.", n=units)
    return together(*told, few)


def _sentence(row: Mapping[str, Any], what: str, decimals: int) -> str:
    judged = "indicative" if row["indicative"] else verdict(row)
    text = (FOUND if row["group"] == "all" else PLACED)[judged]
    who = {} if row["group"] == "all" else {"group": row["group"]}
    if judged == "unknown":
        return say(text, what=what, size=theme.number(row["minimum_detectable"], decimals), **who)
    if judged == "indicative":
        signed = {k: theme.number(row[c], decimals, sign=True) for k, c in SIGNED.items()}
        return say(text, what=what, **signed, **who)
    low, high = sorted(abs(row[end]) for end in ("ci_low", "ci_high"))
    size, low, high = (theme.number(value, decimals) for value in (abs(row["estimate"]), low, high))
    return say(text, what=what, size=size, low=low, high=high, n=f"{row['n']:,.0f}", **who)
