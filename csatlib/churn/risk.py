"""Who is at risk now: expected departures and value at stake by group, with the range they will lie in."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.churn.features import BLOCKS
from csatlib.stats.intervals import check_confidence
from csatlib.stats.rows import require_columns


def blocks(features: Sequence[str]) -> dict[str, list[str]]:
    """Sort features into blocks that say much the same.

    Parameters
    ----------
    features : sequence of str
        From :func:`csatlib.churn.feature_names`.

    Returns
    -------
    dict of str to list of str
        ``contract`` (tenure and the customers' own columns), ``spend``, ``contacts``, ``complaints``, ``presence``
        (answered or not, age of the answer), ``scores`` (what was answered); without those that are empty.

    Examples
    --------
    >>> blocks(["plan", "contacts_30", "answered", "last_nps"])
    {'contract': ['plan'], 'contacts': ['contacts_30'], 'presence': ['answered'], 'scores': ['last_nps']}
    """
    known = {name for block in BLOCKS.values() for name in block}
    found = {"contract": [name for name in features if name not in known]}
    found |= {block: [name for name in names if name in features] for block, names in BLOCKS.items()}
    return {block: names for block, names in found.items() if names}


def nested(features: Sequence[str]) -> dict[str, list[str]]:
    """Sort features into the base and what surveys add in two steps, for :func:`csatlib.churn.survey_value`.

    Parameters
    ----------
    features : sequence of str
        From :func:`csatlib.churn.feature_names`.

    Returns
    -------
    dict of str to list of str
        ``base``, ``presence``, ``scores``; without survey features only the base.

    Examples
    --------
    >>> nested(["plan", "contacts_30", "answered", "last_nps"])
    {'base': ['plan', 'contacts_30'], 'presence': ['answered'], 'scores': ['last_nps']}
    """
    found = blocks(features)
    survey = {block: found[block] for block in ("presence", "scores") if block in found}
    told = {name for names in survey.values() for name in names}
    return {"base": [name for name in features if name not in told]} | survey


def at_risk(
    rows: pd.DataFrame,
    *,
    p: np.ndarray,
    measures: pd.DataFrame,
    by: str | None = None,
    value: str = "value",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Sum probabilities over today's customers: how many are expected to leave, and what they are worth.

    Parameters
    ----------
    rows : DataFrame
        Customers of one snapshot.
    p : ndarray, shape (rows,)
        Probabilities of leaving.
    measures : DataFrame
        From :func:`csatlib.churn.evaluate`: how far departures lay from those expected on later months.
    by : str, optional
        Column with groups.
    value : str
        Column with what a customer is worth; missing counts as 0.
    confidence : float
        Coverage aimed at by the range.

    Returns
    -------
    DataFrame
        For each ``group`` (and "all") and ``measure`` (leavers: expected number; value: sum of probability x
        value): ``n``, ``estimate``, ``ci_low``, ``ci_high``: the range for what will happen, not for a mean.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    Variance: p(1 - p) w^2 over customers, plus the square of the sum times the standard error of departures
    observed to expected on the test months. Customers are taken to leave independently of each other given p.

    Examples
    --------
    >>> rows = pd.DataFrame({"plan": ["x"] * 50 + ["y"] * 50, "value": 10.0})
    >>> seen = pd.DataFrame({"measure": ["observed_to_expected"], "estimate": 1.0, "ci_low": 0.9, "ci_high": 1.1})
    >>> found = at_risk(rows, p=np.full(100, 0.2), measures=seen, by="plan")
    >>> found.loc[found["group"] == "all", ["measure", "estimate", "ci_low", "ci_high"]].round(1).values.tolist()
    [['leavers', 20.0, 11.9, 28.1], ['value', 200.0, 119.1, 280.9]]
    """
    check_confidence(confidence)
    require_columns(rows.columns, [value, *([by] if by else [])])
    z = stats.norm.ppf((1 + confidence) / 2)
    ratio = measures.set_index("measure").loc["observed_to_expected"]
    spread = (ratio["ci_high"] - ratio["ci_low"]) / 2 / z
    worth = rows[value].fillna(0).clip(lower=0).to_numpy(float)
    groups: Mapping[str, np.ndarray] = {"all": np.ones(len(rows), bool)}
    if by:
        groups = {name: (rows[by] == name).to_numpy() for name in sorted(rows[by].dropna().unique())} | groups
    found = []
    for group, inside in groups.items():
        for measure, weight in (("leavers", np.ones(len(rows))), ("value", worth)):
            total = float((p * weight)[inside].sum())
            sd = np.sqrt((p * (1 - p) * weight**2)[inside].sum() + (total * spread) ** 2)
            limits = {"ci_low": max(0.0, total - z * sd), "ci_high": total + z * sd}
            found.append({"group": group, "measure": measure, "n": int(inside.sum()), "estimate": total, **limits})
    return pd.DataFrame(found)
