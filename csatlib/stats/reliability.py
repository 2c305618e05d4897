"""Internal consistency of a set of items."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates
from csatlib.stats.moments import Moments, moments
from csatlib.stats.replicates import REPLICATES


def alpha(
    data: Any,
    *,
    items: Sequence[str],
    weight: str | None = None,
    cluster: str | None = None,
    missing: Literal["listwise", "pairwise"] = "listwise",
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Cronbach's alpha, raw and standardised, with intervals.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow batches or Moments
        One row per respondent, or moments of at least these items.
    items : sequence of str
        Two or more numeric columns, reverse-worded items already turned round.
    weight, cluster : str, optional
        Sampling weights and clusters; given moments carry their own.
    missing : {"listwise", "pairwise"}
        Respondents complete in all items, or for each pair of items those with both.
    confidence : float
        Coverage aimed at.
    replicates, seed : int
        Bootstrap replicates of respondents' groups, and their seed.

    Returns
    -------
    DataFrame
        Three rows: ``statistic`` ("alpha", "alpha_standardized"), ``interval`` ("feldt", which assumes normal
        items and simple random sampling, or "replicates", percentile), ``n_items``, ``n`` (respondents; the
        smallest of any pair when pairwise), ``n_eff`` (Kish), ``n_groups``, ``few_groups``, ``estimate``,
        ``ci_low``, ``ci_high``, ``mean_correlation`` between items.

    Raises
    ------
    KeyError, ValueError
        Unknown items, fewer than two, an item named twice, weights or clusters beside moments.

    Notes
    -----
    alpha = k / (k - 1) x (1 - sum of item variances / variance of the sum); standardised:
    k r / (1 + (k - 1) r) with the mean correlation r. Feldt's limits use F[n - 1, (n - 1)(k - 1)] and are
    left out (NaN) with weights or clusters.

    References
    ----------
    Cronbach, L. J. (1951), Psychometrika 16, 297-334; Feldt, L. S. (1965), Psychometrika 30, 357-370.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 3, 4], "b": [2, 2, 4, 4], "c": [1, 3, 3, 5]})
    >>> alpha(frame, items=["a", "b", "c"]).estimate.round(4).tolist()
    [0.9333, 0.9333, 0.9445]
    """
    check_confidence(confidence)
    _check_items(items)
    simple = weight is None and cluster is None
    if isinstance(data, Moments):
        if not simple:
            raise ValueError("moments carry their own weight and cluster; give those to stats.moments instead")
        found = data.select(items)
        simple = np.isclose(found.n_eff, found.n)
    else:
        found = moments(data, items, weight=weight, cluster=cluster, missing=missing)
    raw, standardized, correlation = _alphas(found.covariance)
    feldt = _feldt(raw, found.n, len(items), confidence) if simple else (np.nan, np.nan)
    limits = [(np.nan, np.nan)] * 2
    if found.n_groups:
        drawn = _alphas(found.replicates(replicates, seed=seed).covariance)
        made = [
            from_replicates(one, many, n_groups=found.n_groups, confidence=confidence, method="percentile")
            for one, many in zip((raw, standardized), drawn[:2], strict=True)
        ]
        limits = [(one.ci_low, one.ci_high) for one in made]
    rows = [
        ("alpha", "feldt", raw, *feldt),
        ("alpha", "replicates", raw, *limits[0]),
        ("alpha_standardized", "replicates", standardized, *limits[1]),
    ]
    return pd.DataFrame(
        {
            "statistic": [row[0] for row in rows],
            "interval": [row[1] for row in rows],
            "n_items": len(items),
            "n": found.n,
            "n_eff": found.n_eff,
            "n_groups": found.n_groups,
            "few_groups": found.n_groups < FEW_GROUPS,
            "estimate": [float(row[2]) for row in rows],
            "ci_low": [float(row[3]) for row in rows],
            "ci_high": [float(row[4]) for row in rows],
            "mean_correlation": float(correlation),
        }
    )


def _check_items(items: Sequence[str]) -> None:
    repeated = sorted({name for name in items if list(items).count(name) > 1})
    if len(items) < 2 or repeated:
        found = f"{len(items)} items" + (f", {', '.join(repeated)} more than once" if repeated else "")
        raise ValueError(f"items: found {found}; alpha needs two or more different columns")


def _alphas(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    k = covariance.shape[-1]
    variances = np.diagonal(covariance, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = k / (k - 1) * (1 - variances.sum(axis=-1) / covariance.sum(axis=(-2, -1)))
        sd = np.sqrt(variances)
        correlation = covariance / (sd[..., :, None] * sd[..., None, :])
        mean = (correlation.sum(axis=(-2, -1)) - k) / (k * (k - 1))
        return raw, k * mean / (1 + (k - 1) * mean), mean


def _feldt(value: float, n: int, k: int, confidence: float) -> tuple[float, float]:
    tail, df = (1 - confidence) / 2, (n - 1, (n - 1) * (k - 1))
    return 1 - (1 - value) * stats.f.ppf(1 - tail, *df), 1 - (1 - value) * stats.f.ppf(tail, *df)
