"""Joint replicates: how often each of the 256 groups counts in each replicate, drawn once per analysis."""

from functools import lru_cache

import numpy as np

from csatlib.stats.rows import REPLICATE_GROUPS

REPLICATES = 1000


def multiplicities(present: np.ndarray, *, replicates: int = REPLICATES, seed: int = 0) -> np.ndarray:
    """Draw bootstrap multiplicities of the replicate groups.

    Parameters
    ----------
    present : ndarray of bool, shape (256,)
        Groups that hold any row, over the union of all segments compared.
    replicates : int
        Number of replicates.
    seed : int
        The same seed and the same groups give the same draw, so that segments, periods and totals are
        compared inside one replicate.

    Returns
    -------
    ndarray of float, shape (replicates, 256)
        Each row sums to the number of groups present.

    Raises
    ------
    ValueError
        When present has not one entry per group.

    References
    ----------
    Efron, B. and Tibshirani, R. (1993), An Introduction to the Bootstrap, ch. 6; groups are resampled whole.

    Examples
    --------
    >>> present = np.zeros(256, dtype=bool)
    >>> present[[3, 7]] = True
    >>> multiplicities(present, replicates=4).sum(axis=1).tolist()
    [2.0, 2.0, 2.0, 2.0]
    """
    present = np.asarray(present, dtype=bool)
    if present.shape != (REPLICATE_GROUPS,):
        raise ValueError(f"present has shape {present.shape}; it must be ({REPLICATE_GROUPS},)")
    return _drawn(present.tobytes(), replicates, seed)


@lru_cache(maxsize=4)
def _drawn(present: bytes, replicates: int, seed: int) -> np.ndarray:
    chosen = np.frombuffer(present, dtype=bool)
    drawn = np.zeros((replicates, REPLICATE_GROUPS))
    groups = int(chosen.sum())
    if groups:
        rng = np.random.default_rng(seed)
        drawn[:, chosen] = rng.multinomial(groups, np.full(groups, 1 / groups), size=replicates)
    drawn.flags.writeable = False
    return drawn
