"""Say which groups differ from all others: one place for the rule, the topics bring the words."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import say

LEVEL = 0.05


def differing(result: pd.DataFrame, *, more: str, less: str, decimals: int) -> list[str]:
    """Make a sentence for each group that differs from all others beyond random variation.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.stats.rest.against_rest`: ``group``, ``value``, ``value_reference``, ``estimate``,
        ``ci_low``, ``ci_high``, ``p_adjusted`` and the bases.
    more, less : str
        Marked sentences with {group}, {value}, {rest}, {size}, {low} and {high}, for a figure above and below
        that of all others; the size is without a sign.
    decimals : int
        Decimals shown.

    Returns
    -------
    list of str
        None for groups on few answers.

    Examples
    --------
    >>> row = {"group": "North", "n": 90, "n_reference": 300, "value": 60.0, "value_reference": 90.0}
    >>> row |= {"estimate": -30.0, "ci_low": -42.0, "ci_high": -18.0, "p_adjusted": 0.001}
    >>> less = "{group}: {value}, others {rest}; {size} lower ({low} to {high})"
    >>> differing(pd.DataFrame([row]), more="", less=less, decimals=0)
    ['North: 60, others 90; 30 lower (18 to 42)']
    """
    shown = disclosure.protect(result)
    shown = shown[~shown["hidden"] & ~shown["indicative"] & (shown["p_adjusted"] < LEVEL)]
    told = []
    for row in shown.to_dict("records"):
        low, high = sorted((abs(row["ci_low"]), abs(row["ci_high"])))
        sizes = {"size": abs(row["estimate"]), "low": low, "high": high}
        sizes |= {"value": row["value"], "rest": row["value_reference"]}
        places = {name: theme.number(value, decimals) for name, value in sizes.items()}
        told.append(say(more if row["estimate"] > 0 else less, group=row["group"], **places))
    return told


def grouped(*, wished: str, used: str) -> str:
    """Say that complaints are compared by another column than the one wished for.

    Parameters
    ----------
    wished, used : str
        What a reader calls the columns.

    Returns
    -------
    str
        One sentence, or "".

    Examples
    --------
    >>> grouped(wished="region", used="owner")
    'These records have no region: groups are compared by owner.'
    """
    if wished == used:
        return ""
    return say("These records have no {wished}: groups are compared by {used}.", wished=wished, used=used)
