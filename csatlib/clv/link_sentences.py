"""Whole sentences about satisfaction and money: who stayed, and what more retention is worth."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.clv.value_sentences import LIMITS, money
from csatlib.words import listed, say, together

DETECTED = 2.8  # standard errors of a difference that is detected 8 times in 10


def linked(result: pd.DataFrame, *, months: int, equal: list[str]) -> str:
    """Say how many stayed by the score before, with what else is known held equal.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.satisfaction_link`.
    months : int
        Months of a window.
    equal : list of str
        What readers call the columns held equal.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> linked(pd.DataFrame(columns=["measure", "part", "group", "n"]), months=6, equal=[])
    'Too few customers with a score to say how satisfaction and staying go together.'
    """
    own = disclosure.protect(result[result["measure"] == "retention"]).set_index(["part", "group"])
    needed = [("adjusted", "low"), ("adjusted", "high"), ("difference", "high - low")]
    if any(key not in own.index or own.loc[key, "hidden"] for key in needed):
        return say("Too few customers with a score to say how satisfaction and staying go together.")
    low, high, gap = (own.loc[key] for key in needed)
    first = say(
        "Of customers with a low score {low} % stayed through the next {months} months, of those with a high "
        "score {high} %, with {equal} held equal.",
        low=theme.number(low["estimate"], 0),
        high=theme.number(high["estimate"], 0),
        months=str(months),
        equal=listed(equal),
    )
    if gap["ci_low"] * gap["ci_high"] > 0:
        second = say(
            "The difference, {size} points ({low} to {high}), is beyond random variation.",
            size=theme.number(gap["estimate"], 1),
            low=theme.number(gap["ci_low"], 1),
            high=theme.number(gap["ci_high"], 1),
        )
    else:
        second = say(
            "Cannot tell whether that is more than chance: a difference of {size} points would have been detected "
            "8 times in 10.",
            size=theme.number(DETECTED * gap["se"], 0),
        )
    return together(first, second)


def spent(result: pd.DataFrame, *, currency: str) -> str:
    """Say whether customers with a high score pay more a month than those with a low one.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.satisfaction_link`.
    currency : str
        Its code.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"measure": "spend", "part": "difference", "group": "high - low", "n": 90, "estimate": 1.3}
    >>> spent(pd.DataFrame([row | {"se": 0.9, "ci_low": -0.5, "ci_high": 3.1}]), currency="EUR")[:49]
    'Cannot tell whether payments a month go with the '
    """
    own = disclosure.protect(result.query("measure == 'spend' and group == 'high - low'"))
    if own.empty or own["hidden"].any():
        return say("Too few customers with a score to say how satisfaction and payments go together.")
    row = own.iloc[0]
    if row["ci_low"] * row["ci_high"] > 0:
        return say(
            "With the rest held equal, customers with a high score pay {currency} {size} a month against those "
            "with a low score ({low} to {high}).",
            currency=currency,
            size=theme.number(row["estimate"], 2, sign=True),
            low=theme.number(row["ci_low"], 2, sign=True),
            high=theme.number(row["ci_high"], 2, sign=True),
        )
    return say(
        "Cannot tell whether payments a month go with the score: a difference of {currency} {size} would have "
        "been detected 8 times in 10.",
        currency=currency,
        size=theme.number(DETECTED * row["se"], 2),
    )


def gained(result: pd.DataFrame, *, currency: str, horizon: float) -> str:
    """Say what more retention would be worth.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.retention_gain`.
    currency : str
        Its code.
    horizon : float
        Months valued.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"n": 2383, "over": 12, "value": 84.1, "value_reference": 89.1, "estimate": 74122.0}
    >>> gained(pd.DataFrame([row | {"ci_low": 73156.0, "ci_high": 75235.0}]), currency="EUR", horizon=36)[:73]
    'If 89 instead of 84 of 100 customers stayed 12 months, that would be wort'
    """
    shown = disclosure.protect(result)
    if shown.empty or shown["hidden"].any():
        return say("Too few customers to value.")
    row = shown.iloc[0]
    return say(
        "If {then} instead of {now} of 100 customers stayed {over} months, that would be worth {currency} {value} "
        "over {months} months ({low} to {high}).",
        now=theme.number(row["value"], 0),
        then=theme.number(row["value_reference"], 0),
        over=f"{row['over']:g}",
        currency=currency,
        months=f"{horizon:g}",
        **{name: money(row[column]) for name, column in LIMITS.items()},
    )


def lifted(result: pd.DataFrame, *, currency: str, horizon: float) -> str:
    """Say what it would be worth if the low ones stayed as the middle ones do.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.retention_gain`, with the points of "low as middle".
    currency, horizon
        As in :func:`gained`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"n": 2383, "over": 6, "value": 91.6, "value_reference": 92.4, "estimate": 20141.0}
    >>> lifted(pd.DataFrame([row | {"ci_low": 5757.0, "ci_high": 35473.0}]), currency="EUR", horizon=36)[:66]
    'If all customers with a low score stayed as those with a middle sc'
    """
    shown = disclosure.protect(result)
    if shown.empty or shown["hidden"].any():
        return say("Too few customers with a score to put money to it.")
    row = shown.iloc[0]
    return say(
        "If all customers with a low score stayed as those with a middle score do, {points} points more would "
        "stay {over} months: {currency} {value} over {months} months ({low} to {high}), if the association "
        "holds in full.",
        points=theme.number(row["value_reference"] - row["value"], 1),
        over=f"{row['over']:g}",
        currency=currency,
        months=f"{horizon:g}",
        **{name: money(row[column]) for name, column in LIMITS.items()},
    )


def boxed(gains: pd.DataFrame, *, currency: str, points: float) -> pd.DataFrame:
    """Lay out what more retention is worth as tiles.

    Parameters
    ----------
    gains : DataFrame
        Rows of :func:`csatlib.clv.retention_gain`, with ``group``: "points", or "low as middle".
    currency : str
        Its code.
    points : float
        Of the first row.

    Returns
    -------
    DataFrame
        With ``label``, ``unit``, ``decimals`` and an empty ``comparison``.

    Examples
    --------
    >>> boxed(pd.DataFrame({"group": ["points"], "n": [90]}), currency="EUR", points=5)["label"].tolist()
    ['5 points more retention over 12 months']
    """
    words = {
        "points": say("{points} points more retention over 12 months", points=f"{points:g}"),
        "low as middle": say("Low scores stay as middle scores do, if the association holds in full"),
    }
    return gains.assign(label=gains["group"].map(words), unit=currency, decimals=0, comparison="")


def action(total: pd.DataFrame, link: pd.DataFrame | None) -> str:
    """Say what to do next.

    Parameters
    ----------
    total : DataFrame
        ``total`` of :func:`csatlib.clv.lifetime_value`.
    link : DataFrame, optional
        From :func:`csatlib.clv.satisfaction_link`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> action(pd.DataFrame({"level": ["all"]}), None)
    'Put the total into plans with its margin of error, and see each month whether it held.'
    """
    first = say("Put the total into plans with its margin of error, and see each month whether it held.")
    if link is None:
        return first
    own = disclosure.protect(link.query("measure == 'retention' and group == 'high - low'"))
    if own.empty or own["hidden"].any() or not own["ci_low"].iloc[0] > 0:
        return first
    return together(say("Ask customers with a low score what went wrong, those of tier A first."), first)
