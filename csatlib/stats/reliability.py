"""Internal consistency of a set of items: alpha, omega, and each item beside the others."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.consistency import alphas, beside_others, correlations, omegas
from csatlib.stats.factor import OneFactor, one_factor
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
    found, simple = _measured(data, items, weight=weight, cluster=cluster, missing=missing)
    drawn = found.replicates(replicates, seed=seed).covariance if found.n_groups else None
    k, estimate = len(items), _alphas(found.covariance)
    low, high = _limits(estimate, None if drawn is None else _alphas(drawn), found, confidence)
    feldt = _feldt(estimate[0], found.n, k, confidence) if simple else (np.nan, np.nan)
    rows = pd.DataFrame(
        {
            "statistic": ["alpha", "alpha", "alpha_standardized"],
            "interval": ["feldt", "replicates", "replicates"],
            "estimate": estimate[[0, 0, 1]],
            "ci_low": [feldt[0], *low],
            "ci_high": [feldt[1], *high],
        }
    )
    mean = (correlations(found.covariance).sum() - k) / (k * (k - 1))
    return _described(rows, ["statistic", "interval"], found, k).assign(mean_correlation=float(mean))


def omega(
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
    """McDonald's omega from one factor by maximum likelihood, with intervals.

    Parameters
    ----------
    data, items, weight, cluster, missing, confidence, replicates, seed
        As in :func:`alpha`.

    Returns
    -------
    DataFrame
        Two rows: ``statistic`` ("omega", of the plain sum of the items; "omega_standardized", of the sum of
        standardised items), ``interval`` ("replicates", percentile), ``n_items``, ``n``, ``n_eff`` (Kish),
        ``n_groups``, ``few_groups``, ``estimate``, ``ci_low``, ``ci_high``, ``improper`` (True where the fit
        leaves an item no residual variance of its own: too few answers, or not one factor). NaN where the
        matrix is not positive definite.

    Raises
    ------
    KeyError, ValueError
        As :func:`alpha`.

    Notes
    -----
    omega = (sum of loadings)^2 / ((sum of loadings)^2 + sum of residual variances): the share of the sum's
    variance that one common factor accounts for, if there is one. Unlike alpha it lets items load unequally;
    like alpha it does not test that there is one factor. Two items cannot tell their loadings apart: they are
    taken as equal, and omega_standardized is then alpha_standardized (Spearman-Brown).

    References
    ----------
    McDonald, R. P. (1999), Test Theory, ch. 6; fit as in :func:`csatlib.stats.factor.one_factor`.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [2, 2, 4, 4, 6], "c": [1, 4, 3, 4, 6]})
    >>> omega(frame, items=["a", "b", "c"]).estimate.round(3).tolist()
    [0.953, 0.957]
    """
    check_confidence(confidence)
    found, _ = _measured(data, items, weight=weight, cluster=cluster, missing=missing)
    fit = one_factor(found.covariance)
    drawn = many = None
    if found.n_groups:
        drawn = found.replicates(replicates, seed=seed).covariance
        many = one_factor(drawn, start=fit.residuals / np.diag(found.covariance))
    estimate = _omegas(fit, found.covariance)
    limits = _limits(estimate, None if many is None else _omegas(many, drawn), found, confidence)
    rows = pd.DataFrame(
        {
            "statistic": ["omega", "omega_standardized"],
            "interval": "replicates",
            "estimate": estimate,
            "ci_low": limits[0],
            "ci_high": limits[1],
        }
    )
    return _described(rows, ["statistic", "interval"], found, len(items)).assign(improper=bool(fit.improper))


def item_total(
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
    """Each item beside the others: corrected item-total correlation, and alpha without the item.

    Parameters
    ----------
    data, items, weight, cluster, missing, confidence, replicates, seed
        As in :func:`alpha`.

    Returns
    -------
    DataFrame
        Three rows per item: ``item``, ``statistic`` ("item_total", its correlation with the sum of the others;
        "alpha_if_dropped"; "alpha_change", alpha without the item less alpha with it, in the same replicates),
        ``n_items``, ``n``, ``n_eff`` (Kish), ``n_groups``, ``few_groups``, ``estimate``, ``ci_low``,
        ``ci_high`` (percentile). With two items there is no alpha without one (NaN).

    Raises
    ------
    KeyError, ValueError
        As :func:`alpha`.

    Notes
    -----
    Of many items some look odd by chance: read the interval, not the estimate. The intervals are not adjusted
    for the number of items.

    References
    ----------
    Nunnally, J. C. and Bernstein, I. H. (1994), Psychometric Theory, ch. 8.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [2, 2, 4, 4, 6], "c": [1, 4, 3, 4, 1]})
    >>> item_total(frame, items=["a", "b", "c"]).query("item == 'c'").estimate.round(2).tolist()
    [-0.14, 0.97, 0.49]
    """
    check_confidence(confidence)
    found, _ = _measured(data, items, weight=weight, cluster=cluster, missing=missing)
    drawn = found.replicates(replicates, seed=seed).covariance if found.n_groups else None
    made = beside_others(found.covariance)
    limits = _limits(made, None if drawn is None else beside_others(drawn), found, confidence)
    statistics = ("item_total", "alpha_if_dropped", "alpha_change")
    rows = pd.DataFrame(
        {
            "item": [item for item in items for _ in statistics],
            "statistic": [*statistics] * len(items),
            "estimate": made.ravel(),
            "ci_low": np.ravel(limits[0]),
            "ci_high": np.ravel(limits[1]),
        }
    )
    return _described(rows, ["item", "statistic"], found, len(items))


def _measured(
    data: Any, items: Sequence[str], *, weight: str | None, cluster: str | None, missing: str
) -> tuple[Moments, bool]:
    """Take the items' moments, and say whether they come from a plain random sample."""
    repeated = sorted({name for name in items if list(items).count(name) > 1})
    if len(items) < 2 or repeated:
        told = f"{len(items)} items" + (f", {', '.join(repeated)} more than once" if repeated else "")
        raise ValueError(f"items: found {told}; needed are two or more different columns")
    if isinstance(data, Moments):
        if weight is not None or cluster is not None:
            raise ValueError("moments carry their own weight and cluster; give those to stats.moments instead")
        found = data.select(items)
        return found, bool(np.isclose(found.n_eff, found.n))
    found = moments(data, items, weight=weight, cluster=cluster, missing=missing)
    return found, weight is None and cluster is None


def _limits(
    estimate: np.ndarray, many: np.ndarray | None, found: Moments, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Percentile limits; none (NaN) for a published matrix."""
    if many is None:
        nothing = np.full(np.shape(estimate), np.nan)
        return nothing, nothing
    made = from_replicates(estimate, many, n_groups=found.n_groups, confidence=confidence, method="percentile")
    return made.ci_low, made.ci_high


def _alphas(covariance: np.ndarray) -> np.ndarray:
    """Raw and standardised alpha, last axis."""
    return np.stack([alphas(covariance), alphas(correlations(covariance))], axis=-1)


def _omegas(fit: OneFactor, covariance: np.ndarray) -> np.ndarray:
    """Omega of the plain sum and of the sum of standardised items, last axis."""
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = OneFactor(fit.loadings / sd, fit.residuals / sd**2, fit.improper)
    return np.stack([omegas(fit), omegas(alike)], axis=-1)


def _described(rows: pd.DataFrame, keys: list[str], found: Moments, n_items: int) -> pd.DataFrame:
    """Put who is behind the figures between their names and their values."""
    behind = {
        "n_items": n_items,
        "n": found.n,
        "n_eff": found.n_eff,
        "n_groups": found.n_groups,
        "few_groups": found.n_groups < FEW_GROUPS,
    }
    return rows.assign(**behind)[[*keys, *behind, "estimate", "ci_low", "ci_high"]]


def _feldt(value: float, n: int, k: int, confidence: float) -> tuple[float, float]:
    tail, df = (1 - confidence) / 2, (n - 1, (n - 1) * (k - 1))
    return 1 - (1 - value) * stats.f.ppf(1 - tail, *df), 1 - (1 - value) * stats.f.ppf(tail, *df)
