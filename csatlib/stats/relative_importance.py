"""Shares of R2 from stacks of correlation matrices: LMG, relative weights, and which shares can be told apart."""

from collections.abc import Sequence
from math import factorial
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd

from csatlib.stats.intervals import MIN_GROUPS, Limits, max_t

MAX_BLOCKS = 20
MAX_BATCHED = 12
PIVOT = 1e-10
SUBSETS_AT_ONCE = 2**18


def correlations(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn covariances into correlations; matrices that are not positive definite are repaired.

    Parameters
    ----------
    covariance : array_like, shape (..., p, p)
        Symmetric. A column without variance correlates 0 with all others.

    Returns
    -------
    (ndarray, ndarray of bool)
        Correlations, and whether each matrix was repaired: negative eigenvalues, as pairwise missing values
        can bring, are raised to 1e-6 and the diagonal is brought back to 1.

    References
    ----------
    Higham, N. J. (2002), IMA Journal of Numerical Analysis 22, 329-343 (the first step of its projections).

    Examples
    --------
    >>> correlations(np.array([[4.0, 1.0], [1.0, 1.0]]))[0].tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    covariance = np.asarray(covariance, dtype=float)
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(variance > 1e-12, 1 / np.sqrt(variance), 0.0)
        corr = covariance * scale[..., :, None] * scale[..., None, :]
    index = np.arange(corr.shape[-1])
    corr[..., index, index] = 1.0
    unknown = np.isnan(corr).any(axis=(-2, -1))
    values = np.linalg.eigvalsh(np.where(unknown[..., None, None], np.eye(len(index)), corr))
    bad = (values[..., 0] < -1e-8) & ~unknown
    if bad.any():
        values, vectors = np.linalg.eigh(corr[bad])
        clipped = (vectors * np.maximum(values, 1e-6)[:, None, :]) @ vectors.swapaxes(-1, -2)
        own = 1 / np.sqrt(np.diagonal(clipped, axis1=-2, axis2=-1))
        corr[bad] = clipped * own[:, :, None] * own[:, None, :]
    return corr, bad


def lmg(corr: np.ndarray, *, blocks: Sequence[Sequence[int]], covariates: Sequence[int] = ()) -> np.ndarray:
    """Share R2 out among blocks of predictors: the rise of R2 averaged over all orders of entry.

    Parameters
    ----------
    corr : array_like, shape (..., p + 1, p + 1)
        Correlations; the outcome is the last column.
    blocks : sequence of sequences of int
        Columns of each player; 20 blocks at most.
    covariates : sequence of int
        Columns that are in every model, before all blocks.

    Returns
    -------
    ndarray, shape (..., blocks)
        Sums to R2 of all less R2 of the covariates alone; no share is negative.

    Raises
    ------
    ValueError
        More than 20 blocks.

    Notes
    -----
    Subsets are built level by level: each level keeps the matrices conditioned on the subsets so far, without
    and with the next block swept out, so all 2^k values of R2 cost about 6 x 2^k multiplications. A column that
    is a combination of those already in adds nothing.

    References
    ----------
    Lindeman, R. H., Merenda, P. F. and Gold, R. Z. (1980), Introduction to Bivariate and Multivariate Analysis;
    Groemping, U. (2006), Journal of Statistical Software 17(1).

    Examples
    --------
    >>> corr = np.array([[1, 0, 0.6], [0, 1, 0.2], [0.6, 0.2, 1]])
    >>> lmg(corr, blocks=[[0], [1]]).round(2).tolist()
    [0.36, 0.04]
    """
    if len(blocks) > MAX_BLOCKS:
        raise ValueError(f"{len(blocks)} blocks; LMG takes {MAX_BLOCKS} at most: use relative weights")
    flat, stack = _stacked(corr, blocks, covariates)
    sizes, k = [len(block) for block in blocks], len(blocks)
    index = np.arange(2**k)
    members = np.array([bin(i).count("1") for i in range(2 ** min(k, 10))])
    count = members[index & 1023] + (members[index >> 10] if k > 10 else 0)
    weight = np.array([factorial(s) * factorial(k - s - 1) / factorial(k) for s in range(k)] + [0.0])
    after, before = weight[count - 1], weight[count]
    shares, step = np.empty((len(flat), k)), max(1, SUBSETS_AT_ONCE >> k)
    for start in range(0, len(flat), step):
        unexplained = _unexplained(flat[start : start + step], sizes, len(covariates))
        for j in range(k):
            shares[start : start + step, j] = np.where(index >> j & 1, -after, before) @ unexplained
    return shares.reshape(*stack, k)


def relative_weights(
    corr: np.ndarray, *, blocks: Sequence[Sequence[int]], covariates: Sequence[int] = ()
) -> np.ndarray:
    """Share R2 out by Johnson's relative weights.

    Parameters
    ----------
    corr : array_like, shape (..., p + 1, p + 1)
        Correlations; the outcome is the last column.
    blocks : sequence of sequences of int
        Columns of each player; a block's weight is the sum of its columns' weights.
    covariates : sequence of int
        Columns taken out of all others first.

    Returns
    -------
    ndarray, shape (..., blocks)
        Sums to R2 of all less R2 of the covariates alone.

    Notes
    -----
    With R the predictors' correlations, r theirs with the outcome and L = R^(1/2): weights = L^2 (L^-1 r)^2,
    squares element by element.

    References
    ----------
    Johnson, J. W. (2000), Multivariate Behavioral Research 35(1), 1-19.

    Examples
    --------
    >>> corr = np.array([[1, 0.5, 0.6], [0.5, 1, 0.6], [0.6, 0.6, 1]])
    >>> relative_weights(corr, blocks=[[0], [1]]).round(2).tolist()
    [0.24, 0.24]
    """
    flat, stack = _stacked(corr, blocks, covariates)
    left = np.moveaxis(_swept(np.moveaxis(flat, 0, -1), len(covariates)), -1, 0)
    own = np.sqrt(np.maximum(np.diagonal(left, axis1=1, axis2=2), PIVOT))
    rest = left / own[:, :, None] / own[:, None, :]
    values, vectors = np.linalg.eigh(rest[:, :-1, :-1])
    root = np.sqrt(np.maximum(values, 0.0))
    inverse = np.where(root > 1e-6, 1 / np.maximum(root, 1e-6), 0.0)
    along = (vectors.swapaxes(1, 2) @ rest[:, :-1, -1:])[:, :, 0] * inverse
    slopes = vectors @ along[:, :, None]
    loadings = (vectors * root[:, None, :]) @ vectors.swapaxes(1, 2)
    weights = (loadings**2 @ slopes**2)[:, :, 0] * own[:, -1:] ** 2
    starts = np.cumsum([0, *(len(block) for block in blocks[:-1])])
    return np.add.reduceat(weights, starts, axis=1).reshape(*stack, len(blocks))


def alone(corr: np.ndarray, *, blocks: Sequence[Sequence[int]], covariates: Sequence[int] = ()) -> np.ndarray:
    """R2 of each block by itself, beyond the covariates: the squared correlation where a block is one column.

    Parameters
    ----------
    corr, blocks, covariates
        As in :func:`lmg`.

    Returns
    -------
    ndarray, shape (..., blocks)
        Does not add up to R2 where blocks are correlated.

    Examples
    --------
    >>> corr = np.array([[1, 0.5, 0.6], [0.5, 1, 0.6], [0.6, 0.6, 1]])
    >>> alone(corr, blocks=[[0], [1]]).round(2).tolist()
    [0.36, 0.36]
    """
    parts = [lmg(corr, blocks=[block], covariates=covariates) for block in blocks]
    return np.concatenate(parts, axis=-1)


def pairwise(shares: np.ndarray, replicates: np.ndarray, *, n_groups: int, confidence: float = 0.95) -> Limits:
    """Compare every share with every other, all differences at once.

    Parameters
    ----------
    shares : array_like, shape (k,)
        On all rows.
    replicates : array_like, shape (replicates, k)
        In each joint replicate.
    n_groups : int
        Replicate groups behind them.
    confidence : float
        Coverage aimed at for all differences together.

    Returns
    -------
    Limits
        Of share i less share j in the order of ``numpy.triu_indices(k, 1)``; p values hold for the family.

    Examples
    --------
    >>> drawn = np.array([0.5, 0.1]) + np.random.default_rng(0).normal(scale=0.01, size=(500, 2))
    >>> bool(pairwise([0.5, 0.1], drawn, n_groups=256).p_value[0] < 0.05)
    True
    """
    shares, replicates = np.asarray(shares, dtype=float), np.asarray(replicates, dtype=float)
    i, j = np.triu_indices(len(shares), 1)
    difference = replicates[:, i] - replicates[:, j]
    return max_t(shares[i] - shares[j], difference, n_groups=n_groups, confidence=confidence)


def letters(shares: np.ndarray, separated: np.ndarray) -> list[str]:
    """Give each share the letters of the sets within which no two can be told apart.

    Parameters
    ----------
    shares : array_like, shape (k,)
        The largest is in set "a".
    separated : array_like of bool, shape (k, k)
        Whether two differ beyond random variation.

    Returns
    -------
    list of str
        Shares with a letter in common cannot be separated; those without one are.

    References
    ----------
    Piepho, H.-P. (2004), Journal of Computational and Graphical Statistics 13(2), 456-466.

    Examples
    --------
    >>> apart = np.zeros((3, 3), dtype=bool)
    >>> apart[0, 2] = apart[2, 0] = True
    >>> letters([0.5, 0.3, 0.1], apart)
    ['a', 'ab', 'b']
    """
    shares = np.asarray(shares, dtype=float)
    separated = np.asarray(separated, dtype=bool)
    sets = [frozenset(range(len(shares)))]
    for i, j in zip(*np.nonzero(np.triu(separated)), strict=True):
        split = [s - {drop} for s in sets if {i, j} <= s for drop in (i, j)]
        split += [s for s in sets if not {i, j} <= s]
        sets = [s for s in set(split) if not any(s < other for other in split)]
    sets.sort(key=lambda s: sorted(-shares[list(s)]))
    names = [ascii_lowercase[n % 26] * (1 + n // 26) for n in range(len(sets))]
    return ["".join(name for name, s in zip(names, sets, strict=True) if i in s) for i in range(len(shares))]


def sets(shares: np.ndarray, replicates: np.ndarray, *, n_groups: int, confidence: float = 0.95) -> list[str]:
    """Give each share the letters of the sets that replicates cannot separate.

    Parameters
    ----------
    shares, replicates, n_groups, confidence
        As in :func:`pairwise`.

    Returns
    -------
    list of str
        From :func:`letters`, on differences that are beyond random variation all at once; empty texts where a
        share is unknown or groups are fewer than 5.

    Examples
    --------
    >>> drawn = np.array([0.5, 0.1]) + np.random.default_rng(0).normal(scale=0.01, size=(500, 2))
    >>> sets([0.5, 0.1], drawn, n_groups=256)
    ['a', 'b']
    """
    shares = np.asarray(shares, dtype=float)
    if np.isnan(shares).any() or n_groups < MIN_GROUPS:
        return [""] * len(shares)
    if len(shares) == 1:
        return ["a"]
    p_value = pairwise(shares, replicates, n_groups=n_groups, confidence=confidence).p_value
    apart = np.zeros((len(shares), len(shares)), dtype=bool)
    apart[np.triu_indices(len(shares), 1)] = p_value < 1 - confidence
    return letters(shares, apart | apart.T)


def candidates(table: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    """Keep the rows that cannot be separated from the largest, in the order of the table.

    Parameters
    ----------
    table : DataFrame
        With ``set`` (letters) and the column ranked.
    column : str
        For example "share".

    Returns
    -------
    list of dict
        Rows; one where all others are behind it.

    Examples
    --------
    >>> found = candidates(pd.DataFrame({"label": ["x", "y"], "set": ["b", "a"], "share": [0.1, 0.9]}), "share")
    >>> [row["label"] for row in found]
    ['y']
    """
    if table.empty or table[column].isna().all():
        return []
    top = set(table["set"].iloc[np.nanargmax(table[column].to_numpy(dtype=float))])
    return [row for row in table.to_dict("records") if top & set(row["set"])]


def _stacked(
    corr: np.ndarray, blocks: Sequence[Sequence[int]], covariates: Sequence[int]
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Bring covariates, blocks and outcome into this order, and all leading axes into one."""
    corr = np.asarray(corr, dtype=float)
    order = [*covariates, *(column for block in blocks for column in block), corr.shape[-1] - 1]
    flat = corr.reshape(-1, *corr.shape[-2:])
    return flat[:, order][:, :, order], corr.shape[:-2]


def _swept(a: np.ndarray, columns: int) -> np.ndarray:
    """Take the first columns out of all others; a has shape (m, m, ...)."""
    for _ in range(columns):
        pivot = a[0, 0]
        factor = np.where(pivot > PIVOT, 1 / np.where(pivot > PIVOT, pivot, 1.0), 0.0) * a[0, 1:]
        a = a[1:, 1:] - a[1:, None, 0] * factor[None]
    return a


def _unexplained(flat: np.ndarray, sizes: Sequence[int], covariates: int) -> np.ndarray:
    """Residual variance of the outcome for every subset of blocks, shape (2^blocks, matrices)."""
    a = _swept(np.moveaxis(flat, 0, -1), covariates)[:, :, None, :]
    for size in sizes:
        a = np.concatenate([a[size:, size:], _swept(a, size)], axis=2)
    return a[0, 0]
