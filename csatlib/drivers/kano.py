"""Kano's method: pairs of answers to categories, which category leads, Better and Worse with limits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import betainc

from csatlib.stats.intervals import (
    FEW_GROUPS,
    MIN_GROUPS,
    benjamini_hochberg,
    check_confidence,
    from_replicates,
    wilson,
)
from csatlib.stats.replicates import REPLICATES
from csatlib.stats.rows import Block, blocks
from csatlib.stats.segments import SegmentSums, sum_by_segment

EVALUATION = ("QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ")
CATEGORIES = ("M", "O", "A", "I", "R", "Q")  # in the order in which ties are broken
COEFFICIENTS = {"better": "AO", "worse": "OM"}
VALID = "AOMI"
ANSWERS = 5
LEVEL = 0.05


@dataclass(frozen=True)
class Kano:
    """Tables from :func:`kano`: ``shares``, ``coefficients`` and ``items``."""

    shares: pd.DataFrame
    coefficients: pd.DataFrame
    items: pd.DataFrame


def kano(
    data: Any,
    *,
    functional: Sequence[str],
    dysfunctional: Sequence[str],
    items: Sequence[str] | None = None,
    labels: Mapping[str, float] | None = None,
    evaluation: Sequence[str] = EVALUATION,
    by: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Kano:
    """Sort pairs of Kano answers into categories, and say which category leads beyond random variation.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or iterable of Arrow record batches
        One row per respondent; read once. An Ibis table needs `cluster` or `key`.
    functional, dysfunctional : sequence of str
        Columns with the answers to "how do you feel if it is there" and "if it is not there", one pair per item:
        1 like, 2 must be, 3 neutral, 4 live with, 5 dislike. A pair with a missing answer is left out.
    items : sequence of str, optional
        What to call the items; default: their functional columns.
    labels : mapping, optional
        Numbers 1 to 5 for text answers.
    evaluation : sequence of 5 str
        Category of each pair: a row per functional, a character per dysfunctional answer; M must-be,
        O one-dimensional, A attractive, I indifferent, R reverse, Q questionable.
    by : str, optional
        Column of groups; rows without a value are left out.
    weight : str, optional
        Sampling weights; results do not change when all are multiplied by a constant.
    cluster, key : str, optional
        Column that holds rows of one customer together; column that identifies a row without cluster.
    confidence : float
        Coverage aimed at.
    seed, replicates : int
        Seed and number of the joint replicates; used with weights or clusters only.

    Returns
    -------
    Kano
        ``shares``: a row per group, item and category: ``n`` (pairs), ``n_eff``, ``n_groups``,
        ``few_groups``, ``estimate`` (share, 0 to 1), ``ci_low``, ``ci_high``.
        ``coefficients``: a row per group, item and ``measure``, "better" (0 to 1) and "worse" (-1 to 0); ``n`` are
        the pairs in M, O, A and I.
        ``items``: a row per group and item: ``n``, ``n_eff``, ``n_groups``, ``few_groups``, ``top``
        and ``second`` (the two most frequent categories; ties in the order M, O, A, I, R, Q), ``estimate`` (share
        of the top less that of the second), ``ci_low``, ``ci_high``, ``fong_z`` and ``fong_p`` (as published),
        ``p_value``, ``p_adjusted`` (all items and groups are one family, Benjamini-Hochberg) and ``category``: the
        top where ``p_adjusted`` is below 0.05, else "cannot tell".

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; lists of different length; answers outside 1 to 5; another evaluation table.

    Notes
    -----
    Better = (A + O) / (A + O + M + I), Worse = -(O + M) / (A + O + M + I); each is a share of the valid pairs, so
    Wilson's limits hold, with weights or clusters on counts scaled to n_eff (x (z / t[n_groups - 1])^2).
    Fong: z = (a - b) / sqrt((a + b)(2n - a - b) / 2n) treats the counts a and b as independent, though one
    respondent cannot be in both; it therefore names a category too readily. The decision rests on the exact
    two-sided binomial test of a against b, valid although the two were chosen by looking (Hung and Fithian).

    References
    ----------
    Kano, N. et al. (1984), Hinshitsu 14(2), 39-48; Berger, C. et al. (1993), Center for Quality of Management
    Journal 2(4), 3-36; Fong, D. (1996), same journal 5(3), 21-24; Hung, K. and Fithian, W. (2019), Annals of
    Statistics 47(2), 758-782.

    Examples
    --------
    >>> answers = pd.DataFrame({"with": [1, 1, 1, 3, 3], "without": [5, 3, 5, 5, 3]})
    >>> found = kano(answers, functional=["with"], dysfunctional=["without"], items=["Speed"])
    >>> found.items[["item", "top", "category"]].values.tolist()
    [['Speed', 'O', 'cannot tell']]
    >>> found.coefficients["estimate"].tolist()
    [0.6, -0.6]
    """
    check_confidence(confidence)
    names = list(items if items is not None else functional)
    pairs = [*functional, *dysfunctional]
    table = _checked(functional, dysfunctional, names, evaluation)
    columns = [f"{name}/{part}" for name in names for part in (*CATEGORIES, *COEFFICIENTS)]
    rows = blocks(data, pairs, weight=weight, cluster=cluster, key=key, by=[by] if by else [], labels=labels)
    sums = sum_by_segment(_sorted(rows, pairs, table), columns)
    simple = weight is None and cluster is None
    drawn = sums.draw(replicates=2 if simple else replicates, seed=seed)
    keys = pd.DataFrame(
        [(str(label[0]) if by else "all", name) for label in sums.segments for name in names],
        columns=["group", "item"],
    )
    return _tables(sums, sums.replicates(drawn), keys, simple, confidence)


def _checked(
    functional: Sequence[str], dysfunctional: Sequence[str], names: Sequence[str], evaluation: Sequence[str]
) -> np.ndarray:
    """Check the arguments and return the evaluation table as positions in CATEGORIES, shape (5, 5)."""
    problems = []
    sizes = (len(functional), len(dysfunctional), len(names))
    if len(set(sizes)) > 1 or not sizes[0]:
        problems.append(
            f"functional, dysfunctional and items have {sizes[0]}, {sizes[1]} and {sizes[2]} entries; "
            "each item needs one of each"
        )
    if len(set(names)) < len(names):
        problems.append("items holds a name twice; each item needs its own")
    if [len(row) for row in evaluation] != [ANSWERS] * ANSWERS or set("".join(evaluation)) - set(CATEGORIES):
        problems.append(f"evaluation={tuple(evaluation)!r}; allowed are 5 texts of 5 letters of M, O, A, I, R, Q")
    if problems:
        raise ValueError("; ".join(problems))
    return np.array([[CATEGORIES.index(letter) for letter in row] for row in evaluation])


def _sorted(rows: Iterator[Block], pairs: Sequence[str], table: np.ndarray) -> Iterator[Block]:
    """Turn answers into one column of 0 and 1 per item and category, and per item and coefficient."""
    k = len(pairs) // 2
    valid = np.isin(CATEGORIES, list(VALID))
    within = [np.isin(CATEGORIES, list(letters)) for letters in COEFFICIENTS.values()]
    for block in rows:
        wrong = ~np.isnan(block.values) & ~np.isin(block.values, range(1, ANSWERS + 1))
        if wrong.any():
            told = [
                f"column {pairs[j]!r} holds {block.values[wrong[:, j], j][0]:g}, {wrong[:, j].sum()} such answers"
                for j in np.flatnonzero(wrong.any(axis=0))
            ]
            raise ValueError(
                f"{'; '.join(told)}; allowed are 1 like, 2 must be, 3 neutral, 4 live with, 5 dislike: "
                "give labels={...}, or make other codes missing"
            )
        answered = ~np.isnan(block.values[:, :k]) & ~np.isnan(block.values[:, k:])
        at = np.where(np.isnan(block.values), 1, block.values).astype(int) - 1
        category = table[at[:, :k], at[:, k:]]
        made = np.full((*category.shape, len(CATEGORIES) + len(within)), np.nan)
        made[..., : len(CATEGORIES)] = np.where(
            answered[..., None], category[..., None] == np.arange(len(CATEGORIES)), np.nan
        )
        for j, letters in enumerate(within):
            made[..., len(CATEGORIES) + j] = np.where(answered & valid[category], letters[category], np.nan)
        yield replace(block, values=made.reshape(len(made), -1))


def _tables(
    sums: SegmentSums, replicates: np.ndarray, keys: pd.DataFrame, simple: bool, confidence: float
) -> Kano:
    width, many = len(CATEGORIES) + len(COEFFICIENTS), len(CATEGORIES)
    shape = (len(keys), width)
    share, n_groups, kish = (part.reshape(shape) for part in (sums.means, sums.n_groups, sums.kish))
    counts, drawn = sums.counts.reshape(shape), replicates.reshape(len(replicates), *shape)
    low, high, n_eff = _limits(share, drawn, counts, n_groups, kish, simple, confidence)

    def long(part: slice, names: Sequence[str], column: str, sign: np.ndarray) -> pd.DataFrame:
        ends = np.sort([low[:, part] * sign, high[:, part] * sign], axis=0)
        cells = {
            "n": counts[:, part],
            "n_eff": n_eff[:, part],
            "n_groups": n_groups[:, part],
            "few_groups": n_groups[:, part] < FEW_GROUPS,
            "estimate": share[:, part] * sign,
            "ci_low": ends[0],
            "ci_high": ends[1],
        }
        repeated = keys.loc[keys.index.repeat(len(names))].reset_index(drop=True)
        return repeated.assign(
            **{column: list(names) * len(keys)}, **{name: cell.ravel() for name, cell in cells.items()}
        )

    shares = long(slice(0, many), CATEGORIES, "category", np.ones(many))
    coefficients = long(slice(many, width), list(COEFFICIENTS), "measure", np.array([1.0, -1.0]))
    own = [part[:, 0] for part in (counts, n_groups, kish)]
    return Kano(shares, coefficients, _leading(keys, share[:, :many], drawn[..., :many], own, simple, confidence))


def _limits(
    share: np.ndarray,
    drawn: np.ndarray,
    counts: np.ndarray,
    n_groups: np.ndarray,
    kish: np.ndarray,
    simple: bool,
    confidence: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wilson's limits on counts scaled to the effective number of answers, and that number."""
    variance = share * (1 - share)
    n_eff, size = _effective(variance, share, drawn, counts, n_groups, kish, simple, confidence)
    known = size > 0
    of = np.where(known, size, 1.0)
    low, high = wilson(np.where(known, np.clip(share, 0, 1), 0.0) * of, of, confidence=confidence)
    return np.where(known, low, np.nan), np.where(known, high, np.nan), n_eff


def _effective(
    variance: np.ndarray,
    estimate: np.ndarray,
    drawn: np.ndarray,
    counts: np.ndarray,
    n_groups: np.ndarray,
    kish: np.ndarray,
    simple: bool,
    confidence: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Effective number of answers, and the same discounted for few replicate groups (NaN under five)."""
    if simple:
        return counts.astype(float), counts.astype(float)
    se = from_replicates(estimate, drawn, n_groups=n_groups).se
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.minimum(variance / se**2, counts)
    n_eff = np.where((se > 0) & (variance > 0), found, kish)
    tail = (1 + confidence) / 2
    ratio = stats.norm.ppf(tail) / stats.t.ppf(tail, np.maximum(n_groups - 1, 1))
    return n_eff, np.where(n_groups >= MIN_GROUPS, n_eff * ratio**2, np.nan)


def _leading(
    keys: pd.DataFrame,
    share: np.ndarray,
    drawn: np.ndarray,
    own: Sequence[np.ndarray],
    simple: bool,
    confidence: float,
) -> pd.DataFrame:
    """Find the two most frequent categories of each item, and whether the first is separated from the second."""
    n, n_groups, kish = own
    order = np.argsort(-np.nan_to_num(share), axis=1, kind="stable")
    at = np.arange(len(share))
    first, second = order[:, 0], order[:, 1]
    a, b = share[at, first], share[at, second]
    contrast = drawn[:, at, first] - drawn[:, at, second]
    variance = a + b - (a - b) ** 2
    n_eff, size = _effective(variance, a - b, contrast, n, n_groups, kish, simple, confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(variance / size)
        fong = (a - b) / np.sqrt((a + b) * (2 - a - b) / (2 * size))
        p_value = np.minimum(2 * betainc(a * size, b * size + 1, 0.5), 1.0)
    p_value = np.where(size > 0, p_value, np.nan)
    p_adjusted = benjamini_hochberg(p_value)
    names = np.array(CATEGORIES)
    return keys.assign(
        n=n,
        n_eff=n_eff,
        n_groups=n_groups,
        few_groups=n_groups < FEW_GROUPS,
        top=np.where(n > 0, names[first], ""),
        second=np.where(n > 0, names[second], ""),
        estimate=a - b,
        ci_low=a - b - half,
        ci_high=np.minimum(a - b + half, 1.0),
        fong_z=fong,
        fong_p=2 * stats.norm.sf(fong),
        p_value=p_value,
        p_adjusted=p_adjusted,
        category=np.where(p_adjusted < LEVEL, names[first], "cannot tell"),
    )
