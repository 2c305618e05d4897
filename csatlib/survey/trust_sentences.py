"""Sentences on what staff, silence and weighting do to a headline, made from the results."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.survey.sentences import LEVEL, NOBODY
from csatlib.words import mark, say, together


def staffed(result: pd.DataFrame, *, outcome: str, name: str) -> str:
    """Say how answers given with staff present differ.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.survey.staff_difference`.
    outcome : str
        Column of the outcome.
    name : str
        What a reader calls it.

    Returns
    -------
    str
        One or two sentences; an association.

    Examples
    --------
    >>> row = {"measure": "overall", "part": "difference", "n": 90, "estimate": 0.4, "ci_low": 0.1, "ci_high": 0.7}
    >>> staffed(pd.DataFrame([row | {"p_adjusted": 0.01}]), outcome="overall", name="satisfaction")
    'With staff present or inviting, satisfaction is 0.40 points higher (95 % interval 0.10 to 0.70, n = 90).'
    """
    if result.empty:
        return say("The channels do not tell which answers came with staff present.")
    row = disclosure.protect(result[(result["measure"] == outcome) & (result["part"] == "difference")])
    if row.empty or row["hidden"].iloc[0] or pd.isna(row["ci_low"].iloc[0]):
        return say("Too few answers came with staff present to compare them.")
    row = row.iloc[0]
    if not row["p_adjusted"] < LEVEL:
        text = mark("It cannot be told whether {name} differs with staff present (95 % interval {low} to {high}).")
    elif row["estimate"] > 0:
        text = mark(
            "With staff present or inviting, {name} is {size} points higher (95 % interval {low} to {high}, "
            "n = {n})."
        )
    else:
        text = mark(
            "With staff present or inviting, {name} is {size} points lower (95 % interval {low} to {high}, "
            "n = {n})."
        )
    told = row["p_adjusted"] < LEVEL
    ends = (
        [row["ci_low"], row["ci_high"]] if row["estimate"] > 0 or not told else [-row["ci_high"], -row["ci_low"]]
    )
    low, high = (theme.number(end, sign=not told) for end in ends)
    return say(text, name=name, size=theme.number(abs(row["estimate"])), low=low, high=high, n=f"{row['n']:,.0f}")


def silent(result: pd.DataFrame, *, outcome: str) -> str:
    """Say what becomes of the headline if those who did not answer are less satisfied.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.survey.sensitivity`.
    outcome : str
        What a reader calls the outcome.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> line = {"difference": [-0.5, 0.0], "n": 50, "estimate": [5.2, 5.5]}
    >>> silent(pd.DataFrame(line), outcome="overall")
    'If those who did not answer score 0.50 points less, overall over all invited is 5.20 instead of 5.50.'
    """
    if result.empty:
        return say(NOBODY)
    shown = disclosure.protect(result)
    if shown["hidden"].any():
        return say("Too few answers to show what those who did not answer may change.")
    lower = shown[shown["difference"] < 0]
    if lower.empty or not (shown["difference"] == 0).any():
        return say("No lower score of those who did not answer was tried.")
    row = lower.loc[(lower["difference"] + 0.5).abs().idxmin()]
    return say(
        "If those who did not answer score {d} points less, {outcome} over all invited is {moved} instead of "
        "{now}.",
        d=theme.number(-row["difference"]),
        outcome=outcome,
        moved=theme.number(row["estimate"]),
        now=theme.number(shown.loc[shown["difference"] == 0, "estimate"].iloc[0]),
    )


def weighted(result: pd.DataFrame) -> str:
    """Say how far weighting moves the headline, and what it cannot do.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.survey.weightings`.

    Returns
    -------
    str
        Whole sentences.

    Examples
    --------
    >>> row = {"weighting": "raked", "part": "difference", "n": 50, "estimate": -0.02}
    >>> weighted(pd.DataFrame([row]))[:53]
    'Weighting moves the headline by at most 0.02 points. '
    """
    rows = disclosure.protect(result[result["part"] == "difference"])
    rows = rows[~rows["hidden"]]
    limit = say("Weighting does not cure non-response that depends on satisfaction itself.")
    if rows.empty:
        return limit
    size = theme.number(rows["estimate"].abs().max())
    return together(say("Weighting moves the headline by at most {size} points.", size=size), limit)
