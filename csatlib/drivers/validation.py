"""Is a straight-line model enough: cross-validated fit beside boosting, and bends by driver."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold

from csatlib.drivers.regressions import Answers, complete, linear
from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, check_confidence, from_replicates, holm
from csatlib.stats.replicates import REPLICATES, multiplicities
from csatlib.stats.rows import REPLICATE_GROUPS

FOLDS = 5
DETECTED = 0.8
MODELS = ("linear", "boosting")
QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Validation:
    """Tables from :func:`validate`: ``fit`` and ``bends``."""

    fit: pd.DataFrame
    bends: pd.DataFrame


def validate(
    data: Any,
    *,
    outcome: str,
    drivers: Sequence[str],
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    folds: int = FOLDS,
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Validation:
    """Measure how well scores foretell the outcome of customers left out, and whether straight lines suffice.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or iterable of Arrow record batches
        One row per response; rows complete in the outcome and all drivers are used. An Ibis table needs `cluster`
        or `key`.
    outcome : str
        Column with the overall judgement.
    drivers : sequence of str
        Columns with scores.
    weight : str, optional
        Sampling weights; results do not change when all are multiplied by a constant.
    cluster, key : str, optional
        Column that holds rows of one customer together, so that no customer is in two folds; column that
        identifies a row without cluster.
    folds : int
        Parts into which the replicate groups, and so the customers, are cut.
    confidence : float
        Coverage aimed at.
    seed, replicates : int
        Seed and number of the joint replicates; the seed also goes into the boosting.

    Returns
    -------
    Validation
        ``fit``: rows "linear", "boosting" and "difference" (boosting less linear) in column ``measure``: ``n``,
        ``n_eff``, ``n_groups``, ``few_groups``, ``estimate`` (cross-validated R2; 1 is perfect, 0 no better than
        the mean, below 0 worse), ``ci_low``, ``ci_high``, ``p_value`` (of the difference) and
        ``minimum_detectable`` (the difference that would be seen 8 times in 10).
        ``bends``: a row per driver: ``n``, ``n_eff``, ``n_groups``, ``few_groups``, ``terms`` (bends tested; 0
        where the driver takes too few values), ``statistic`` (Wald F), ``p_value``, ``p_adjusted`` (Holm over the
        drivers), ``estimate`` (R2 that the bends add within the sample).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there or named twice; fewer than 2 folds, or fewer replicate groups than folds.

    Notes
    -----
    R2 = 1 - (squared errors of the predictions for left-out folds) / (squared errors of the mean of the other
    folds), summed over folds. Limits: t over the replicate groups with the fitted models held; they leave out that
    other customers would have given other models, so they are somewhat narrow (Bates, Hastie and Tibshirani 2023).
    Bends: a linear spline with knots at the driver's quartiles beside all drivers as straight lines; F with
    n_groups - 1 degrees of freedom below. Boosting: 100 trees of at most 8 leaves, at least 20 rows each, rate
    0.1.

    References
    ----------
    Bates, S., Hastie, T. and Tibshirani, R. (2023), Journal of the American Statistical Association 119(546),
    1434-1445; Cameron, A. C. and Miller, D. L. (2015), Journal of Human Resources 50(2), 317-372.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> answers = pd.DataFrame({"speed": rng.integers(1, 8, 400), "care": rng.integers(1, 8, 400)})
    >>> answers["overall"] = answers["speed"] + answers["care"] + rng.normal(size=400)
    >>> found = validate(answers, outcome="overall", drivers=["speed", "care"])
    >>> found.fit["estimate"][:2].round(1).tolist(), (found.bends["p_adjusted"] < 0.05).tolist()
    ([0.9, 0.9], [False, False])
    """
    check_confidence(confidence)
    drivers = list(drivers)
    rows = complete(data, outcome, drivers, weight=weight, cluster=cluster, key=key)
    n_groups = int(rows.present.sum())
    if not 2 <= folds <= n_groups:
        raise ValueError(
            f"folds={folds}; allowed are 2 to {n_groups}, the number of replicate groups of customers"
        )
    base = {"n": len(rows.y), "n_eff": rows.n_eff, "n_groups": n_groups, "few_groups": n_groups < FEW_GROUPS}
    drawn = multiplicities(rows.present, replicates=replicates, seed=seed)
    fit = _fit(rows, drawn, folds, seed, n_groups, confidence)
    bends = _bends(rows, drivers, n_groups)
    return Validation(*(_based(table, base) for table in (fit, bends)))


def _based(table: pd.DataFrame, base: dict) -> pd.DataFrame:
    named = table.assign(**base)
    return named[[table.columns[0], *base, *table.columns[1:]]]


def _models(seed: int) -> tuple[RegressorMixin, ...]:
    boosting = HistGradientBoostingRegressor(
        max_iter=100, max_leaf_nodes=8, min_samples_leaf=20, early_stopping=False, random_state=seed
    )
    return LinearRegression(), boosting


def _fit(
    rows: Answers, drawn: np.ndarray, folds: int, seed: int, n_groups: int, confidence: float
) -> pd.DataFrame:
    squares = _left_out(rows, folds, seed) * rows.weight
    errors = np.stack([np.bincount(rows.replicate, part, REPLICATE_GROUPS) for part in squares])
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = 1 - errors[1:].sum(axis=1) / errors[0].sum()
        resampled = 1 - (drawn @ errors[1:].T) / (drawn @ errors[0])[:, None]
    estimate = np.append(whole, whole[1] - whole[0])
    replicates = np.column_stack([resampled, resampled[:, 1] - resampled[:, 0]])
    limits = from_replicates(estimate, replicates, n_groups=n_groups, confidence=confidence)
    df = max(n_groups - 1, 1)
    visible = (stats.t.ppf((1 + confidence) / 2, df) + stats.t.ppf(DETECTED, df)) * limits.se
    compared = np.array([False, False, True])
    return pd.DataFrame(
        {
            "measure": [*MODELS, "difference"],
            "estimate": estimate,
            "ci_low": limits.ci_low,
            "ci_high": limits.ci_high,
            "p_value": np.where(compared, limits.p_value, np.nan),
            "minimum_detectable": np.where(compared, visible, np.nan),
        }
    )


def _left_out(rows: Answers, folds: int, seed: int) -> np.ndarray:
    """Squared errors of mean, linear model and boosting for rows they have not seen, shape (3, rows)."""
    squares = np.empty((1 + len(MODELS), len(rows.y)))
    for seen, unseen in GroupKFold(n_splits=folds).split(rows.x, groups=rows.replicate):
        mean = np.average(rows.y[seen], weights=rows.weight[seen])
        squares[0, unseen] = (rows.y[unseen] - mean) ** 2
        weight = rows.weight[seen] / rows.weight[seen].mean()
        for i, model in enumerate(_models(seed), 1):
            model.fit(rows.x[seen], rows.y[seen], sample_weight=weight)
            squares[i, unseen] = (rows.y[unseen] - model.predict(rows.x[unseen])) ** 2
    return squares


def _bends(rows: Answers, drivers: list[str], n_groups: int) -> pd.DataFrame:
    found = [_bend(rows, j, n_groups) for j in range(len(drivers))]
    table = pd.DataFrame(found, columns=["terms", "statistic", "p_value", "estimate"])
    table.insert(0, "driver", drivers)
    table.insert(4, "p_adjusted", holm(table["p_value"]))
    return table


def _bend(rows: Answers, j: int, n_groups: int) -> tuple[int, float, float, float]:
    """Test a linear spline of one driver beside all drivers as straight lines."""
    own = rows.x[:, j]
    ends = (own.min(), own.max()) if len(own) else (0, 0)
    knots = [knot for knot in np.unique(np.quantile(own, QUARTERS, method="lower")) if ends[0] < knot < ends[1]]
    bent = np.column_stack([rows.x, *(np.maximum(own - knot, 0) for knot in knots)])
    model = linear(bent, rows.y, rows.weight, rows.replicate)
    added, q = model.coefficients[rows.x.shape[1] :], len(knots)
    if not q or np.isnan(added).any() or n_groups < max(MIN_GROUPS, q + 2):
        return 0, np.nan, np.nan, np.nan
    influence = model.influence[:, rows.x.shape[1] :]
    covariance = influence.T @ influence * n_groups / (n_groups - 1)
    statistic = float(added @ np.linalg.solve(covariance, added)) / q
    straight = linear(rows.x, rows.y, rows.weight, rows.replicate)
    more = _explained(rows, bent, model.coefficients) - _explained(rows, rows.x, straight.coefficients)
    return q, statistic, float(stats.f.sf(statistic, q, n_groups - 1)), more


def _explained(rows: Answers, x: np.ndarray, coefficients: np.ndarray) -> float:
    """R2 within the sample."""
    fitted = x @ coefficients
    both = np.cov(fitted, rows.y, aweights=rows.weight)
    return float(both[0, 1] ** 2 / (both[0, 0] * both[1, 1]))
