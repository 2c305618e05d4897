"""Whether items of one dimension belong together and dimensions apart: composite reliability, AVE, HTMT."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from csatlib.stats.consistency import correlations, omegas
from csatlib.stats.factor import OneFactor, one_factor
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates
from csatlib.stats.moments import Moments, moments
from csatlib.stats.replicates import REPLICATES
from csatlib.stats.rows import require_columns


def composite_of_loadings(loadings: pd.DataFrame) -> pd.DataFrame:
    """Composite reliability and average variance extracted from the loadings of a factor model.

    Parameters
    ----------
    loadings : DataFrame
        One row per item: ``dimension``, ``item``, ``loading`` on its dimension, whose variance is 1, and
        optionally ``residual`` (variance). Without it the loadings are those of standardised items and the
        residual is 1 - loading^2.

    Returns
    -------
    DataFrame
        Two rows per dimension, in the order given: ``dimension``, ``statistic`` ("composite_reliability",
        "ave"), ``n_items``, ``estimate``. There is no interval: loadings alone do not say how sure they are;
        :func:`composite` has one.

    Raises
    ------
    KeyError
        Columns that are not there.
    ValueError
        Standardised loadings outside -1 to 1, negative residual variances, an item named twice.

    Notes
    -----
    Composite reliability = (sum l)^2 / ((sum l)^2 + sum r); AVE = sum l^2 / (sum l^2 + sum r), with loadings l
    and residual variances r. Residuals are taken as uncorrelated.

    References
    ----------
    Fornell, C. and Larcker, D. F. (1981), Journal of Marketing Research 18(1), 39-50.

    Examples
    --------
    >>> table = pd.DataFrame({"dimension": "speed", "item": ["a", "b"], "loading": [0.8, 0.6]})
    >>> composite_of_loadings(table)[["statistic", "estimate"]].round(3).values.tolist()
    [['composite_reliability', 0.662], ['ave', 0.5]]
    """
    require_columns(loadings.columns, ["dimension", "item", "loading"])
    given = "residual" in loadings.columns
    residual = loadings["residual"] if given else 1 - loadings["loading"] ** 2
    wrong = loadings.assign(residual=residual)[(residual < 0) | loadings["item"].duplicated(keep=False)]
    if len(wrong):
        told = "; ".join(f"{r.item!r}: loading {r.loading:g}, residual {r.residual:g}" for r in wrong.itertuples())
        raise ValueError(
            f"loadings: {told}. Allowed are one row per item and residual variances of 0 or more; loadings of "
            "items that are not standardised need their residual variances beside them"
        )
    rows = []
    for dimension, part in loadings.assign(residual=residual).groupby("dimension", sort=False):
        fit = OneFactor(part["loading"].to_numpy(float), part["residual"].to_numpy(float), np.array(False))
        for statistic, value in zip(("composite_reliability", "ave"), _composite(fit), strict=True):
            rows.append((dimension, statistic, len(part), float(value)))
    return pd.DataFrame(rows, columns=["dimension", "statistic", "n_items", "estimate"])


def composite(
    data: Any,
    *,
    items: Mapping[str, Sequence[str]],
    weight: str | None = None,
    cluster: str | None = None,
    missing: Literal["listwise", "pairwise"] = "listwise",
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Composite reliability and average variance extracted from answers, one factor per dimension.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or Moments
        One row per respondent, reverse-worded items already turned round; or moments of these items.
    items : mapping of str to sequence of str
        Dimension to its items; no item in two dimensions.
    weight, cluster, missing, confidence, replicates, seed
        As in :func:`csatlib.stats.reliability.alpha`; listwise over all items, so that dimensions compare.

    Returns
    -------
    DataFrame
        Two rows per dimension: ``dimension``, ``statistic`` ("composite_reliability", "ave"), ``n_items``,
        ``n``, ``n_eff`` (Kish), ``n_groups``, ``few_groups``, ``estimate``, ``ci_low``, ``ci_high``
        (percentile), ``improper`` (an item left without residual variance). NaN for a single item.

    Raises
    ------
    KeyError, ValueError
        Unknown items, an item named twice, weights or clusters beside moments.

    Notes
    -----
    Each dimension is fitted alone, by maximum likelihood on correlations; for the loadings of a model of all
    dimensions together see :func:`composite_of_loadings`. With one factor, composite reliability is
    omega_standardized. AVE is the mean squared loading; under 0.5 the items hold more of their own than of
    what they share.

    References
    ----------
    Fornell, C. and Larcker, D. F. (1981), Journal of Marketing Research 18(1), 39-50.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [2, 2, 4, 4, 6], "c": [1, 4, 3, 4, 6]})
    >>> composite(frame, items={"speed": ["a", "b", "c"]})["estimate"].round(2).tolist()
    [0.96, 0.88]
    """
    check_confidence(confidence)
    found = _measured(data, items, weight=weight, cluster=cluster, missing=missing)
    drawn = found.replicates(replicates, seed=seed).covariance if found.n_groups else None
    parts = []
    for dimension, names in items.items():
        at = [found.columns.index(name) for name in names]
        fit = one_factor(correlations(found.covariance[np.ix_(at, at)]))
        many = None
        if drawn is not None:
            many = _composite(one_factor(correlations(drawn[:, at][:, :, at]), start=fit.residuals))
        named = {"dimension": dimension, "statistic": ["composite_reliability", "ave"], "n_items": len(names)}
        parts.append(_described(named, _composite(fit), many, found, confidence).assign(improper=fit.improper))
    return pd.concat(parts, ignore_index=True)


def htmt(
    data: Any,
    *,
    items: Mapping[str, Sequence[str]],
    weight: str | None = None,
    cluster: str | None = None,
    missing: Literal["listwise", "pairwise"] = "listwise",
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Heterotrait-monotrait ratio of each pair of dimensions: how alike they are, freed of unreliability.

    Parameters
    ----------
    data, items, weight, cluster, missing, confidence, replicates, seed
        As in :func:`composite`.

    Returns
    -------
    DataFrame
        One row per pair: ``dimension``, ``other``, ``n_items`` (of both), ``n``, ``n_eff`` (Kish),
        ``n_groups``, ``few_groups``, ``estimate``, ``ci_low``, ``ci_high`` (percentile). NaN where one of the
        two has a single item.

    Raises
    ------
    KeyError, ValueError
        As :func:`composite`.

    Notes
    -----
    Mean absolute correlation between items of two dimensions, divided by the geometric mean of the mean
    absolute correlations within each. Near 1 customers do not tell the two apart; an upper limit under 0.85
    (or 0.90) is read as apart. Absolute values make it a little too high where dimensions hardly correlate.

    References
    ----------
    Henseler, J., Ringle, C. M. and Sarstedt, M. (2015), Journal of the Academy of Marketing Science 43, 115-135.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 3, 4], "b": [1, 2, 4, 3], "c": [2, 1, 4, 3], "d": [1, 2, 4, 4]})
    >>> htmt(frame, items={"speed": ["a", "b"], "care": ["c", "d"]}).estimate.round(3).tolist()
    [1.046]
    """
    check_confidence(confidence)
    found = _measured(data, items, weight=weight, cluster=cluster, missing=missing)
    pairs = list(combinations(items, 2))
    estimate = _ratios(found, items, pairs, found.covariance)
    many = None
    if found.n_groups:
        many = _ratios(found, items, pairs, found.replicates(replicates, seed=seed).covariance)
    named = {
        "dimension": [one for one, _ in pairs],
        "other": [other for _, other in pairs],
        "n_items": [len(items[one]) + len(items[other]) for one, other in pairs],
    }
    return _described(named, estimate, many, found, confidence)


def _measured(
    data: Any, items: Mapping[str, Sequence[str]], *, weight: str | None, cluster: str | None, missing: str
) -> Moments:
    names = [name for part in items.values() for name in part]
    repeated = sorted({name for name in names if names.count(name) > 1})
    empty = sorted(dimension for dimension, part in items.items() if not len(part))
    if repeated or empty or not names:
        told = [f"{name!r} is named twice" for name in repeated] + [f"{name!r} has no item" for name in empty]
        raise ValueError(f"items: {'; '.join(told) or 'there is none'}. Give each dimension columns of its own")
    if isinstance(data, Moments):
        if weight is not None or cluster is not None:
            raise ValueError("moments carry their own weight and cluster; give those to stats.moments instead")
        return data.select(names)
    return moments(data, names, weight=weight, cluster=cluster, missing=missing)


def _composite(fit: OneFactor) -> np.ndarray:
    """Composite reliability and AVE, last axis."""
    square = (fit.loadings**2).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([omegas(fit), square / (square + fit.residuals.sum(axis=-1))], axis=-1)


def _ratios(
    found: Moments, items: Mapping[str, Sequence[str]], pairs: list[tuple[str, str]], covariance: np.ndarray
) -> np.ndarray:
    size = np.abs(correlations(covariance))
    at = {dimension: [found.columns.index(name) for name in names] for dimension, names in items.items()}

    def mean(one: str, other: str) -> np.ndarray:
        part = size[..., at[one], :][..., at[other]]
        if one != other:
            return part.mean(axis=(-2, -1))
        k = len(at[one])
        return (part.sum(axis=(-2, -1)) - k) / (k * (k - 1)) if k > 1 else np.full(part.shape[:-2], np.nan)

    within = {dimension: mean(dimension, dimension) for dimension in items}
    if not pairs:
        return np.empty((*covariance.shape[:-2], 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        made = [mean(one, other) / np.sqrt(within[one] * within[other]) for one, other in pairs]
    return np.stack(made, axis=-1)


def _described(
    named: Mapping[str, Any], estimate: np.ndarray, many: np.ndarray | None, found: Moments, confidence: float
) -> pd.DataFrame:
    low = high = np.full(estimate.shape, np.nan)
    if many is not None:
        limits = from_replicates(
            estimate, many, n_groups=found.n_groups, confidence=confidence, method="percentile"
        )
        low, high = limits.ci_low, limits.ci_high
    return pd.DataFrame(
        {
            **named,
            "n": found.n,
            "n_eff": found.n_eff,
            "n_groups": found.n_groups,
            "few_groups": found.n_groups < FEW_GROUPS,
            "estimate": estimate,
            "ci_low": low,
            "ci_high": high,
        }
    )
