"""Targets of raking, their checks, and iterative proportional fitting of many replicates at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

TOLERANCE = 1e-9
ITERATIONS = 500


@dataclass(frozen=True)
class Margins:
    """Population shares per column, and the code of each cell in each of them; built by :func:`coded`.

    Attributes
    ----------
    columns : tuple of str
        Raking columns.
    categories : tuple of tuple of str
        Categories of each column, as text, in the order of the targets.
    shares : tuple of ndarray
        Target shares of each column; each adds up to 1.
    codes : tuple of ndarray
        For each column the category of every cell or row.
    """

    columns: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    shares: tuple[np.ndarray, ...]
    codes: tuple[np.ndarray, ...]


def coded(cells: Sequence[pd.Series], margins: Mapping[str, Mapping]) -> Margins:
    """Match cells with targets; everything that does not fit is told at once, with its remedy."""
    if not margins:
        raise ValueError('margins is empty; give shares or counts per column, {"region": {"North": 0.4, ...}}')
    problems: list[str] = []
    categories, shares, codes = [], [], []
    for column, (name, target) in zip(cells, margins.items(), strict=True):
        wanted = {str(category): float(value) for category, value in dict(target).items()}
        problems += _unfit(column, name, wanted)
        total = sum(wanted.values())
        categories.append(tuple(wanted))
        shares.append(np.array(list(wanted.values())) / total if total > 0 else np.zeros(len(wanted)))
        codes.append(pd.Index(list(wanted), dtype="str").get_indexer(column.astype("str")))
    if problems:
        raise ValueError("; ".join(problems))
    return Margins(tuple(margins), tuple(categories), tuple(shares), tuple(codes))


def fitted(
    base: np.ndarray,
    margins: Margins,
    *,
    bounds: tuple[float, float] | None = None,
    tolerance: float = TOLERANCE,
    iterations: int = ITERATIONS,
) -> tuple[np.ndarray, int, float]:
    """Rake weights of cells or rows, first axis replicates; bounds are in means of the result.

    Returns the weights (same shape as base), the iterations used and the largest deviation of a share. A
    category that a replicate does not hold is passed over in it.
    """
    raked = base.astype(float).copy()
    total = base.sum(axis=1, keepdims=True)
    single = len(base) == 1
    sums = [_summer(code, len(share), single) for share, code in zip(margins.shares, margins.codes, strict=True)]
    rounds, deviation = 0, np.inf
    while rounds < iterations and deviation >= tolerance:
        rounds += 1
        for add, share, code in zip(sums, margins.shares, margins.codes, strict=True):
            found = add(raked)
            with np.errstate(invalid="ignore", divide="ignore"):
                raked *= np.where(found > 0, share * total / found, 1.0)[:, code]
        if bounds is not None:
            mean = raked.sum(axis=1, keepdims=True) / (base > 0).sum(axis=1, keepdims=True)
            raked = np.where(base > 0, np.clip(raked, bounds[0] * mean, bounds[1] * mean), 0.0)
        deviation = max(_deviation(add(raked), share) for add, share in zip(sums, margins.shares, strict=True))
    return raked, rounds, deviation


def _summer(code: np.ndarray, k: int, single: bool) -> Callable[[np.ndarray], np.ndarray]:
    if single:
        return lambda raked: np.bincount(code, raked[0], k)[None, :]
    member = np.eye(k)[code]
    return lambda raked: raked @ member


def _deviation(found: np.ndarray, share: np.ndarray) -> float:
    total = found.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.where(found > 0, np.abs(found / total - share), 0.0)
    return float(off[(found > 0).all(axis=1)].max(initial=0.0))


def _unfit(column: pd.Series, name: str, wanted: dict[str, float]) -> list[str]:
    missing, found = int(column.isna().sum()), set(column.dropna().astype("str").unique())
    bad = [category for category, value in wanted.items() if not value > 0 or not np.isfinite(value)]
    extra, lacking = sorted(found - set(wanted)), sorted(set(wanted) - found)
    problems = []
    if missing:
        problems.append(
            f"{name!r} is missing in {missing} rows or cells: leave those rows out, or give them a category of "
            "their own with a target"
        )
    if extra:
        problems.append(
            f"{name!r} holds {', '.join(map(repr, extra))}, without a target: add the population share, or merge "
            "it with a category that has one"
        )
    if lacking:
        problems.append(
            f"{name!r} has a target for {', '.join(map(repr, lacking))}, but nobody in the sample: merge it with "
            "a neighbouring category in sample and target, or drop the margin"
        )
    if bad:
        told = ", ".join(f"{category!r} = {wanted[category]:g}" for category in bad)
        problems.append(f"{name!r} has the target {told}: shares or counts are above zero")
    return problems
