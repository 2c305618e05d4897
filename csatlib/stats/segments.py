"""Means of many columns by segment from one pass over the rows, each column with its own missing values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from csatlib.stats.replicates import REPLICATES, multiplicities
from csatlib.stats.rows import REPLICATE_GROUPS, Block
from csatlib.stats.threads import one_thread


@dataclass(frozen=True)
class SegmentSums:
    """Weighted sums per segment, replicate group and column; built by :func:`sum_by_segment`.

    Attributes
    ----------
    columns : tuple of str
        Names of the last axis.
    segments : tuple of tuple
        Labels of the first axis, sorted; one empty tuple when there are no segment columns.
    counts, weight_square, square : ndarray, shape (segments, columns)
        Rows with a value, their squared weights, and their weighted squares (values less `shift`).
    weight, total : ndarray, shape (segments, 256, columns)
        Sums of weights and of weighted values (less `shift`).
    shift : ndarray, shape (columns,)
        What was taken off each column before summing.

    Examples
    --------
    >>> from csatlib.stats.rows import blocks
    >>> sums = sum_by_segment(blocks(pd.DataFrame({"q": [1.0, 3.0]}), ["q"]), ["q"])
    >>> sums.means.item(), sums.n_groups.item(), sums.combine([[1]]).means.item()
    (2.0, 2, 2.0)
    """

    columns: tuple[str, ...]
    segments: tuple[tuple, ...]
    counts: np.ndarray
    weight_square: np.ndarray
    square: np.ndarray
    weight: np.ndarray
    total: np.ndarray
    shift: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """Weighted means, shape (segments, columns); NaN where nobody answered."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.total.sum(axis=1) / self.weight.sum(axis=1) + self.shift

    @property
    def sd(self) -> np.ndarray:
        """Weighted standard deviations with the n / (n - 1) factor, shape (segments, columns)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            w = self.weight.sum(axis=1)
            variance = self.square / w - (self.total.sum(axis=1) / w) ** 2
            return np.sqrt(np.maximum(variance, 0) * self.counts / (self.counts - 1))

    @property
    def kish(self) -> np.ndarray:
        """Kish's effective number of answers, (sum w)^2 / sum w^2, shape (segments, columns)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.weight.sum(axis=1) ** 2 / self.weight_square

    @property
    def n_groups(self) -> np.ndarray:
        """Replicate groups that hold any weight, shape (segments, columns)."""
        return (self.weight > 0).sum(axis=1)

    def draw(self, *, replicates: int = REPLICATES, seed: int = 0) -> np.ndarray:
        """Draw multiplicities of the replicate groups that hold any of these rows.

        Parameters
        ----------
        replicates : int
            Number of replicates.
        seed : int
            Seed of the joint draw.

        Returns
        -------
        ndarray, shape (replicates, 256)
            To be given to :meth:`replicates` of everything compared.
        """
        return multiplicities((self.weight > 0).any(axis=(0, 2)), replicates=replicates, seed=seed)

    def replicates(self, drawn: np.ndarray) -> np.ndarray:
        """Evaluate the means in each replicate.

        Parameters
        ----------
        drawn : ndarray, shape (replicates, 256)
            From :meth:`draw`; one draw serves all segments, periods and totals that are compared.

        Returns
        -------
        ndarray, shape (replicates, segments, columns)
            Means; NaN where a replicate holds none of a segment's rows.
        """
        flat = (REPLICATE_GROUPS, len(self.segments) * len(self.columns))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (drawn @ self.total.swapaxes(0, 1).reshape(flat)) / (
                drawn @ self.weight.swapaxes(0, 1).reshape(flat)
            )
        return mean.reshape(len(drawn), len(self.segments), len(self.columns)) + self.shift

    def combine(self, matrix: np.ndarray) -> "SegmentSums":
        """Add segments up: totals, everybody else, or another segment as reference.

        Parameters
        ----------
        matrix : array_like of 0 and 1, shape (segments, segments)
            Row i says which segments make up the new segment i.

        Returns
        -------
        SegmentSums
            Same labels; the rows behind each are those chosen.
        """
        matrix = np.asarray(matrix)
        parts = ("counts", "weight_square", "weight", "total", "square")
        return replace(self, **{name: np.tensordot(matrix, getattr(self, name), axes=1) for name in parts})


def sum_by_segment(rows: Iterable[Block], columns: Sequence[str]) -> SegmentSums:
    """Sum blocks of rows by segment and replicate group.

    Parameters
    ----------
    rows : iterable of Block
        From :func:`csatlib.stats.rows.blocks`, possibly with derived values; each is read once.
    columns : sequence of str
        Names of the blocks' columns.

    Returns
    -------
    SegmentSums
        Rows without a segment label, and rows of weight 0, do not count.

    Raises
    ------
    ValueError
        When there is no block.

    Examples
    --------
    >>> from csatlib.stats.rows import blocks
    >>> frame = pd.DataFrame({"q": [1.0, 3.0, None, 6.0], "region": ["N", "N", "S", "S"]})
    >>> sums = sum_by_segment(blocks(frame, ["q"], by=["region"]), ["q"])
    >>> sums.segments, sums.means.ravel().tolist(), sums.counts.ravel().tolist()
    ((('N',), ('S',)), [2.0, 6.0], [2, 1])
    """
    index: dict[tuple, int] = {}
    sums: dict[str, np.ndarray] = {}
    shift = None
    with one_thread():  # small products, see stats.moments
        for block in rows:
            if shift is None:
                there = ~np.isnan(block.values)
                shift = np.round(np.where(there, block.values, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1))
            codes = _codes(block, index)
            found = _block_sums(block, codes, len(index), shift)
            sums = {name: part + _grown(sums.get(name), part) for name, part in found.items()}
    if shift is None:
        raise ValueError("the data holds no rows")
    order = sorted(range(len(index)), key=lambda i: tuple(map(str, list(index)[i])))
    labels = list(index)
    return SegmentSums(
        columns=tuple(columns),
        segments=tuple(labels[i] for i in order),
        shift=shift,
        **{name: part[order] for name, part in sums.items()},
    )


def _codes(block: Block, index: dict[tuple, int]) -> np.ndarray:
    if not block.segments:
        index.setdefault((), 0)
        return np.zeros(len(block.weight), dtype=np.int64)
    cell, gap = np.zeros(len(block.weight), dtype=np.int64), np.zeros(len(block.weight), dtype=bool)
    parts = [pd.factorize(labels) for labels in block.segments]
    for codes, found in parts:
        cell, gap = cell * len(found) + codes, gap | (codes < 0)
    if gap.all():
        return np.full(len(gap), -1)
    cells, local = np.unique(cell[~gap], return_inverse=True)
    places = np.unravel_index(cells, [len(found) for _, found in parts])
    names = [found.astype(object)[place] for (_, found), place in zip(parts, places, strict=True)]
    mapped = np.array([index.setdefault(label, len(index)) for label in zip(*names, strict=True)], dtype=np.int64)
    out = np.full(len(gap), -1, dtype=np.int64)
    out[~gap] = mapped[local]
    return out


def _block_sums(block: Block, codes: np.ndarray, segments: int, shift: np.ndarray) -> dict[str, np.ndarray]:
    w, replicate, values = block.weight, block.replicate, block.values
    used = (codes >= 0) & (w > 0)
    if not used.all():
        w, replicate, values, codes = w[used], replicate[used], values[used], codes[used]
    cell, cells = codes * REPLICATE_GROUPS + replicate, segments * REPLICATE_GROUPS
    columns, simple = values.shape[1], bool((w == 1).all())
    counts, weight_square, square = np.empty((3, segments, columns))
    weight, total = np.empty((2, cells, columns))
    for j in range(columns):
        x = values[:, j] - shift[j]
        missing = np.isnan(x)
        np.copyto(x, 0.0, where=missing)
        there = ~missing
        xw, present = (x, there) if simple else (x * w, there * w)
        weight[:, j] = np.bincount(cell, present, cells)
        total[:, j] = np.bincount(cell, xw, cells)
        square[:, j] = xw @ x if segments == 1 else np.bincount(codes, xw * x, segments)
        if not simple:
            counts[:, j] = np.bincount(codes, there, segments)
            weight_square[:, j] = np.bincount(codes, present * w, segments)
    if simple:
        counts = weight_square = weight.reshape(segments, REPLICATE_GROUPS, columns).sum(axis=1)
    shape = (segments, REPLICATE_GROUPS, columns)
    return {
        "counts": counts.astype(np.int64),
        "weight_square": weight_square,
        "weight": weight.reshape(shape),
        "total": total.reshape(shape),
        "square": square,
    }


def _grown(old: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    grown = np.zeros_like(like)
    if old is not None:
        grown[: len(old)] = old
    return grown
