"""Limits of shares on the effective number of rows: wider where rows of one customer go together."""

from typing import Any

import numpy as np
from scipy import stats

from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, from_replicates, wilson
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import REPLICATE_GROUPS, blocks
from csatlib.stats.segments import sum_by_segment


def discounted(n_eff: np.ndarray, n_groups: np.ndarray, *, confidence: float = 0.95) -> np.ndarray:
    """Return the effective number less what estimating it from few replicate groups costs.

    Parameters
    ----------
    n_eff, n_groups : array_like
        Effective rows, and the groups of clusters behind them.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    ndarray
        n_eff (z / t[n_groups - 1])^2; NaN under 5 groups.

    References
    ----------
    Korn, E. L. and Graubard, B. I. (1998), Survey Methodology 24, 193-201.

    Examples
    --------
    >>> discounted(100.0, 256).round(1).item()
    99.1
    """
    df = np.maximum(np.asarray(n_groups) - 1, 1)
    ratio = stats.norm.ppf((1 + confidence) / 2) / stats.t.ppf((1 + confidence) / 2, df)
    return np.where(np.asarray(n_groups) >= MIN_GROUPS, np.asarray(n_eff) * ratio**2, np.nan)


def clustered_shares(
    data: Any,
    *,
    value: str,
    by: list[str],
    cluster: str | None,
    key: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[tuple, dict[str, float]]:
    """Return share and limits of a column of zeros and ones for each group, rows of a cluster going together.

    Parameters
    ----------
    data : DataFrame
        One row per case.
    value : str
        Column of 0 and 1; missing values do not count.
    by : list of str
        Columns whose combinations are the groups.
    cluster : str or None
        Rows of one cluster, for example a customer, belong together.
    key : str, optional
        Identifies a row without a cluster; default: its place.
    confidence : float
        Coverage aimed at.
    seed : int
        Of the 1,000 joint replicates of the 256 groups of clusters.

    Returns
    -------
    dict of group to dict
        ``n_eff``, ``n_groups``, ``few_groups``, ``ci_low``, ``ci_high`` (0 to 1).

    Notes
    -----
    Wilson's limits on counts scaled to n_eff = p (1 - p) / replicate variance, at most n, as in
    :func:`csatlib.scores.csat`: with all 256 groups in both, limits are the same to the last digit.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"kept": [1, 0] * 200, "who": range(400), "region": "N"})
    >>> found = clustered_shares(rows, value="kept", by=["region"], cluster="who")
    >>> round(found["N",]["ci_low"], 2), found["N",]["n_groups"] > 150
    (0.45, True)
    """
    sums = sum_by_segment(blocks(data, [value], by=by, cluster=cluster, key=key), [value])
    drawn = multiplicities(np.ones(REPLICATE_GROUPS, dtype=bool), seed=seed)
    share, n, groups = sums.means[:, 0], sums.counts[:, 0].astype(float), sums.n_groups[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = sums.replicates(drawn)[:, :, 0]
        se = from_replicates(share, spread, n_groups=groups, confidence=confidence).se
        n_eff = np.where((se > 0) & (share * (1 - share) > 0), np.minimum(share * (1 - share) / se**2, n), n)
    size = discounted(n_eff, groups, confidence=confidence)
    known = ~np.isnan(size) & (size > 0)
    size = np.where(known, size, 1.0)
    limits = wilson(np.where(known, share, 0.0) * size, size, confidence=confidence)
    low, high = (np.where(known, side, np.nan) for side in limits)
    return {
        tuple(label): {
            "n_eff": float(n_eff[i]),
            "n_groups": int(groups[i]),
            "few_groups": bool(groups[i] < FEW_GROUPS),
            "ci_low": float(low[i]),
            "ci_high": float(high[i]),
        }
        for i, label in enumerate(sums.segments)
    }
