"""First and second moments of many columns from one pass over the rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from csatlib.stats.replicates import REPLICATES, multiplicities
from csatlib.stats.rows import REPLICATE_GROUPS, Block, blocks, require_columns
from csatlib.stats.threads import one_thread

PRODUCT_ROWS = 32_768


@dataclass(frozen=True)
class Replicates:
    """Replicated means (replicates, columns) and covariances (replicates, columns, columns)."""

    means: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True)
class Moments:
    """Sums of weights, values and products, split into 256 replicate groups.

    Built by :func:`moments` or :meth:`from_correlation`; not by hand.

    Attributes
    ----------
    columns : tuple of str
        Names, in the order of every matrix.
    counts : ndarray, shape (1, 1) or (columns, columns)
        Rows used: one number (listwise) or one per pair of columns (pairwise).
    weight, total, product : ndarray
        Per replicate group: sum of weights, of weighted values and of weighted products; values are shifted
        by `shift` first. Listwise sums keep axes of length one.
    weight_square : ndarray
        Sum of squared weights, shaped like `counts`.
    shift : ndarray, shape (columns,)
        What was taken off each column before summing.
    present : ndarray of bool, shape (256,)
        Replicate groups that hold any row used; kept when columns are selected, so that all parts of one
        analysis share one draw.

    Examples
    --------
    >>> import pandas as pd
    >>> m = moments(pd.DataFrame({"a": [1, 2, 3], "b": [2, 4, 9]}), ["a", "b"])
    >>> m.n, m.means.tolist(), m.covariance.round(2).tolist()
    (3, [2.0, 5.0], [[1.0, 3.5], [3.5, 13.0]])
    """

    columns: tuple[str, ...]
    counts: np.ndarray
    weight: np.ndarray
    total: np.ndarray
    product: np.ndarray
    weight_square: np.ndarray
    shift: np.ndarray
    present: np.ndarray

    @property
    def n(self) -> int:
        """Rows used; with pairwise missing values the smallest number behind any pair."""
        return int(self.counts.min())

    @property
    def n_eff(self) -> float:
        """Kish's effective number of rows, (sum w)^2 / sum w^2; the smallest of any pair."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(np.min(self.weight.sum(axis=0) ** 2 / self.weight_square))

    @property
    def n_groups(self) -> int:
        """Replicate groups that hold any weight; 0 for a published matrix."""
        return int(self.present.sum())

    @property
    def means(self) -> np.ndarray:
        """Weighted means, shape (columns,)."""
        return self._evaluate(*(part.sum(axis=0) for part in (self.weight, self.total, self.product))).means

    @property
    def covariance(self) -> np.ndarray:
        """Weighted covariances with the n / (n - 1) factor, shape (columns, columns)."""
        return self._evaluate(*(part.sum(axis=0) for part in (self.weight, self.total, self.product))).covariance

    def replicates(self, replicates: int = REPLICATES, *, seed: int = 0) -> Replicates:
        """Evaluate means and covariances in bootstrap replicates of the groups; one matrix product each.

        Parameters
        ----------
        replicates : int
            Number of replicates.
        seed : int
            Seed of the joint draw.

        Returns
        -------
        Replicates
            Means and covariances, first axis the replicates.

        Raises
        ------
        ValueError
            For a published matrix, which has no rows to resample.
        """
        if self.n_groups == 0:
            raise ValueError("these moments come from a published matrix: there are no rows to resample")
        drawn = multiplicities(self.present, replicates=replicates, seed=seed)
        parts = []
        for part in (self.weight, self.total, self.product):
            flat = drawn @ part.reshape(REPLICATE_GROUPS, -1)
            parts.append(flat.reshape(replicates, *part.shape[1:]))
        return self._evaluate(*parts)

    def select(self, columns: Sequence[str]) -> "Moments":
        """Keep some columns, in the order given.

        Parameters
        ----------
        columns : sequence of str
            Names to keep.

        Returns
        -------
        Moments
            The same rows, fewer columns.

        Raises
        ------
        KeyError
            Names that are not there.
        """
        require_columns(self.columns, columns)
        at = [self.columns.index(name) for name in columns]

        def cut(part: np.ndarray) -> np.ndarray:
            for axis in (-2, -1):
                part = part if part.shape[axis] == 1 else part.take(at, axis=axis)
            return part

        cuts = {
            name: cut(getattr(self, name)) for name in ("counts", "weight", "total", "product", "weight_square")
        }
        return replace(self, columns=tuple(columns), shift=self.shift[at], **cuts)

    def _evaluate(self, weight: np.ndarray, total: np.ndarray, product: np.ndarray) -> Replicates:
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / weight
            factor = self.counts / (self.counts - 1)
            covariance = (product / weight - mean * np.swapaxes(mean, -1, -2)) * factor
        own = mean[..., 0] if mean.shape[-1] == 1 else np.diagonal(mean, axis1=-2, axis2=-1)
        return Replicates(own + self.shift, covariance)

    @classmethod
    def from_correlation(
        cls,
        corr: np.ndarray,
        n: int,
        *,
        columns: Sequence[str],
        sd: np.ndarray | None = None,
        mean: np.ndarray | None = None,
    ) -> "Moments":
        """Take a published correlation matrix as moments; it has no replicates.

        Parameters
        ----------
        corr : array_like, shape (columns, columns)
            Symmetric, ones on the diagonal.
        n : int
            Respondents behind it.
        columns : sequence of str
            Names.
        sd, mean : array_like, optional
            Standard deviations (default 1) and means (default 0).

        Returns
        -------
        Moments
            With ``n_groups`` 0.

        Raises
        ------
        ValueError
            When the matrix is not a correlation matrix.
        """
        corr = np.asarray(corr, dtype=float)
        p = len(columns)
        if corr.shape != (p, p) or not np.allclose(corr, corr.T) or not np.allclose(np.diag(corr), 1):
            raise ValueError(
                f"corr has shape {corr.shape}; allowed is a symmetric ({p}, {p}) matrix with ones on its diagonal"
            )
        sd = np.ones(p) if sd is None else np.asarray(sd, dtype=float)
        mean = np.zeros(p) if mean is None else np.asarray(mean, dtype=float)
        return cls(
            columns=tuple(columns),
            counts=np.array([[n]]),
            weight=np.full((1, 1, 1), float(n)),
            total=np.zeros((1, p, 1)),
            product=(corr * np.outer(sd, sd) * (n - 1))[None],
            weight_square=np.array([[float(n)]]),
            shift=mean,
            present=np.zeros(REPLICATE_GROUPS, dtype=bool),
        )


def moments(
    data: Any,
    columns: Sequence[str],
    *,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    missing: Literal["listwise", "pairwise"] = "listwise",
) -> Moments:
    """Sum weights, values and products of columns in one pass over the rows.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or iterable of Arrow record batches
        One row per response; read once, in blocks, so memory does not grow with the rows.
    columns : sequence of str
        Numeric columns.
    weight : str, optional
        Sampling weights; results do not change when all are multiplied by a constant.
    cluster, key : str, optional
        The 256 replicate groups are the first two hexadecimal digits of the MD5 of the cluster, else of the
        key, else of the row's position (frames and Arrow only). A row without a cluster is its own.
    missing : {"listwise", "pairwise"}
        Use rows complete in all columns, or for each pair of columns the rows that have both.

    Returns
    -------
    Moments
        With means, covariance, n, n_eff and replicates.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.stats.rows.blocks`; or another rule for missing values.

    Notes
    -----
    Rows of weight 0 do not count. Columns are shifted before squares are summed, so large values with a small
    spread lose no digits.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"a": [1, 2, None], "b": [2, 4, 6]})
    >>> moments(frame, ["a", "b"]).n, moments(frame, ["a", "b"], missing="pairwise").means.tolist()
    (2, [1.5, 4.0])
    """
    if missing not in ("listwise", "pairwise"):
        raise ValueError(f"missing={missing!r}; allowed are 'listwise' and 'pairwise'")
    rows = blocks(data, columns, weight=weight, cluster=cluster, key=key, rows=PRODUCT_ROWS)
    return moments_of_sets(rows, columns, {"all": columns}, missing=missing)["all"]


def moments_of_sets(
    rows: Iterable[Block],
    columns: Sequence[str],
    sets: Mapping[str, Sequence[str]],
    *,
    missing: Literal["listwise", "pairwise"] = "listwise",
) -> dict[str, Moments]:
    """Sum the moments of several sets of columns, each with its own complete rows, while reading rows once.

    Parameters
    ----------
    rows : iterable of Block
        From :func:`csatlib.stats.rows.blocks`, of ``PRODUCT_ROWS`` rows each, possibly with derived values.
    columns : sequence of str
        Names of the blocks' columns.
    sets : mapping of str to sequence of str
        Name of a set to its columns; sets may overlap.
    missing : {"listwise", "pairwise"}
        Rows complete in all columns of a set, or for each pair of columns the rows that have both.

    Returns
    -------
    dict of str to Moments
        One per set.

    Raises
    ------
    ValueError
        When there is no row.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"a": [1, 2, None], "b": [2, 4, 6], "c": [1, 1, 4]})
    >>> found = moments_of_sets(blocks(frame, list("abc")), list("abc"), {"one": ["a", "b"], "two": ["b", "c"]})
    >>> found["one"].n, found["two"].n
    (2, 3)
    """
    columns = list(columns)
    at = {name: [columns.index(column) for column in part] for name, part in sets.items()}
    sums: dict[str, dict] = {}
    # Many small products: a second BLAS thread gains nothing and stalls when the other core is busy.
    with one_thread():
        for block in rows:
            for name, own in at.items():
                part = block if own == list(range(len(columns))) else replace(block, values=block.values[:, own])
                sums[name] = _add(sums.get(name), part, listwise=missing == "listwise")
    if at and not sums:
        raise ValueError("the data holds no rows")
    return {name: _finished(sums[name], sets[name]) for name in sets}


def _finished(sums: dict, columns: Sequence[str]) -> Moments:
    product, p = sums.pop("product"), len(columns)
    present = sums["weight"].reshape(REPLICATE_GROUPS, -1).max(axis=1) > 0
    return Moments(
        columns=tuple(columns), present=present, total=product[:, :, p:], product=product[:, :, :p], **sums
    )


def _add(sums: dict | None, block: Block, *, listwise: bool) -> dict:
    shift = _midpoint(block.values) if sums is None else sums["shift"]
    stacked, w, bounds = _by_group(block, shift, listwise=listwise)
    p, width = len(shift), len(stacked)
    if sums is None:
        q = width - p
        sums = {
            "shift": shift,
            "counts": np.zeros((q, q)),
            "weight_square": np.zeros((q, q)),
            "weight": np.zeros((REPLICATE_GROUPS, q, q)),
            "product": np.zeros((REPLICATE_GROUPS, p, width)),
        }
    weighted = stacked if w is None else stacked * w
    for g in np.flatnonzero(np.diff(bounds)):
        rows = slice(bounds[g], bounds[g + 1])
        sums["product"][g] += weighted[:p, rows] @ stacked[:, rows].T
        sums["weight"][g] += weighted[p:, rows] @ stacked[p:, rows].T
    sums["counts"] += stacked[p:] @ stacked[p:].T
    sums["weight_square"] += weighted[p:] @ weighted[p:].T
    return sums


def _by_group(
    block: Block, shift: np.ndarray, *, listwise: bool
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Sort rows by replicate group: shifted values over their presence, weights, bounds of the groups."""
    order = np.argsort(block.replicate, kind="stable")
    answers, p = block.values.T, len(shift)
    used = block.weight > 0
    if listwise:
        used &= ~np.isnan(answers).any(axis=0)
    if not used.all():
        order = order[used[order]]
    stacked = np.empty((p + (1 if listwise else p), len(order)))
    np.take(answers, order, axis=1, out=stacked[:p])
    stacked[:p] -= shift[:, None]
    if listwise:
        stacked[p] = 1.0
    else:
        missing = np.isnan(stacked[:p])
        np.logical_not(missing, out=stacked[p:])
        np.copyto(stacked[:p], 0.0, where=missing)
    w = block.weight[order]
    bounds = np.searchsorted(block.replicate[order], np.arange(REPLICATE_GROUPS + 1))
    return stacked, None if (w == 1).all() else w, bounds


def _midpoint(values: np.ndarray) -> np.ndarray:
    there = ~np.isnan(values)
    return np.round(np.where(there, values, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1))
