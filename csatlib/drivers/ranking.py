"""What moves together with an outcome, and which of it can be told apart."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd

from csatlib.drivers.figures import (
    METHODS,
    answers_of,
    check,
    figures,
    ranks_of,
    scale_of,
    share_of,
    shrinkages,
    shrunk,
)
from csatlib.drivers.reading import MISSING, Answers, drivers_of, groups_of, joined, read
from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, from_replicates
from csatlib.stats.moments import Replicates
from csatlib.stats.relative_importance import MAX_BATCHED, pairwise, sets
from csatlib.stats.replicates import REPLICATES

TOP = 3
LIMITS = (
    *(f"{name}_{end}" for name in ("performance", "importance", "coefficient", "rank") for end in ("low", "high")),
    *("ci_low", "ci_high", "stability_top3"),
)


def importance(
    data: Any,
    *,
    outcome: str,
    drivers: Any,
    method: Literal["lmg", "relative_weights", "correlation"] = "lmg",
    by: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    missing: Literal["listwise", "pairwise", "dummy"] = "listwise",
    covariates: Sequence[str] = (),
    level: Literal["dimension", "item"] = "dimension",
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Share the explained variation of an outcome out among what customers rated.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow batches or Moments
        One row per response; moments, also of a published correlation matrix, where there are no rows.
    outcome : str
        Numeric column, for example overall satisfaction.
    drivers : list of str, mapping of str to list of str, or Scale
        Columns; blocks of columns that enter together; or a scale, whose dimension means (see `level`) are the
        drivers.
    method : {"lmg", "relative_weights", "correlation"}
        LMG averages the rise of R2 over all orders of entry (20 drivers at most); relative weights come close to
        it at any number; correlation looks at each driver alone, so what drivers share is counted again and again.
    by : str, optional
        Segments, each with its own figures; their covariances are drawn toward the total, see Notes.
    weight : str, optional
        Sampling weights; results do not change when all are multiplied by a constant.
    cluster : str, optional
        Column that holds the answers of one customer together. An Ibis table needs it, or `response_id`.
    missing : {"listwise", "pairwise", "dummy"}
        Rows complete in all columns; for each pair of columns the rows with both; or listwise, but answers that
        do not apply (companions ``<item>_na``) take the mean of those to whom the item applies, and a dummy in the
        driver's block. Answers skipped are never filled.
    covariates : sequence of str
        Numeric columns held constant before any driver, for example months as a customer.
    level : {"dimension", "item"}
        Of a scale: dimension means (of the items answered), or items.
    confidence : float
        Coverage aimed at.
    replicates, seed : int
        Joint replicates of the 256 groups of customers, and the seed of their draw.

    Returns
    -------
    DataFrame
        One row per group and driver, in the order given: ``group`` ("all" without `by`), ``driver``, ``label``,
        ``n`` (rows used), ``n_eff`` (Kish), ``n_groups``, ``few_groups`` (1 to 29); ``performance`` (mean of
        those who rated it) with limits; ``importance`` (part of R2, 0 to 1) with ``importance_low`` and
        ``importance_high``; ``share`` (of all drivers' importance, 0 to 1) with ``ci_low`` and ``ci_high``;
        ``rank``, ``rank_low``, ``rank_high``; ``stability_top3`` (share of replicates among the first three; rank
        stability, not a probability); ``set`` (drivers with a letter in common cannot be separated; empty without
        replicates); ``asked_share`` and ``applies_share`` (of those with the outcome, and of those asked);
        ``coefficient`` (points of outcome per point of the driver, all others held constant; of a block, all its
        columns together) with limits; ``correlation``; ``sign_flag`` (coefficient against the correlation's sign:
        suppression, the share does not tell a direction); ``r2``; ``shrinkage`` (0: own rows only); ``method``,
        ``interval_method``, ``missing``, ``repaired``.

    Raises
    ------
    KeyError
        Columns that are not there, with the nearest names.
    ValueError
        A method, missing rule or level that does not exist; the outcome among the drivers; columns used twice;
        more than 20 drivers for LMG.

    Notes
    -----
    Limits of shares are percentiles of joint replicates: they exclude 0 by construction, also where nothing moves
    together. Beyond 12 drivers LMG's limits are its shares times the replicates of the relative weights over the
    relative weights. Sets come from simultaneous max-t limits of all pairwise differences of shares. A matrix that
    is not positive definite (pairwise) is repaired, ``repaired`` says so. Segments: covariance = (1 - s) own + s
    total, with s = sampling variance / (sampling variance + variance between segments), both of Fisher's z of the
    correlations with the outcome; then everything is computed anew from it. Associations only.

    References
    ----------
    Groemping, U. (2006), Journal of Statistical Software 17(1); Johnson, J. W. (2000), Multivariate Behavioral
    Research 35, 1-19; Cohen, J. and Cohen, P. (1983), Applied Multiple Regression, ch. 7 (dummy adjustment).

    Examples
    --------
    >>> from csatlib.stats.moments import Moments
    >>> corr = np.array([[1, 0.5, 0.6], [0.5, 1, 0.3], [0.6, 0.3, 1]])
    >>> m = Moments.from_correlation(corr, 200, columns=["speed", "care", "overall"])
    >>> found = importance(m, outcome="overall", drivers=["speed", "care"])
    >>> found[["driver", "importance"]].round(3).values.tolist()
    [['speed', 0.315], ['care', 0.045]]
    """
    chosen = drivers_of(drivers, level)
    beside = {"outcome": outcome, "missing": missing, "covariates": covariates}
    check(
        data, chosen, method, confidence=confidence, replicates=replicates, other=(weight, cluster, by), **beside
    )
    options = beside | {"weight": weight, "cluster": cluster} | scale_of(drivers)
    whole = read(data, chosen, **options)
    if by is None:
        parts, groups, pulls = [whole], ["all"], [0.0]
    else:
        groups = groups_of(data, by)
        parts = joined([read(data, chosen, group=(by, g, False), **options) for g in groups], whole)
        pulls = shrinkages(parts)
    tables = [
        _one(part, whole, pull, method, confidence, replicates, seed).assign(group=str(group))
        for part, group, pull in zip(parts, groups, pulls, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True).assign(missing=missing)
    return table[["group", *(c for c in table.columns if c != "group")]]


def separations(
    data: Any, *, confidence: float = 0.95, replicates: int = REPLICATES, seed: int = 0, **options: Any
) -> pd.DataFrame:
    """Compare every driver's share with every other's, all differences at once.

    Parameters
    ----------
    data, confidence, replicates, seed
        As in :func:`importance`; moments of rows, not of a published matrix.
    **options
        Further arguments of :func:`importance`, without `by`.

    Returns
    -------
    DataFrame
        ``driver``, ``reference``, their ``label`` and ``label_reference``, ``n``, ``n_eff``, ``n_groups``,
        ``estimate`` (share less share, -1 to 1), ``ci_low``, ``ci_high`` (simultaneous), ``p_adjusted`` (max t),
        ``separated``.

    Raises
    ------
    KeyError, ValueError
        As :func:`importance`.

    References
    ----------
    Westfall, P. H. and Young, S. S. (1993), Resampling-Based Multiple Testing, ch. 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame(rng.normal(size=(400, 2)), columns=["speed", "care"])
    >>> frame["overall"] = frame["speed"] + rng.normal(size=400)
    >>> found = separations(frame, outcome="overall", drivers=["speed", "care"])
    >>> found[["driver", "reference", "separated"]].values.tolist()
    [['speed', 'care', True]]
    """
    answers, method = answers_of(data, confidence=confidence, replicates=replicates, **options)
    drawn = share_of(figures(answers, answers.replicated(replicates, seed), method))
    share = share_of(figures(answers, answers.observed(), method))[0]
    i, j = np.triu_indices(len(share), 1)
    limits = pairwise(share, drawn, n_groups=answers.n_groups, confidence=confidence)
    names = np.array([[driver.name, driver.label] for driver in answers.drivers]).reshape(-1, 2)
    return pd.DataFrame(
        {
            "driver": names[i, 0],
            "reference": names[j, 0],
            "label": names[i, 1],
            "label_reference": names[j, 1],
            "n": np.minimum(answers.n[i], answers.n[j]),
            "n_eff": answers.moments.n_eff,
            "n_groups": answers.n_groups,
            "estimate": share[i] - share[j],
            "ci_low": limits.ci_low,
            "ci_high": limits.ci_high,
            "p_adjusted": limits.p_value,
            "separated": limits.p_value < 1 - confidence,
        }
    )


def choices(
    data: Any,
    *,
    methods: Sequence[str] = tuple(METHODS),
    missing: Sequence[str] = MISSING,
    **options: Any,
) -> pd.DataFrame:
    """Show how far the ranking depends on the method and on what is done with missing answers.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or Moments
        As in :func:`importance`; read once per rule for missing values.
    methods, missing : sequence of str
        Choices to combine.
    **options
        Further arguments of :func:`importance`, without `by`.

    Returns
    -------
    DataFrame
        ``method``, ``missing``, ``driver``, ``label``, ``n``, ``n_eff``, ``n_groups``, ``share``, ``ci_low``,
        ``ci_high``, ``rank``, ``set``, ``ranks_from`` and ``ranks_to`` (best and worst rank over all choices).

    Raises
    ------
    KeyError, ValueError
        As :func:`importance`.

    Examples
    --------
    >>> from csatlib.stats.moments import Moments
    >>> corr = np.array([[1, 0.5, 0.6], [0.5, 1, 0.3], [0.6, 0.3, 1]])
    >>> m = Moments.from_correlation(corr, 200, columns=["speed", "care", "overall"])
    >>> found = choices(m, outcome="overall", drivers=["speed", "care"], missing=["listwise"])
    >>> found.query("driver == 'speed'")[["method", "rank"]].values.tolist()
    [['lmg', 1], ['relative_weights', 1], ['correlation', 1]]
    """
    tables = [
        importance(data, method=method, missing=rule, **options) for rule, method in product(missing, methods)
    ]
    columns = ["method", "missing", "driver", "label", "n", "n_eff", "n_groups", "few_groups", "share"]
    table = pd.concat(tables, ignore_index=True)[[*columns, "ci_low", "ci_high", "rank", "set"]]
    ranks = table.groupby("driver")["rank"]
    return table.assign(ranks_from=ranks.transform("min"), ranks_to=ranks.transform("max"))


def _one(
    part: Answers, whole: Answers, pull: float, method: str, confidence: float, replicates: int, seed: int
) -> pd.DataFrame:
    """Figures of one group with their limits, ranks and sets."""
    observed = part.observed() if pull == 0 else shrunk(part.observed(), whole.observed(), pull)
    found = figures(part, observed, method)
    has_rows = part.n_groups >= MIN_GROUPS
    estimate = {n: v[0] for n, v in found.items()} | {"share": share_of(found)[0]}
    table = pd.DataFrame(
        {
            "driver": [driver.name for driver in part.drivers],
            "label": [driver.label for driver in part.drivers],
            "n": part.n,
            "n_eff": part.moments.n_eff,
            "n_groups": part.n_groups,
            "few_groups": 0 < part.n_groups < FEW_GROUPS,
            **{name: part for name, part in estimate.items() if name != "gain"},
            "asked_share": part.asked,
            "applies_share": part.applies,
            "shrinkage": pull,
            "method": method,
            "interval_method": "none",
            "rank": ranks_of(estimate["share"][None])[0],
        }
    )
    flag = estimate["coefficient"] * estimate["correlation"] < 0
    if not has_rows:
        return table.assign(**dict.fromkeys(LIMITS, np.nan), set="", sign_flag=flag)
    replicated = part.replicated(replicates, seed)
    if pull > 0:
        replicated = shrunk(replicated, whole.replicated(replicates, seed), pull)
    drawn = figures(part, replicated, method)
    drawn |= _rescaled(part, found, observed, drawn, method)
    limits = _limits(estimate, drawn | {"share": share_of(drawn)}, part.n_groups, confidence)
    crosses = (limits["coefficient_low"] <= 0) & (limits["coefficient_high"] >= 0)
    fast = method == "lmg" and len(part.drivers) > MAX_BATCHED
    return table.assign(
        **limits, sign_flag=flag & ~crosses, interval_method="relative_weights" if fast else method
    )


def _rescaled(
    part: Answers,
    found: Mapping[str, np.ndarray],
    observed: Replicates,
    drawn: Mapping[str, np.ndarray],
    method: str,
) -> dict[str, np.ndarray]:
    """Beyond 12 drivers: LMG times relative weights in the replicate over relative weights on all rows."""
    if method != "lmg" or len(part.drivers) <= MAX_BATCHED:
        return {}
    base = figures(part, observed, "relative_weights")["importance"]
    return {"importance": drawn["importance"] * found["importance"] / np.maximum(base, 1e-12)}


def _limits(
    estimate: Mapping[str, np.ndarray], drawn: Mapping[str, np.ndarray], n_groups: int, confidence: float
) -> dict[str, Any]:
    def ends(name: str, how: str, low: str, high: str) -> dict[str, np.ndarray]:
        given = {"n_groups": n_groups, "confidence": confidence, "method": how}
        found = from_replicates(estimate[name], drawn[name], **given)
        return {low: found.ci_low, high: found.ci_high}

    share = drawn["share"]
    known = share[~np.isnan(share).any(axis=1)]
    ranks = ranks_of(known)
    tail = 100 * (1 - confidence) / 2
    low, high = (
        np.percentile(ranks, [tail, 100 - tail], axis=0) if len(known) else np.full((2, share.shape[1]), np.nan)
    )
    return (
        ends("performance", "t", "performance_low", "performance_high")
        | ends("coefficient", "t", "coefficient_low", "coefficient_high")
        | ends("importance", "percentile", "importance_low", "importance_high")
        | ends("share", "percentile", "ci_low", "ci_high")
        | {"rank_low": low, "rank_high": high, "stability_top3": (ranks <= TOP).mean(axis=0)}
        | {"set": sets(estimate["share"], share, n_groups=n_groups, confidence=confidence)}
    )
