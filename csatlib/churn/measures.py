"""How well probabilities sort and fit: sums per replicate group once, then small matrices for every replicate."""

from dataclasses import dataclass

import numpy as np

from csatlib.stats.rows import REPLICATE_GROUPS

G = REPLICATE_GROUPS


@dataclass(frozen=True)
class Figure:
    """A statistic on all rows and in each replicate."""

    estimate: float
    replicates: np.ndarray


def group_sums(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return sums per replicate group, shape (256,)."""
    return np.bincount(group, values, G)


def sums_above(
    score: np.ndarray, thresholds: np.ndarray, group: np.ndarray, values: np.ndarray, *, strict: bool = False
) -> np.ndarray:
    """Sum values over rows that score at least (strictly: more than) each threshold, per replicate group.

    Parameters
    ----------
    score, group, values : ndarray, shape (rows,)
        What rows are sorted by, their replicate group, what is summed.
    thresholds : ndarray, shape (t,)
        In any order.
    strict : bool
        Leave out rows that score just the threshold.

    Returns
    -------
    ndarray, shape (t, 256)

    Examples
    --------
    >>> score, group = np.array([0.1, 0.5, 0.5, 0.9]), np.array([0, 0, 1, 1])
    >>> sums_above(score, np.array([0.5, 0.9]), group, np.ones(4))[:, :2].tolist()
    [[1.0, 2.0], [0.0, 1.0]]
    """
    order = np.argsort(score, kind="stable")
    first = np.searchsorted(score[order], thresholds, side="right" if strict else "left")
    sorted_first = np.sort(first)
    part = np.searchsorted(sorted_first, np.arange(len(score)), side="right")
    cells = np.bincount(part * G + group[order], values[order], (len(first) + 1) * G).reshape(-1, G)
    above = np.cumsum(cells[::-1], axis=0)[::-1][1:]
    return above[np.argsort(np.argsort(first, kind="stable"), kind="stable")]


def auc(score: np.ndarray, left: np.ndarray, group: np.ndarray, drawn: np.ndarray) -> Figure:
    """Return the chance that a leaver scores more than a stayer (ties count half); of rows of scores the mean."""
    leavers, total = group_sums(left, group), group_sums(1 - left, group)
    pairs = np.mean([_pairs(each, left == 1, group, total) for each in np.atleast_2d(score)], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled = ((drawn @ pairs) * drawn).sum(axis=1) / ((drawn @ leavers) * (drawn @ total))
        return Figure(float(pairs.sum() / (leavers.sum() * total.sum())), resampled)


def _pairs(score: np.ndarray, leaver: np.ndarray, group: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Count pairs in which the leaver scores more, by his group and the stayer's."""
    stayers = (score[~leaver], score[leaver], group[~leaver], np.ones((~leaver).sum()))
    below = total - (sums_above(*stayers) + sums_above(*stayers, strict=True)) / 2
    pairs = np.zeros((G, G))
    np.add.at(pairs, group[leaver], below)
    return pairs


def average_precision(score: np.ndarray, left: np.ndarray, group: np.ndarray, drawn: np.ndarray) -> Figure:
    """Return the mean over leavers of the leavers' share among all who score as much or more."""
    at, own = score[left == 1], group[left == 1]
    everyone = sums_above(score, at, group, np.ones(len(score)))
    leavers = sums_above(at, at, own, np.ones(len(at)))
    precise = leavers.sum(axis=1) / everyone.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (drawn @ leavers.T) / (drawn @ everyone.T)
        weight = drawn[:, own]
        resampled = np.where(weight > 0, weight * shares, 0.0).sum(axis=1) / weight.sum(axis=1)
    return Figure(float(precise.mean()), resampled)


def ratio(above: np.ndarray, below: np.ndarray, group: np.ndarray, drawn: np.ndarray) -> Figure:
    """Return a ratio of sums over rows."""
    a, b = group_sums(above, group), group_sums(below, group)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Figure(float(a.sum() / b.sum()), (drawn @ a) / (drawn @ b))


def log_losses(p: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return each row's log loss; probabilities are kept off 0 and 1 by 1e-12."""
    return -np.log(np.clip(np.where(left == 1, p, 1 - p), 1e-12, 1.0))


def all_measures(p: np.ndarray, left: np.ndarray, group: np.ndarray, drawn: np.ndarray) -> dict[str, Figure]:
    """Return AUC, average precision, Brier score, log loss and leavers observed to expected."""
    one = np.ones(len(p))
    return {
        "auc": auc(p, left, group, drawn),
        "average_precision": average_precision(p, left, group, drawn),
        "brier": ratio((p - left) ** 2, one, group, drawn),
        "log_loss": ratio(log_losses(p, left), one, group, drawn),
        "observed_to_expected": ratio(left, p, group, drawn),
    }
