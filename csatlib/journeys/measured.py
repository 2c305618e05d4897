"""Shares and means of journeys by group, with limits from joint replicates of customers."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, from_replicates, max_t, wilson
from csatlib.stats.rows import blocks
from csatlib.stats.segments import SegmentSums, sum_by_segment


def sums_of(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    by: Sequence[str] = (),
    cluster: str | None,
    key: str | None = None,
    weight: str | None = None,
) -> SegmentSums:
    """Sum columns by segment; yes/no columns count as 1 and 0."""
    rows = blocks(frame, list(columns), cluster=cluster, key=key, by=list(by), weight=weight)
    return sum_by_segment(rows, list(columns))


def share_limits(
    estimate: np.ndarray, replicates: np.ndarray, *, n: np.ndarray, n_groups: np.ndarray, confidence: float
) -> dict[str, np.ndarray]:
    """Wilson's limits of shares and of products of shares, on the effective number of journeys."""
    estimate, n = np.asarray(estimate, dtype=float), np.asarray(n, dtype=float)
    groups = np.broadcast_to(np.asarray(n_groups), estimate.shape)
    se = from_replicates(estimate, replicates, n_groups=groups, confidence=confidence).se
    with np.errstate(invalid="ignore", divide="ignore"):
        n_eff = np.where(se > 0, np.minimum(estimate * (1 - estimate) / se**2, n), n)
    df = np.maximum(groups - 1, 1)
    ratio = stats.norm.ppf((1 + confidence) / 2) / stats.t.ppf((1 + confidence) / 2, df)
    known = (groups >= MIN_GROUPS) & (n_eff > 0) & ~np.isnan(estimate)
    size = np.where(known, n_eff * ratio**2, 1.0)
    low, high = wilson(np.where(known, np.clip(estimate, 0, 1), 0) * size, size, confidence=confidence)
    return {
        "n_eff": n_eff,
        "n_groups": groups,
        "few_groups": groups < FEW_GROUPS,
        "estimate": estimate,
        "ci_low": np.where(known, low, np.nan),
        "ci_high": np.where(known, high, np.nan),
    }


def mean_limits(
    estimate: np.ndarray, replicates: np.ndarray, *, n: np.ndarray, n_groups: np.ndarray, confidence: float
) -> dict[str, np.ndarray]:
    """Limits of means and differences: estimate +- t x replicate standard error; with p value."""
    limits = from_replicates(estimate, replicates, n_groups=n_groups, confidence=confidence)
    groups = np.broadcast_to(np.asarray(n_groups), np.shape(estimate))
    return {
        "n_eff": np.asarray(n, dtype=float),
        "n_groups": groups,
        "few_groups": groups < FEW_GROUPS,
        "estimate": estimate,
        "ci_low": limits.ci_low,
        "ci_high": limits.ci_high,
        "p_value": limits.p_value,
    }


def rank_limits(
    estimate: np.ndarray, replicates: np.ndarray, *, n_groups: int, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Best and worst rank each figure can have, all pairs compared at once; 1 is the largest."""
    known = np.flatnonzero(~np.isnan(estimate) & ~np.isnan(replicates).all(axis=0))
    low, high = np.full(len(estimate), np.nan), np.full(len(estimate), np.nan)
    low[known], high[known] = 1, len(known)
    pairs = list(combinations(known, 2))
    if not pairs or n_groups < MIN_GROUPS:
        return low, high
    first, second = np.array(pairs).T
    apart = estimate[first] - estimate[second]
    moved = replicates[:, first] - replicates[:, second]
    p_value = max_t(apart, moved, n_groups=n_groups, confidence=confidence).p_value
    sure = p_value < 1 - confidence
    above, below = np.where(apart > 0, first, second)[sure], np.where(apart > 0, second, first)[sure]
    np.add.at(low, below, 1)
    np.add.at(high, above, -1)
    return low, high
