"""Percentages, medians and combined means per group, with limits from one joint draw of the replicate groups."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, Limits, from_replicates, wilson
from csatlib.stats.rows import REPLICATE_GROUPS, blocks
from csatlib.stats.segments import SegmentSums, sum_by_segment
from csatlib.stats.threads import one_thread

PERCENT = 100.0
CHUNK = 100
ALL = "all"


def sums_of(
    data: pd.DataFrame,
    columns: Sequence[str],
    *,
    by: Sequence[str] = (),
    weight: str | None = None,
    cluster: str | None = None,
) -> SegmentSums:
    """Sum columns by group and replicate group."""
    return sum_by_segment(blocks(data, columns, by=by, weight=weight, cluster=cluster), list(columns))


def bases(counts: np.ndarray, n_eff: np.ndarray, n_groups: np.ndarray) -> dict[str, np.ndarray]:
    """Columns that say what a figure rests on."""
    return {
        "n": np.asarray(counts).astype(np.int64),
        "n_eff": np.asarray(n_eff, dtype=float),
        "n_groups": np.asarray(n_groups).astype(np.int64),
        "few_groups": np.asarray(n_groups) < FEW_GROUPS,
    }


def effective(n: np.ndarray, variance: np.ndarray, se: np.ndarray, kish: np.ndarray, simple: bool) -> np.ndarray:
    """Answers of a simple random sample that would be as precise; Kish's number where nothing varies."""
    if simple:
        return np.asarray(n, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.minimum(variance / se**2, n)
    return np.where((se > 0) & (variance > 0), found, kish)


def percentages(sums: SegmentSums, drawn: np.ndarray, *, simple: bool, confidence: float) -> dict[str, np.ndarray]:
    """Percentages of 0/1 columns, arrays (groups, columns): Wilson's limits on counts scaled to n_eff.

    With clusters n_eff is multiplied by (z / t[n_groups - 1])^2 (Korn and Graubard 1998), and under 5 replicate
    groups there are no limits.
    """
    share, n_groups = sums.means, sums.n_groups
    limits = from_replicates(share, sums.replicates(drawn), n_groups=n_groups, confidence=confidence)
    n_eff = effective(sums.counts, share * (1 - share), limits.se, sums.kish, simple)
    size = np.where(n_eff > 0, n_eff, np.nan)
    if not simple:
        tail = (1 + confidence) / 2
        ratio = stats.norm.ppf(tail) / stats.t.ppf(tail, np.maximum(n_groups - 1, 1))
        size = np.where(n_groups >= MIN_GROUPS, size * ratio**2, np.nan)
    known = ~np.isnan(size)
    of = np.where(known, size, 1.0)
    low, high = wilson(np.where(known, np.clip(share, 0, 1), 0.0) * of, of, confidence=confidence)
    return bases(sums.counts, n_eff, n_groups) | {
        "estimate": PERCENT * share,
        "ci_low": np.where(known, PERCENT * low, np.nan),
        "ci_high": np.where(known, PERCENT * high, np.nan),
    }


def median_table(
    values: np.ndarray, codes: np.ndarray, replicate: np.ndarray, drawn: np.ndarray, *, k: int, confidence: float
) -> dict[str, np.ndarray]:
    """Medians of k groups, with percentile limits from the joint replicates; NaN values do not count."""
    estimate, replicates = np.full(k, np.nan), np.full((len(drawn), k), np.nan)
    n, n_groups = np.zeros(k, dtype=np.int64), np.zeros(k, dtype=np.int64)
    there = ~np.isnan(values) & (codes >= 0)
    for group in range(k):
        own = there & (codes == group)
        n[group] = own.sum()
        if not n[group]:
            continue
        found, at = np.unique(values[own], return_inverse=True)
        cell = replicate[own].astype(np.int64) * len(found) + at
        counts = np.bincount(cell, minlength=REPLICATE_GROUPS * len(found)).reshape(REPLICATE_GROUPS, -1) * 1.0
        n_groups[group] = (counts.sum(axis=1) > 0).sum()
        estimate[group] = _middle(counts.sum(axis=0)[None, :], found)[0]
        with one_thread():  # small products, see stats.moments
            for start in range(0, len(drawn), CHUNK):
                part = slice(start, start + CHUNK)
                replicates[part, group] = _middle(drawn[part] @ counts, found)
    limits = from_replicates(estimate, replicates, n_groups=n_groups, confidence=confidence, method="percentile")
    made = {"estimate": estimate, "ci_low": limits.ci_low, "ci_high": limits.ci_high}
    return bases(n, n.astype(float), n_groups) | made


def combined(means: np.ndarray, columns: Sequence[str], figures: Sequence[Mapping[str, float]]) -> np.ndarray:
    """Make figures (..., figures) as weighted sums of column means (..., columns); NaN where a part is NaN."""
    at = {name: i for i, name in enumerate(columns)}
    share = np.zeros((len(columns), len(figures)))
    for j, parts in enumerate(figures):
        for name, part in parts.items():
            share[at[name], j] = part
    unknown = np.isnan(means)
    made = np.where(unknown, 0.0, means) @ share
    made[(unknown.astype(float) @ (share != 0)) > 0] = np.nan
    return made


def limits_table(limits: Limits) -> dict[str, np.ndarray]:
    """Columns of an interval."""
    return {"ci_low": limits.ci_low, "ci_high": limits.ci_high, "p_value": limits.p_value}


def labels_of(data: pd.DataFrame, column: str | None) -> tuple[np.ndarray, list[Any]]:
    """Codes of a column's values in the order of their names; all rows are one group where there is none."""
    if column is None:
        return np.zeros(len(data), dtype=np.int64), [ALL]
    names = sorted(data[column].dropna().unique(), key=str)
    return pd.Index(names).get_indexer(data[column]), names


def _middle(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Median of each row of counts over sorted values; the mean of the two middle values where two are."""
    cumulated = np.cumsum(counts, axis=1)
    half = cumulated[:, -1:] / 2
    low = values[np.minimum((cumulated < half).sum(axis=1), len(values) - 1)]
    high = values[np.minimum((cumulated <= half).sum(axis=1), len(values) - 1)]
    return np.where(cumulated[:, -1] > 0, (low + high) / 2, np.nan)
