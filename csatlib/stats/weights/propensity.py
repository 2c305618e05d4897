"""Weights from the estimated chance to answer, and the balance they reach."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm

from csatlib.stats.rows import require_columns
from csatlib.stats.weights.calibration import _base, kish

FEWEST = 20


@dataclass(frozen=True)
class Propensity:
    """Result of :func:`response_weights`.

    Attributes
    ----------
    weights : DataFrame
        ``propensity`` (estimated chance to answer) and ``weight`` (mean 1 over respondents, 0 for the others), on
        the index of the data.
    balance : DataFrame
        One row per number or category: ``variable``, ``category`` ("" for numbers), ``n`` respondents, ``invited``
        (mean or share), ``before`` and ``after`` (respondents with base weights and with the new ones),
        ``smd_before`` and ``smd_after``: respondents less invited, in standard deviations of the invited.
    diagnostics : DataFrame
        One row: ``n_invited``, ``n``, ``response_rate`` (base weights), ``kish_effect``, ``n_eff``, ``largest``
        weight, ``n_trimmed``.
    """

    weights: pd.DataFrame
    balance: pd.DataFrame
    diagnostics: pd.DataFrame


def response_weights(
    data: pd.DataFrame,
    *,
    responded: str,
    predictors: Sequence[str],
    weight: str | None = None,
    largest: float | None = 5.0,
) -> Propensity:
    """Weight respondents by the inverse of their estimated chance to answer.

    Parameters
    ----------
    data : DataFrame
        One row per invitation, answered or not.
    responded : str
        Column that is True or 1 where an answer came.
    predictors : sequence of str
        What is known of everybody invited: numbers, or text in categories (a missing category is a category).
    weight : str, optional
        Base weights of the invited.
    largest : float or None
        No weight above so many times the mean.

    Returns
    -------
    Propensity
        Tables ``weights``, ``balance``, ``diagnostics``; see there.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; a response column that is not yes or no; numbers missing; categories in
        which all or none answered; fewer than 20 answers or refusals: all at once.

    Notes
    -----
    Logistic regression on base weights; weight = base / chance, trimmed, then scaled to mean 1. An absolute
    standardized difference above 0.1 is by custom called imbalance. The weights cure differences in the
    predictors only; passed on as a column they are taken as fixed.

    References
    ----------
    Rosenbaum, P. R. and Rubin, D. B. (1983), Biometrika 70, 41-55; Little, R. J. A. (1986), International
    Statistical Review 54, 139-157; Austin, P. C. (2009), Statistics in Medicine 28, 3083-3107.

    Examples
    --------
    >>> invited = pd.DataFrame({"plan": ["A"] * 60 + ["B"] * 60, "answered": [1, 0, 0] * 20 + [1, 1, 0] * 20})
    >>> found = response_weights(invited, responded="answered", predictors=["plan"])
    >>> found.balance[["category", "invited", "before", "after"]].round(3).values.tolist()
    [['A', 0.5, 0.333, 0.5], ['B', 0.5, 0.667, 0.5]]
    """
    require_columns(data.columns, [responded, *predictors, *([weight] if weight else [])])
    base = _base(data, weight)
    problems, answered = _answered(data[responded], responded)
    columns = [_columns(data[name], name) for name in predictors]
    problems += [told for name, found in zip(predictors, columns, strict=True) for told in _unfit(found, answered)]
    if not predictors:
        problems.append("predictors is empty; name columns that are known of everybody invited")
    if problems:
        raise ValueError("; ".join(problems))
    parts = pd.concat(columns, axis=1)
    chance = _chance(columns, answered, base)
    weights = np.where(answered, base / chance, 0.0)
    trimmed = 0
    if largest is not None:
        top = largest * weights[weights > 0].mean()
        trimmed, weights = int((weights > top).sum()), np.minimum(weights, top)
    weights /= weights[weights > 0].mean()
    return Propensity(
        weights=pd.DataFrame({"propensity": chance, "weight": weights}, index=data.index),
        balance=_balance(parts, answered, base, weights),
        diagnostics=kish(weights).assign(
            n_invited=int((base > 0).sum()),
            response_rate=np.average(answered, weights=base),
            largest=weights.max(),
            n_trimmed=trimmed,
        ),
    )


def _answered(column: pd.Series, name: str) -> tuple[list[str], np.ndarray]:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    if not np.isin(values, [0, 1]).all():
        other = column[~np.isin(values, [0, 1])]
        return [
            f"{name!r} holds {other.iloc[0]!r} in {len(other)} rows; allowed are True/False or 1/0"
        ], values == 1
    yes, no = int(values.sum()), int((1 - values).sum())
    few = [f"{name!r} has {yes} answers and {no} without; at least {FEWEST} of each are needed"]
    return few * (min(yes, no) < FEWEST), values == 1


def _columns(column: pd.Series, name: str) -> pd.DataFrame:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        found = column.astype(float).to_frame()
        found.columns = pd.MultiIndex.from_tuples([(name, "")])
        return found
    text = column.astype("str").where(column.notna(), "(missing)")
    found = pd.get_dummies(text, dtype=float)
    found.columns = pd.MultiIndex.from_tuples([(name, str(category)) for category in found.columns])
    return found


def _unfit(columns: pd.DataFrame, answered: np.ndarray) -> list[str]:
    problems = []
    for (name, category), values in columns.items():
        missing = int(values.isna().sum())
        if missing:
            problems.append(f"{name!r} is missing in {missing} rows: cut it into categories, or leave it out")
        elif category and not missing:
            rate = answered[values.to_numpy() == 1].mean()
            if rate in (0, 1):
                told = "everybody" if rate else "nobody"
                problems.append(f"{told} in {name!r} = {category!r} answered: merge it with another category")
    return problems


def _chance(columns: list[pd.DataFrame], answered: np.ndarray, base: np.ndarray) -> np.ndarray:
    free = [part.iloc[:, 1:] if part.shape[1] > 1 else part for part in columns if part.to_numpy().std() > 0]
    design = np.column_stack([np.ones(len(base)), *(part.to_numpy() for part in free)])
    centre, spread = design.mean(axis=0), design.std(axis=0)
    design[:, 1:] = (design[:, 1:] - centre[1:]) / spread[1:]
    model = sm.GLM(answered.astype(float), design, family=sm.families.Binomial(), freq_weights=base / base.mean())
    return np.asarray(model.fit().fittedvalues)


def _balance(parts: pd.DataFrame, answered: np.ndarray, base: np.ndarray, weights: np.ndarray) -> pd.DataFrame:
    x = parts.to_numpy()
    invited, before, after = (
        np.average(x, axis=0, weights=w) for w in (base, np.where(answered, base, 0), weights)
    )
    sd = np.sqrt(np.average((x - invited) ** 2, axis=0, weights=base))
    categorical = np.array([bool(category) for _, category in parts.columns])
    n = np.where(categorical, x[answered].sum(axis=0), answered.sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        smd = [(side - invited) / sd for side in (before, after)]
    return pd.DataFrame(
        {
            "variable": [name for name, _ in parts.columns],
            "category": [category for _, category in parts.columns],
            "n": n.astype(np.int64),
            "invited": invited,
            "before": before,
            "after": after,
            "smd_before": smd[0],
            "smd_after": smd[1],
        }
    )
