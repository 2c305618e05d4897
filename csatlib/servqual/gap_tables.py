"""Gaps between perceived and expected service, and contrasts of gaps between groups and periods."""

from typing import Any

import numpy as np
import pandas as pd

from csatlib.servqual.answers import Figure, figures, measures, summed
from csatlib.servqual.figure_tables import adjusted, bases, combine, contrast_table, effective, tabled
from csatlib.stats.intervals import (
    FEW_GROUPS,
    check_confidence,
    from_replicates,
    max_t,
)
from csatlib.stats.segments import SegmentSums
from csatlib.tables.scale import Scale


def gaps(
    data: Any,
    *,
    scale: Scale,
    by: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """SERVQUAL expectations, perceptions and gaps per item, dimension and overall.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or iterable of Arrow record batches
        One row per response with the scale's columns; read once.
    scale : Scale
        Any number of items and dimensions on one answer range; without expectations only perceptions result
        (SERVPERF). Answers to reversed items are turned round, low + high - x, in both columns.
    by : str, optional
        Segment column; rows without a value are left out.
    weight : str, optional
        Sampling weights; results do not change when all are multiplied by a constant.
    cluster : str, optional
        Column that holds answers of one customer together; a row without a value stands alone.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 joint replicates.

    Returns
    -------
    DataFrame
        One row per group and figure: ``group`` ("all" without `by`), ``level`` (overall, dimension, item),
        ``dimension``, ``item``, ``label`` (reader's name), ``weighting`` of overall rows (equal_dimensions,
        equal_items, importance; else none), ``measure`` (expectation, perception, gap in points of the scale;
        importance in points out of 100), ``n`` respondents, ``n_eff``, ``n_groups``, ``few_groups`` (under 30),
        ``n_off_100`` (allocations that did not add up to 100, used after normalising), ``estimate``,
        ``ci_low``, ``ci_high``, and for gaps ``d_z`` (mean gap / standard deviation of respondents' gaps),
        ``p_value`` (two-sided, gap = 0), ``p_adjusted`` and its ``family``.

    Raises
    ------
    KeyError
        Columns that are not there, with the nearest names.
    ValueError
        Answers outside the scale, columns that are not numbers, bad weights: all columns at once.

    Notes
    -----
    gap = perception - expectation. An item uses respondents who answered both sides. A dimension is the plain
    mean of its items' means, so a table adds up by hand; the overall gap is the mean of the dimensions
    (equal_dimensions, the published convention) or of all items (equal_items, which includes items without a
    dimension). The importance-weighted gap is, per respondent, sum(points x dimension gap) / sum(points),
    averaged over respondents with points and gaps in every dimension they gave points to. Two other
    conventions are in print: dividing this again by the number of dimensions (a fifth of ours), and summing
    raw points out of 100 over five dimensions (20 times ours with the division by 5, 100 times without).
    Skipped answers are taken as missing at random within an item; nothing is imputed.
    Without `by`, the p values of dimensions and overall are Holm-adjusted; of items, and of everything when
    there are groups, by Benjamini and Hochberg. Limits: estimate +- t x replicate standard error.

    References
    ----------
    Parasuraman, A., Zeithaml, V. A. and Berry, L. L. (1988), Journal of Retailing 64(1), 12-40;
    Zeithaml, Parasuraman and Berry (1990), Delivering Quality Service; Cronin, J. J. and Taylor, S. A. (1992),
    Journal of Marketing 56(3), 55-68.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, gaps
    >>> scale = Scale([Item("q1", "speed", "e1", "p1"), Item("q2", "speed", "e2", "p2")], low=1, high=5)
    >>> frame = pd.DataFrame({"e1": [5, 5], "p1": [4, 2], "e2": [4, 5], "p2": [4, None]})
    >>> table = gaps(frame, scale=scale).query("measure == 'gap'")
    >>> table.query("level == 'item'")[["label", "n", "estimate"]].values.tolist()
    [['q1', 2, -2.0], ['q2', 1, 0.0]]
    >>> table.query("level == 'dimension'")[["label", "n", "estimate"]].values.tolist()
    [['speed', 2, -1.0]]
    """
    check_confidence(confidence)
    sums = summed(data, scale, by=[by] if by else [], weight=weight, cluster=cluster)
    rows = figures(scale)
    estimate = combine(sums.means, sums, rows)
    behind = bases(sums, rows)
    limits = from_replicates(
        estimate,
        combine(sums.replicates(sums.draw(seed=seed)), sums, rows),
        n_groups=behind["n_groups"],
        confidence=confidence,
    )
    keys = [{"group": str(s[0]) if by else "all"} for s in sums.segments]
    simple = weight is None and cluster is None
    result = tabled(rows, scale, keys, estimate=estimate, limits=limits, behind=behind, simple=simple)
    is_gap = result["measure"] == "gap"
    with np.errstate(invalid="ignore", divide="ignore"):
        d_z = estimate / behind["sd"]
    result.insert(result.columns.get_loc("estimate"), "n_off_100", _off(sums, rows).ravel())
    result.insert(result.columns.get_loc("p_value"), "d_z", np.where(is_gap, d_z.ravel(), np.nan))
    result["p_value"] = result["p_value"].where(is_gap)
    return adjusted(result, headline=by is None)


def contrasts(
    data: Any,
    *,
    scale: Scale,
    by: str,
    reference: str | None = None,
    within: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Differences of expectations, perceptions and gaps between groups or periods.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        One row per response; for periods, the rows of both.
    scale : Scale
        Items both groups answered in the same wording (see :meth:`Scale.drop`).
    by : str
        Column of the groups or periods compared.
    reference : str, optional
        The group every other is compared with, for example an earlier period; without it, each group is
        compared with all others.
    within : str, optional
        Column inside whose values the comparison is made, for example region.
    weight, cluster, confidence, seed
        As in :func:`gaps`. Replicates are drawn once and used on both sides, so customers who answered in
        both periods are accounted for.

    Returns
    -------
    DataFrame
        ``stratum`` (value of `within`, else "all"), ``group``, ``reference``, then as in :func:`gaps`:
        ``level``, ``dimension``, ``item``, ``label``, ``weighting``, ``measure``, ``n`` and ``n_reference``,
        ``n_eff`` (of the group), ``n_groups`` (the smaller side), ``few_groups``, ``estimate`` (group less
        reference, points of the scale), ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``, ``family``
        (Benjamini-Hochberg over all gap contrasts of items, and of dimensions with overall). No rows where
        `by` has fewer than two values: there is nothing to compare.

    Raises
    ------
    KeyError, ValueError
        As :func:`gaps`; a reference that is not a value of `by`, with the values there are.

    Notes
    -----
    A difference of differences: nothing here says why two groups differ. A dimension is NaN when one side
    has no answer at all to one of its items.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, contrasts
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=5)
    >>> frame = pd.DataFrame({"e1": 5, "p1": [4, 4, 2, 2], "month": ["May", "May", "June", "June"]})
    >>> table = contrasts(frame, scale=scale, by="month", reference="May")
    >>> table.query("level == 'item' and measure == 'gap'")[["group", "n", "estimate"]].values.tolist()
    [['June', 2, -2.0]]
    """
    result = contrast_table(
        data,
        figures(scale),
        scale=scale,
        by=by,
        reference=reference,
        within=within,
        weight=weight,
        cluster=cluster,
        confidence=confidence,
        seed=seed,
    )
    return adjusted(result, headline=False)


def widest(
    data: Any,
    *,
    scale: Scale,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Say which dimensions share the widest shortfall, without ranking noise.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        One row per response.
    scale : Scale
        With expectations, perceptions and dimensions.
    weight, cluster, confidence, seed
        As in :func:`gaps`.

    Returns
    -------
    DataFrame
        One row per dimension, in the scale's order: ``dimension``, ``label``, ``n``, ``n_eff``, ``n_groups``,
        ``few_groups``, ``estimate`` (its gap less the widest gap, 0 for the widest itself; points of the scale),
        ``ci_low``, ``ci_high``, ``p_adjusted`` and ``among_widest``: True unless it lies above the widest gap
        beyond random variation.

    Raises
    ------
    KeyError, ValueError
        As :func:`gaps`; a scale without expectations or without dimensions.

    Notes
    -----
    Differences between all pairs of dimensions are judged together (max t over the joint replicates), which
    covers having picked the widest after looking.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, widest
    >>> scale = Scale([Item("q1", "speed", "e1", "p1"), Item("q2", "care", "e2", "p2")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": 6, "p1": [4, 5] * 20, "e2": 6, "p2": [5, 6, 6, 5] * 10})
    >>> widest(frame, scale=scale)[["label", "estimate", "among_widest"]].values.tolist()
    [['speed', 0.0, True], ['care', 1.0, False]]
    """
    check_confidence(confidence)
    if "gap" not in measures(scale) or not scale.dimensions:
        raise ValueError(f"scale {scale.name!r} needs expectations, perceptions and dimensions")
    sums = summed(data, scale, by=[], weight=weight, cluster=cluster)
    rows = [row for row in figures(scale) if row.level == "dimension" and row.measure == "gap"]
    gap, drawn = (
        combine(sums.means, sums, rows)[0],
        combine(sums.replicates(sums.draw(seed=seed)), sums, rows)[:, 0],
    )
    behind = {name: part[0] for name, part in bases(sums, rows).items()}
    low, m = int(np.nanargmin(gap)), len(rows)
    pairs = max_t(
        (gap[:, None] - gap).ravel(),
        (drawn[:, :, None] - drawn[:, None, :]).reshape(-1, m * m),
        n_groups=int(behind["n_groups"].min()),
        confidence=confidence,
    )
    ci_low, ci_high, p_adjusted = (
        part.reshape(m, m)[:, low] for part in (pairs.ci_low, pairs.ci_high, pairs.p_value)
    )
    own = from_replicates(gap, drawn, n_groups=behind["n_groups"], confidence=confidence)
    return pd.DataFrame(
        {
            "dimension": [row.dimension for row in rows],
            "label": [scale.label(row.dimension) for row in rows],
            "n": behind["n"],
            "n_eff": effective(behind, own.se, weight is None and cluster is None),
            "n_groups": behind["n_groups"],
            "few_groups": behind["n_groups"] < FEW_GROUPS,
            "estimate": gap - gap[low],
            "ci_low": ci_low,
            "ci_high": ci_high,
            "p_adjusted": p_adjusted,
            "among_widest": ~(ci_low > 0),
        }
    )


def _off(sums: SegmentSums, rows: list[Figure]) -> np.ndarray:
    weighed = np.array([row.measure == "importance" or row.weighting == "importance" for row in rows])
    if not weighed.any():
        return np.zeros((len(sums.segments), len(rows)), dtype=int)
    return np.where(weighed, sums.counts[:, [sums.columns.index("off")]], 0)
