"""NPS, CSAT and CES by group, with limits from the effective number of answers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from csatlib.scores.answers import UNITS, Groups, grouped
from csatlib.scores.question import COLUMNS, NPS_HIGH, NPS_LOW, PROMOTER, Question
from csatlib.stats.effective import discounted
from csatlib.stats.intervals import (
    FEW_GROUPS,
    adjusted_wald_net,
    check_confidence,
    from_replicates,
    wilson,
)
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import REPLICATE_GROUPS

POINTS = 100.0


def nps(
    data: Any,
    *,
    outcome: str = "nps",
    by: str | None = None,
    within: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    margins: Mapping[str, Mapping] | None = None,
    labels: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure the Net Promoter Score by group, in points.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or iterable of Arrow record batches
        One row per response; read once. An Ibis table needs `cluster` or `key`.
    outcome : str
        Column with answers from 0 to 10; missing answers are left out of the denominator and counted.
    by, within : str, optional
        Columns whose values, and combinations of values, are shown; rows without a value are left out.
    weight : str, optional
        Sampling weights; results do not change when all are multiplied by a constant.
    cluster : str, optional
        Column that holds answers of one customer together; a row without a value stands alone.
    key : str, optional
        Column that identifies a row without cluster.
    margins : mapping of column to mapping of category to share, optional
        Population figures to which all rows, within each value of `within`, are raked; in every replicate
        again, so that limits reflect the raking.
    labels : mapping, optional
        Numbers for text answers.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 joint replicates.

    Returns
    -------
    DataFrame
        One row per group: ``stratum`` (value of `within`, else "all"), ``group`` (of `by`, else "all"),
        ``measure`` ("nps"), ``unit`` ("points", -100 to 100), ``n`` (answers), ``n_missing``, ``n_eff``,
        ``n_groups``, ``few_groups``, ``estimate``, ``ci_low``, ``ci_high``, ``sd`` (of one answer, in points),
        and the shares ``promoters``, ``passives``, ``detractors``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; answers outside 0 to 10 or not whole, bad weights; margins that do not fit.

    Notes
    -----
    NPS = 100 (p - d), p answered 9 or 10, d 0 to 6. n_eff = n without weights, clusters and margins; else
    (p + d - (p - d)^2) / replicate variance, at most n; with margins it may exceed n, because what the margins
    explain no longer varies. Limits: adjusted Wald on counts scaled to n_eff, with 3/4 added to promoters and
    to detractors and 3 to n. With weights, clusters or margins n_eff is first
    multiplied by (z / t[n_groups - 1])^2; under 5 replicate groups there are then no limits (NaN).

    References
    ----------
    Reichheld, F. F. (2003), Harvard Business Review 81(12), 46-54; Rocks, B. (2016), American Statistician 70(4),
    365-372; Korn, E. L. and Graubard, B. I. (1998), Survey Methodology 24, 193-201.

    Examples
    --------
    >>> answers = pd.DataFrame({"nps": [10, 9, 9, 8, 3, None], "region": ["N", "N", "S", "S", "S", "S"]})
    >>> nps(answers, by="region")[["group", "n", "n_missing", "estimate"]].values.tolist()
    [['N', 2, 0, 100.0], ['S', 3, 1, 0.0]]
    """
    question = Question(outcome, NPS_LOW, NPS_HIGH, PROMOTER, labels, whole=True)
    design = {"weight": weight, "cluster": cluster, "margins": margins}
    return _levels(data, question, ["nps"], by, within, key, design, confidence, seed)


def csat(
    data: Any,
    *,
    outcome: str = "overall",
    low: float = 1,
    high: float = 5,
    top: float | None = None,
    by: str | None = None,
    within: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    margins: Mapping[str, Mapping] | None = None,
    labels: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure customer satisfaction by group: share of satisfied answers (top box) and mean.

    Parameters
    ----------
    data, by, within, weight, cluster, key, margins, labels, confidence, seed
        As in :func:`nps`.
    outcome : str
        Column with the answers; for a yes/no column give low=0, high=1.
    low, high : float
        Ends of the scale; high means satisfied.
    top : float, optional
        Lowest answer that counts as satisfied; default: the two highest, or the highest of a scale of two.

    Returns
    -------
    DataFrame
        As :func:`nps` without the shares, two rows per group: ``measure`` "top_box" (``unit`` "share", 0 to 1) and
        "mean" (``unit`` "scale", low to high).

    Raises
    ------
    KeyError, ValueError
        As :func:`nps`; answers outside the scale, or a top outside it.

    Notes
    -----
    Top box: Wilson's limits on counts scaled to n_eff, as described in :func:`nps`. Mean: estimate +- t x
    replicate standard error, cut at the ends of the scale; its n_eff is variance of one answer / replicate
    variance, capped alike.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212; Korn, E. L. and Graubard, B. I. (1998), Survey Methodology 24, 193-201.

    Examples
    --------
    >>> answers = pd.DataFrame({"overall": [5, 4, 3, 4, None]})
    >>> csat(answers)[["measure", "n", "n_missing", "estimate"]].values.tolist()
    [['top_box', 4, 1, 0.75], ['mean', 4, 1, 4.0]]
    """
    question = satisfaction(outcome, low, high, top, labels)
    design = {"weight": weight, "cluster": cluster, "margins": margins}
    return _levels(data, question, ["top_box", "mean"], by, within, key, design, confidence, seed)


def ces(
    data: Any,
    *,
    outcome: str = "ces",
    low: float = 1,
    high: float = 7,
    top: float = 5,
    by: str | None = None,
    within: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    margins: Mapping[str, Mapping] | None = None,
    labels: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure the Customer Effort Score by group: share who found it easy, and mean.

    Parameters
    ----------
    data, by, within, weight, cluster, key, margins, labels, confidence, seed
        As in :func:`nps`.
    outcome, low, high, top
        As in :func:`csat`; high means easy ("the company made it easy", 1 to 7, easy from 5). Answers to the
        older question for effort, where low is good, are turned round first: low + high - answer.

    Returns
    -------
    DataFrame
        As :func:`csat`.

    Raises
    ------
    KeyError, ValueError
        As :func:`csat`.

    References
    ----------
    Dixon, M., Freeman, K. and Toman, N. (2010), Harvard Business Review 88(7/8), 116-122; CES 2.0: the 7-point
    agreement question of 2013.

    Examples
    --------
    >>> ces(pd.DataFrame({"ces": [7, 6, 5, 5, 4, 2, 1]}))["estimate"].round(4).tolist()
    [0.5714, 4.2857]
    """
    question = satisfaction(outcome, low, high, top, labels)
    design = {"weight": weight, "cluster": cluster, "margins": margins}
    return _levels(data, question, ["top_box", "mean"], by, within, key, design, confidence, seed)


def satisfaction(
    outcome: str, low: float, high: float, top: float | None, labels: Mapping[str, float] | None
) -> Question:
    """Describe a satisfaction question; the two highest answers count unless told otherwise."""
    if top is None:
        top = high - 1 if high - low > 1 else high
    if not low < top <= high:
        raise ValueError(f"low={low:g}, top={top:g}, high={high:g}; allowed is low < top <= high")
    return Question(outcome, low, high, top, labels)


def unit_variance(groups: Groups, measure: str) -> np.ndarray:
    """Variance of one answer, in shares for the NPS and the top box."""
    return groups.variance[:, COLUMNS.index(measure)]


def effective(groups: Groups, measure: str, se: np.ndarray, simple: bool) -> np.ndarray:
    """Effective number of answers behind a measure, from its replicate standard error."""
    at = COLUMNS.index(measure)
    n = groups.counts[:, at].astype(float)
    if simple:
        return n
    variance = unit_variance(groups, measure)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.minimum(variance / se**2, np.inf if groups.domains else n)
    return np.where((se > 0) & (variance > 0), found, groups.kish[:, at])


def _levels(
    data: Any,
    question: Question,
    measures: list[str],
    by: str | None,
    within: str | None,
    key: str | None,
    design: dict[str, Any],
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    check_confidence(confidence)
    columns = [column for column in (within, by) if column]
    groups = grouped(data, question, by=columns, key=key, within=within, **design)
    simple = not any(design.values())
    # all 256 groups: a figure's limits do not depend on which other periods stand beside it
    drawn = multiplicities(np.ones(REPLICATE_GROUPS, dtype=bool), seed=seed)
    replicates = groups.replicates(drawn)
    keys = pd.DataFrame(
        {
            "stratum": [str(label[0]) if within else "all" for label in groups.labels],
            "group": [str(label[-1]) if by else "all" for label in groups.labels],
        }
    )
    tables = [
        _level(groups, replicates, measure, keys, question, simple, confidence).assign(order=i)
        for i, measure in enumerate(measures)
    ]
    table = pd.concat(tables).sort_index(kind="stable").reset_index(drop=True).drop(columns="order")
    return table.assign(**_shares(groups)) if measures == ["nps"] else table


def _level(
    groups: Groups,
    replicates: np.ndarray,
    measure: str,
    keys: pd.DataFrame,
    question: Question,
    simple: bool,
    confidence: float,
) -> pd.DataFrame:
    at, factor = COLUMNS.index(measure), POINTS if measure == "nps" else 1.0
    estimate, n_groups = groups.means[:, at], groups.n_groups[:, at]
    limits = from_replicates(estimate, replicates[:, :, at], n_groups=n_groups, confidence=confidence)
    n_eff = effective(groups, measure, limits.se, simple)
    if measure == "mean":
        low, high = (np.clip(side, question.low, question.high) for side in (limits.ci_low, limits.ci_high))
    else:
        low, high = _count_limits(groups, measure, _discounted(n_eff, n_groups, simple, confidence), confidence)
    return keys.assign(
        measure=measure,
        unit=UNITS[measure],
        n=groups.counts[:, at].astype(np.int64),
        n_missing=(groups.counts[:, 0] - groups.counts[:, at]).astype(np.int64),
        n_eff=n_eff,
        n_groups=n_groups,
        few_groups=n_groups < FEW_GROUPS,
        estimate=estimate * factor,
        ci_low=low * factor,
        ci_high=high * factor,
        sd=np.sqrt(unit_variance(groups, measure)) * factor,
    )


def _discounted(n_eff: np.ndarray, n_groups: np.ndarray, simple: bool, confidence: float) -> np.ndarray:
    if simple:
        return np.where(n_eff > 0, n_eff, np.nan)
    return discounted(n_eff, n_groups, confidence=confidence)


def _count_limits(groups: Groups, measure: str, n: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    known = ~np.isnan(n) & (n > 0)
    size = np.where(known, n, 1.0)
    share = {name: np.where(known, groups.means[:, COLUMNS.index(name)], 0.0) for name in COLUMNS}
    share |= {name: np.clip(share[name], 0, 1) for name in ("promoter", "detractor", "top_box")}
    if measure == "nps":
        sides = adjusted_wald_net(share["promoter"] * size, share["detractor"] * size, size, confidence=confidence)
    else:
        sides = wilson(share["top_box"] * size, size, confidence=confidence)
    low, high = (np.where(known, side, np.nan) for side in sides)
    return low, high


def _shares(groups: Groups) -> dict[str, np.ndarray]:
    promoters, detractors = (groups.means[:, COLUMNS.index(name)] for name in ("promoter", "detractor"))
    return {"promoters": promoters, "passives": 1 - promoters - detractors, "detractors": detractors}
