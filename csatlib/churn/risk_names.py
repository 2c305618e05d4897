"""What a reader calls features, blocks, measures, parts of the customers and ways to choose."""

import numpy as np
import pandas as pd

from csatlib import theme
from csatlib.words import mark, say

POLICIES = {
    "model": mark("the model"),
    "random": mark("by lot, as many"),
    "everyone": mark("everyone"),
    "nobody": mark("nobody"),
    "low_score": mark("last score of 3 or less"),
    "complaint": mark("complaint in the last 60 days"),
}
BLOCK = {
    "base": mark("without surveys"),
    "contract": mark("contract and tenure"),
    "spend": mark("spend"),
    "contacts": mark("contacts"),
    "complaints": mark("complaints"),
    "presence": mark("answered or not, and when"),
    "scores": mark("last scores"),
}
FEATURES = {
    "tenure_years": mark("Years as a customer"),
    "spend_90": mark("Spend in 90 days"),
    "spend_change_90": mark("Spend in 90 days, less the 90 before"),
    "contacts_30": mark("Contacts in 30 days"),
    "contacts_90": mark("Contacts in 90 days"),
    "unresolved_90": mark("Unsettled contacts in 90 days"),
    "lowest_rating_90": mark("Lowest rating of a contact in 90 days"),
    "complaints_90": mark("Complaints in 90 days"),
    "complaints_open": mark("Complaints still open"),
    "complaint_days": mark("Days since the last complaint"),
    "complaint_change": mark("Rating after the last complaint, less before"),
    "answered": mark("Ever answered a survey"),
    "answer_days": mark("Days since the last answer"),
    "last_overall": mark("Last overall satisfaction"),
    "last_nps": mark("Last recommendation, 0 to 10"),
    "last_ces": mark("Last ease score"),
    "last_gap": mark("Last gap: received less expected"),
}
MEASURES = {
    "auc": mark("Pairs sorted right, of 100"),
    "average_precision": mark("Average precision, percent"),
    "brier": mark("Brier score, × 100"),
    "log_loss": mark("Log loss, × 100"),
    "observed_to_expected": mark("Departures per 100 foretold"),
}


def policy(name: str) -> str:
    """Return what a reader calls a way to choose whom to call; a rule of one's own keeps its name.

    Parameters
    ----------
    name : str
        As in ``policies`` of :func:`csatlib.churn.evaluate`.

    Returns
    -------
    str
        Within a sentence.

    Examples
    --------
    >>> policy("low_score"), policy("late payers")
    ('last score of 3 or less', 'late payers')
    """
    return say(POLICIES[name]) if name in POLICIES else name


def block(name: str) -> str:
    """Return what a reader calls a block of features.

    Parameters
    ----------
    name : str
        As in :func:`csatlib.churn.blocks`.

    Returns
    -------
    str
        Within a sentence.

    Examples
    --------
    >>> block("contract")
    'contract and tenure'
    """
    return say(BLOCK[name]) if name in BLOCK else name


def feature(name: str) -> str:
    """Return what a reader calls a feature.

    Parameters
    ----------
    name : str
        As in :func:`csatlib.churn.snapshot`.

    Returns
    -------
    str
        As the head of a row or an axis.

    Examples
    --------
    >>> feature("complaints_open")
    'Complaints still open'
    """
    return say(FEATURES[name]) if name in FEATURES else name


def measure(name: str) -> str:
    """Return what a reader calls a measure of a model.

    Parameters
    ----------
    name : str
        As in ``measures`` of :func:`csatlib.churn.evaluate`.

    Returns
    -------
    str
        As the head of a row.

    Examples
    --------
    >>> measure("auc")
    'Pairs sorted right, of 100'
    """
    return say(MEASURES[name])


def part(row: pd.Series | dict) -> str:
    """Name a part of the customers.

    Parameters
    ----------
    row : Series or dict
        A row of :func:`csatlib.churn.conditions`.

    Returns
    -------
    str
        As the head of a row.

    Examples
    --------
    >>> part({"feature": "complaints_90", "part": "high", "low": 0.0, "high": float("inf")})
    'Complaints in 90 days: more than 0'
    >>> part({"feature": "last_nps", "part": "missing", "low": float("nan"), "high": float("nan")})
    'Last recommendation, 0 to 10: not known'
    """
    name, low, high = feature(row["feature"]), row["low"], row["high"]
    if row["part"] == "missing":
        return say("{feature}: not known", feature=name)
    if np.isnan(low):
        return say("{feature}: {value}", feature=name, value=row["part"])
    ends = {"low": theme.number(low, _decimals(low)), "high": theme.number(high, _decimals(high))}
    if np.isinf(high):
        return say("{feature}: more than {low}", feature=name, low=ends["low"])
    if np.isinf(low):
        return say("{feature}: up to {high}", feature=name, high=ends["high"])
    return say("{feature}: above {low}, up to {high}", feature=name, **ends)


def _decimals(value: float) -> int:
    return 0 if float(value).is_integer() else 1
