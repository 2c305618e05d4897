"""Linear and ordered logit regressions with the influence of each replicate group, so that replicates are sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from csatlib.stats.rows import REPLICATE_GROUPS, blocks

STEPS = 60
CLOSE = 1e-9
FAR = 30.0  # a coefficient this large on the logit scale means that the answers are separated
CATEGORIES = 11


@dataclass(frozen=True)
class Answers:
    """Complete rows: x (rows, columns), y, weight, replicate group, group label as a position in `groups`."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    replicate: np.ndarray
    code: np.ndarray
    groups: tuple[str, ...]

    def of(self, group: int) -> "Answers":
        """Keep the rows of one group."""
        own = self.code == group
        parts = (part[own] for part in (self.x, self.y, self.weight, self.replicate, self.code))
        return Answers(*parts, self.groups)

    @property
    def present(self) -> np.ndarray:
        """Replicate groups that hold any row."""
        return np.bincount(self.replicate, minlength=REPLICATE_GROUPS) > 0

    @property
    def n_eff(self) -> float:
        """Kish's effective number of rows."""
        return float(self.weight.sum() ** 2 / (self.weight**2).sum()) if len(self.y) else 0.0


@dataclass(frozen=True)
class Fit:
    """Coefficients (columns,), and by how much one more copy of each replicate group moves them (256, columns)."""

    coefficients: np.ndarray
    influence: np.ndarray

    def replicates(self, drawn: np.ndarray) -> np.ndarray:
        """Coefficients in each replicate, to first order (score bootstrap, Kline and Santos 2012)."""
        return self.coefficients + drawn @ self.influence


def complete(
    data: Any,
    outcome: str,
    drivers: Sequence[str],
    *,
    by: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
) -> Answers:
    """Read the rows complete in the outcome and all drivers, with weight above 0 and a group."""
    drivers = list(drivers)
    twice = [name for name in dict.fromkeys(drivers) if drivers.count(name) > 1 or name == outcome]
    if not drivers or twice:
        found = f"names {', '.join(map(repr, twice))} twice or as the outcome" if twice else "is empty"
        raise ValueError(f"drivers {found}; allowed are one or more columns other than the outcome, each once")
    columns = [*drivers, outcome]
    read = list(blocks(data, columns, by=[by] if by else [], weight=weight, cluster=cluster, key=key))
    if not read:
        raise ValueError("the data holds no rows")
    values = np.concatenate([block.values for block in read])
    w = np.concatenate([block.weight for block in read])
    replicate = np.concatenate([block.replicate for block in read]).astype(np.int64)
    label = pd.concat([block.segments[0] for block in read]) if by else pd.Series("all", index=range(len(w)))
    names = sorted(label.dropna().unique(), key=str)
    code = pd.Index(names).get_indexer(label)
    used = ~np.isnan(values).any(axis=1) & (w > 0) & (code >= 0)
    kept = (part[used] for part in (values[:, :-1], values[:, -1], w, replicate, code))
    return Answers(*kept, tuple(map(str, names)))


def linear(x: np.ndarray, y: np.ndarray, weight: np.ndarray, replicate: np.ndarray) -> Fit:
    """Fit least squares with an intercept that is not returned; influence with the (n - 1) / (n - k) factor."""
    n, k = len(y), x.shape[1] + 1
    centre = np.average(x, axis=0, weights=weight) if n else np.zeros(k - 1)
    full = np.column_stack([np.ones(n), x - centre])
    cross = full.T @ (full * weight[:, None])
    if n <= k or np.linalg.matrix_rank(cross, hermitian=True) < k:
        return _unknown(k - 1)
    beta = np.linalg.solve(cross, full.T @ (weight * y))
    scores = _by_group(full * (weight * (y - full @ beta))[:, None], replicate)
    influence = scores @ np.linalg.inv(cross) * np.sqrt((n - 1) / (n - k))
    return Fit(beta[1:], influence[:, 1:])


def ordinal(x: np.ndarray, y: np.ndarray, weight: np.ndarray, replicate: np.ndarray) -> Fit:
    """Fit the proportional-odds model logit P(Y <= j) = cut_j - x b by Newton's method.

    Two categories make a binary logit. Categories without answers do not count; beyond eleven values the outcome
    is cut at its quantiles. NaN where
    the model has no maximum.
    """
    level = _levels(y)
    cuts, k, n = int(level.max(initial=0)), x.shape[1], len(y)
    if cuts < 1 or n <= k + cuts:
        return _unknown(k)
    weight = weight / weight.mean()
    below = np.cumsum(np.bincount(level, weight))[:-1] / weight.sum()
    theta = np.concatenate([logit(below), np.zeros(k)])
    value, parts = _likelihood(theta, x, level, weight, cuts)
    for _ in range(STEPS):
        score, information = _derivatives(x, level, parts, cuts)
        if np.linalg.matrix_rank(information, hermitian=True) < len(theta):
            return _unknown(k)
        step = np.linalg.solve(information, score)
        theta, value, parts, size = _improved(theta, step, value, x, level, weight, cuts)
        if size * np.abs(step).max() < CLOSE:
            break
    if np.abs(theta[cuts:]).max() > FAR or size * np.abs(step).max() >= CLOSE:
        return _unknown(k)
    score, information = _derivatives(x, level, parts, cuts)
    scores = _scores(x, level, parts, cuts, replicate)
    influence = scores @ np.linalg.inv(information) * np.sqrt((n - 1) / (n - k - cuts))
    return Fit(theta[cuts:], influence[:, cuts:])


def _unknown(k: int) -> Fit:
    return Fit(np.full(k, np.nan), np.full((REPLICATE_GROUPS, k), np.nan))


def _by_group(rows: np.ndarray, replicate: np.ndarray) -> np.ndarray:
    return np.column_stack([np.bincount(replicate, column, REPLICATE_GROUPS) for column in rows.T])


def _levels(y: np.ndarray) -> np.ndarray:
    found, level = np.unique(y, return_inverse=True)
    if len(found) <= CATEGORIES:
        return level
    edges = np.unique(np.quantile(y, np.arange(1, CATEGORIES) / CATEGORIES))
    return np.unique(np.searchsorted(edges, y, side="left"), return_inverse=True)[1]


def _improved(
    theta: np.ndarray,
    step: np.ndarray,
    value: float,
    x: np.ndarray,
    level: np.ndarray,
    weight: np.ndarray,
    cuts: int,
) -> tuple[np.ndarray, float, np.ndarray, float]:
    """Halve a step until the likelihood does not fall."""
    size = 1.0
    while True:
        tried, parts = _likelihood(theta + size * step, x, level, weight, cuts)
        if tried >= value - 1e-10 * abs(value) or size < CLOSE:
            return theta + size * step, tried, parts, size
        size /= 2


def _likelihood(
    theta: np.ndarray, x: np.ndarray, level: np.ndarray, weight: np.ndarray, cuts: int
) -> tuple[float, np.ndarray]:
    """Log likelihood, and its first and second derivatives by each row's upper and lower cut: a, b, aa, bb, ab."""
    if (np.diff(theta[:cuts]) <= 0).any():
        return -np.inf, np.zeros((5, len(level)))
    ends = np.concatenate([[-np.inf], theta[:cuts], [np.inf]])
    eta = x @ theta[cuts:]
    upper, lower = expit(ends[level + 1] - eta), expit(ends[level] - eta)
    share = np.maximum(upper - lower, 1e-300)
    f_upper, f_lower = upper * (1 - upper), lower * (1 - lower)
    a, b = f_upper / share, -f_lower / share
    aa = f_upper * (1 - 2 * upper) / share - a**2
    bb = -f_lower * (1 - 2 * lower) / share - b**2
    return float(weight @ np.log(share)), weight * np.array([a, b, aa, bb, -a * b])


def _derivatives(x: np.ndarray, level: np.ndarray, parts: np.ndarray, cuts: int) -> tuple[np.ndarray, np.ndarray]:
    a, b, aa, bb, ab = parts
    k = x.shape[1]
    score, information = np.zeros(cuts + k), np.zeros((cuts + k, cuts + k))
    score[:cuts] = np.bincount(level, a, cuts + 1)[:-1] + np.bincount(level, b, cuts + 1)[1:]
    score[cuts:] = -(a + b) @ x
    own = np.bincount(level, aa, cuts + 1)[:-1] + np.bincount(level, bb, cuts + 1)[1:]
    information[np.arange(cuts), np.arange(cuts)] = -own
    beside = -np.bincount(level, ab, cuts + 1)[1:-1]
    information[np.arange(1, cuts), np.arange(cuts - 1)] = beside
    information[np.arange(cuts - 1), np.arange(1, cuts)] = beside
    for j in range(cuts):
        at, above = level == j, level == j + 1
        mixed = (aa + ab)[at] @ x[at] + (bb + ab)[above] @ x[above]
        information[j, cuts:], information[cuts:, j] = mixed, mixed
    information[cuts:, cuts:] = -(x * (aa + bb + 2 * ab)[:, None]).T @ x
    return score, information


def _scores(x: np.ndarray, level: np.ndarray, parts: np.ndarray, cuts: int, replicate: np.ndarray) -> np.ndarray:
    """Sum the scores of each replicate group, shape (256, cuts + columns)."""
    a, b = parts[:2]
    shape = (REPLICATE_GROUPS, cuts + 1)
    cell, size = replicate * (cuts + 1) + level, REPLICATE_GROUPS * (cuts + 1)
    upper, lower = (np.bincount(cell, part, size).reshape(shape) for part in (a, b))
    return np.column_stack([upper[:, :-1] + lower[:, 1:], _by_group(-x * (a + b)[:, None], replicate)])
