"""Two groups compared where they overlap: weights from the estimated chance to be in the first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from csatlib.stats.rows import REPLICATE_GROUPS, replicate_groups, require_columns
from csatlib.stats.weights.calibration import kish
from csatlib.stats.weights.propensity import _columns


@dataclass(frozen=True)
class Overlap:
    """Result of :func:`overlap_means`; first the treated, then the others.

    Attributes
    ----------
    means : ndarray, shape (2,)
        Weighted means of the outcome.
    sd : ndarray, shape (2,)
        Weighted standard deviations.
    influence : ndarray, shape (256, 2)
        Influence of each replicate group on the means, the estimated weights included: with multiplicities m the
        replicates of the means are ``means + m @ influence``.
    n, n_eff, n_groups : ndarray, shape (2,)
        Clusters, Kish's effective clusters, and replicate groups on each side.
    balance : DataFrame
        One row per number or category: ``variable``, ``category`` ("" for numbers), ``value`` and
        ``value_reference`` (weighted means), ``smd_before`` and ``smd_after``: treated less others, in standard
        deviations (root of the mean of both variances before weighting).
    """

    means: np.ndarray
    sd: np.ndarray
    influence: np.ndarray
    n: np.ndarray
    n_eff: np.ndarray
    n_groups: np.ndarray
    balance: pd.DataFrame


def overlap_means(
    data: pd.DataFrame, *, treated: str, outcome: str, predictors: Sequence[str], cluster: str, ridge: float = 1.0
) -> Overlap:
    """Compare means of two groups weighted to the customers who could have been in either.

    Parameters
    ----------
    data : DataFrame
        One row per case.
    treated : str
        Column that is True or 1 in the first group.
    outcome : str
        Number compared; rows without it do not count.
    predictors : sequence of str
        What was known before: numbers without gaps, or text in categories (a missing one is a category).
    cluster : str
        Rows of one cluster, for example a customer, belong together.
    ridge : float
        Penalty on the squared coefficients of the standardized predictors; small against the rows.

    Returns
    -------
    Overlap
        Means, their influence by replicate group, sizes, balance.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; predictors with gaps; fewer than two cases on a side.

    Notes
    -----
    Chance e from a logistic regression with a ridge penalty; weight 1 - e for the treated, e for the others. The
    influence functions of the means carry the estimation of e (stacked estimating equations), so that no
    refitting is needed. Without penalty the weighted means of the predictors agree exactly.

    References
    ----------
    Li, F., Morgan, K. L. and Zaslavsky, A. M. (2018), Balancing covariates via propensity score weighting, JASA
    113, 390-400; Stefanski, L. A. and Boos, D. D. (2002), The calculus of M-estimation, American Statistician 56.

    Examples
    --------
    >>> rows = pd.DataFrame({"late": [1, 1, 1, 0] * 20 + [1, 0, 0, 0] * 20, "plan": ["A"] * 80 + ["B"] * 80})
    >>> rows["score"] = (rows["plan"] == "A") * 2.0 - rows["late"]
    >>> found = overlap_means(rows.assign(id=range(160)), treated="late", outcome="score", predictors=["plan"],
    ...                       cluster="id", ridge=1e-6)
    >>> found.means.round(3).tolist()
    [0.0, 1.0]
    """
    require_columns(data.columns, [treated, outcome, cluster, *predictors])
    rows = data[data[outcome].notna()]
    z, y = rows[treated].to_numpy(dtype=float), rows[outcome].to_numpy(dtype=float)
    parts = pd.concat([_columns(rows[name], name) for name in predictors], axis=1)
    _check(parts, z, treated)
    x, chance, penalty = _fitted(parts, z, ridge)
    sides = np.column_stack([z, 1 - z])
    weights = sides * np.column_stack([1 - chance, chance])
    total = weights.sum(axis=0)
    means = weights.T @ y / total
    off = y[:, None] - means
    slope = (sides * [-1, 1] * (chance * (1 - chance))[:, None] * off).T @ x / total[:, None]
    information = (x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty)
    score = x * (z - chance)[:, None]
    own = weights * off / total + (score - score.mean(axis=0)) @ np.linalg.solve(information, slope.T)
    group = replicate_groups(rows[cluster])
    influence = np.zeros((REPLICATE_GROUPS, 2))
    np.add.at(influence, group, own)
    return Overlap(
        means=means,
        sd=np.sqrt((weights * off**2).sum(axis=0) / total),
        influence=influence,
        n=np.array([rows.loc[side == 1, cluster].nunique() for side in sides.T]),
        n_eff=np.array([kish(w)["n_eff"].iloc[0] for w in _summed(weights, rows[cluster])]),
        n_groups=np.array([len(np.unique(group[side == 1])) for side in sides.T]),
        balance=_balance(parts, sides, weights),
    )


def _summed(weights: np.ndarray, cluster: pd.Series) -> np.ndarray:
    return pd.DataFrame(weights).groupby(cluster.to_numpy()).sum().to_numpy().T


def _check(parts: pd.DataFrame, z: np.ndarray, treated: str) -> None:
    gaps = parts.isna().sum()
    problems = [
        f"{name!r} is missing in {count} rows: fill it and add a column that says so"
        for (name, _), count in gaps[gaps > 0].items()
    ]
    if min(z.sum(), (1 - z).sum()) < 2:
        problems.append(f"{treated!r} has {z.sum():.0f} rows in and {(1 - z).sum():.0f} out; at least 2 of each")
    if problems:
        raise ValueError("; ".join(problems))


def _fitted(parts: pd.DataFrame, z: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = parts.to_numpy()
    x = x[:, x.std(axis=0) > 0]
    x = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)])
    model = LogisticRegression(C=1 / ridge, solver="newton-cholesky", tol=1e-8).fit(x[:, 1:], z)
    penalty = np.full(x.shape[1], ridge)
    penalty[0] = 0.0
    return x, model.predict_proba(x[:, 1:])[:, 1], penalty


def _balance(parts: pd.DataFrame, sides: np.ndarray, weights: np.ndarray) -> pd.DataFrame:
    x = parts.to_numpy()
    before, after = (w.T @ x / w.sum(axis=0)[:, None] for w in (sides, weights))
    variance = sides.T @ x**2 / sides.sum(axis=0)[:, None] - before**2
    sd = np.sqrt(np.maximum(variance, 0).mean(axis=0))
    sd = np.where(sd > 0, sd, np.nan)
    return pd.DataFrame(
        {
            "variable": [name for name, _ in parts.columns],
            "category": [category for _, category in parts.columns],
            "value": after[0],
            "value_reference": after[1],
            "smd_before": (before[0] - before[1]) / sd,
            "smd_after": (after[0] - after[1]) / sd,
        }
    )
