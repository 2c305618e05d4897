"""From responses to the moments of what may move with an outcome: one column per driver, or a block of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from csatlib.stats.intervals import check_confidence
from csatlib.stats.moments import PRODUCT_ROWS, Moments, Replicates, moments_of_sets
from csatlib.stats.rows import Block, blocks, require_columns
from csatlib.tables.scale import Scale

MISSING = ("listwise", "pairwise", "dummy")
NOT_APPLICABLE = "_na"
DUMMY = ": not applicable"
KEY = "response_id"


@dataclass(frozen=True)
class Driver:
    """One driver: its columns; averaged into one predictor, or each a predictor of the driver's block."""

    name: str
    label: str
    columns: tuple[str, ...]
    averaged: bool = False
    reversed: tuple[bool, ...] = ()
    stated: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answers:
    """Moments of predictors, dummies, covariates and outcome (in this order), and who was asked.

    Attributes
    ----------
    moments : Moments
        Predictors, dummies (as summed: value 0 where not applicable), covariates, outcome.
    drivers : tuple of Driver
        In the order given.
    blocks, dummies : tuple of tuple of int
        Columns of each driver's predictors, and of their dummies.
    pairs : tuple of (int, int)
        Predictor and its dummy.
    covariates : tuple of int
        Columns of the covariates.
    asked, applies, below : ndarray, shape (drivers,)
        Share of rows that were asked, of these the share to whom it applies, and of those who rated it the
        share below the target; NaN where unknown.
    """

    moments: Moments
    drivers: tuple[Driver, ...]
    blocks: tuple[tuple[int, ...], ...]
    dummies: tuple[tuple[int, ...], ...]
    pairs: tuple[tuple[int, int], ...]
    covariates: tuple[int, ...]
    asked: np.ndarray
    applies: np.ndarray
    below: np.ndarray

    @property
    def players(self) -> list[list[int]]:
        """Columns of each block, dummies included."""
        return [[*block, *dummies] for block, dummies in zip(self.blocks, self.dummies, strict=True)]

    @property
    def n(self) -> np.ndarray:
        """Rows behind each driver: the same for all unless missing values are taken pairwise."""
        counts = self.moments.counts
        if counts.shape == (1, 1):
            return np.full(len(self.drivers), int(counts[0, 0]))
        return np.array([int(counts[list(block), -1].min()) for block in self.blocks])

    @property
    def n_groups(self) -> int:
        """Replicate groups that hold rows of these answers, not only of all compared."""
        weight = self.moments.weight
        return 0 if self.moments.n_groups == 0 else int((weight.reshape(len(weight), -1).max(axis=1) > 0).sum())

    def observed(self, times: int = 1) -> Replicates:
        """Means and covariances on all rows, as a stack of one, or of the same several times."""
        means, covariance = self.moments.means[None], self.moments.covariance[None]
        return self.filled(means.repeat(times, axis=0), covariance.repeat(times, axis=0))

    def replicated(self, replicates: int, seed: int) -> Replicates:
        """Means and covariances in each joint replicate."""
        drawn = self.moments.replicates(replicates, seed=seed)
        return self.filled(drawn.means, drawn.covariance)

    def filled(self, means: np.ndarray, covariance: np.ndarray) -> Replicates:
        """Fill not-applicable answers with the users' mean: a linear change of the moments, in each replicate."""
        means, covariance = means.copy(), covariance.copy()
        for x, dummy in self.pairs:
            users = means[:, x] / (1 - means[:, dummy])
            covariance[:, x, :] += users[:, None] * covariance[:, dummy, :]
            covariance[:, :, x] += users[:, None] * covariance[:, :, dummy]
            means[:, x] = users
        return Replicates(means, covariance)


def drivers_of(drivers: Any, level: str) -> tuple[Driver, ...]:
    """Read a list of columns, a mapping of names to columns, or a scale, as drivers."""
    if isinstance(drivers, Scale) or hasattr(drivers, "items") and hasattr(drivers, "dimensions"):
        return _of_scale(drivers, level)
    if isinstance(drivers, str):
        raise TypeError(f"drivers={drivers!r}; give a list of columns, a mapping of names to columns, or a scale")
    if isinstance(drivers, Mapping):
        parts = {n: (c,) if isinstance(c, str) else tuple(c) for n, c in drivers.items()}
    else:
        parts = {name: (name,) for name in drivers}
        if len(parts) < len(list(drivers)):
            raise ValueError("drivers names a column twice; name each once")
    return tuple(Driver(str(name), str(name), columns) for name, columns in parts.items())


def _of_scale(scale: Scale, level: str) -> tuple[Driver, ...]:
    if level not in ("dimension", "item"):
        raise ValueError(f"level={level!r}; allowed are 'dimension' and 'item'")
    without = [item.item for item in scale.items if item.perception is None]
    if without:
        raise ValueError(f"scale {scale.name!r}: items without perception column: {', '.join(without)}")
    if level == "item" or not scale.dimensions:
        return tuple(
            Driver(
                i.item,
                scale.label(i.item),
                (i.perception,),
                True,
                (i.reversed,),
                (i.importance,) * bool(i.importance),
            )
            for i in scale.items
        )
    made = []
    for name in scale.dimensions:
        items = [item for item in scale.items if item.dimension == name]
        stated = [scale.importance[name]] if name in scale.importance else [i.importance for i in items]
        made.append(
            Driver(
                name, scale.label(name), tuple(i.perception for i in items), True,
                tuple(i.reversed for i in items), tuple(stated) if all(stated) else (),
            )
        )  # fmt: skip
    return tuple(made)


def require_request(
    data: Any,
    drivers: Sequence[Driver],
    *,
    outcome: str,
    missing: str,
    confidence: float,
    replicates: int,
    covariates: Sequence[str] = (),
    other: Sequence[str | None] = (),
) -> None:
    """Refuse what cannot be analysed, all problems at once."""
    check_confidence(confidence)
    named = [column for driver in drivers for column in driver.columns]
    problems = []
    if not drivers:
        problems.append("drivers is empty; name at least one column")
    if missing not in MISSING:
        problems.append(f"missing={missing!r}; allowed are {', '.join(map(repr, MISSING))}")
    if replicates < 2:
        problems.append(f"replicates={replicates}; at least 2 are needed, 1000 are usual")
    if outcome in named or outcome in covariates:
        problems.append(f"the outcome {outcome!r} is also among the drivers or covariates; take it out")
    twice = sorted({column for column in [*named, *covariates] if [*named, *covariates].count(column) > 1})
    if twice:
        problems.append(f"columns used twice: {', '.join(twice)}; each belongs to one driver or covariate")
    empty = [driver.name for driver in drivers if not driver.columns]
    if empty:
        problems.append(f"drivers without a column: {', '.join(empty)}")
    if isinstance(data, Moments) and any(other):
        problems.append("moments hold neither weight, cluster nor segments: give the rows, or leave those out")
    if isinstance(data, Moments) and any(driver.averaged and len(driver.columns) > 1 for driver in drivers):
        problems.append("moments hold no rows to average dimensions from: give columns, or level='item'")
    if problems:
        raise ValueError("; ".join(problems))


def read(
    data: Any,
    drivers: Sequence[Driver],
    *,
    outcome: str,
    missing: str = "listwise",
    weight: str | None = None,
    cluster: str | None = None,
    covariates: Sequence[str] = (),
    labels: Mapping[str, float] | None = None,
    bounds: tuple[float, float] = (0.0, 0.0),
    target: np.ndarray | None = None,
    group: tuple[str, Any, bool] | None = None,
) -> Answers:
    """Read rows once into moments; blocks of rows are turned into predictors and dummies on the way.

    `group` is (column, value, False) for the rows of one group and (column, value, True) for all others.
    """
    if isinstance(data, Moments):
        return _of_moments(data, drivers, outcome, covariates)
    available, data = column_names(data)
    raw = [column for driver in drivers for column in driver.columns]
    require_columns(available, [*raw, *covariates, outcome])
    with_na = [c for c in raw if c + NOT_APPLICABLE in available and c + NOT_APPLICABLE not in raw]
    layout = _Layout(tuple(drivers), raw, with_na, len(covariates), bounds, target)
    columns = [*raw, *(column + NOT_APPLICABLE for column in with_na), *covariates, outcome]
    key = KEY if cluster is None and not isinstance(data, pd.DataFrame) and KEY in available else None
    beside = {"weight": weight, "cluster": cluster, "key": key, "by": [group[0]] if group else []}
    rows = blocks(data, columns, labels=labels, rows=PRODUCT_ROWS, **beside)
    rows = _of_group(rows, group[1], others=group[2]) if group else rows
    seen = {name: np.zeros(len(drivers)) for name in ("rows", "asked", "used", "below")}
    names = [*layout.predictors, *layout.dummies, *covariates, outcome]
    held = names if missing == "dummy" else [*layout.predictors, *covariates, outcome]
    made = (layout.derived(block, seen, dummy=missing == "dummy") for block in rows)
    how = "listwise" if missing == "dummy" else missing
    found = moments_of_sets(made, names, {"all": held}, missing=how)["all"]
    constant = ~(np.diagonal(found.covariance) > 0)
    kept = [name for name, flat in zip(held, constant, strict=True) if name not in layout.dummies or not flat]
    return _answers(found.select(kept), drivers, layout.parts, covariates, _shares(seen, target))


def column_names(data: Any) -> tuple[list[str], Any]:
    """Name the columns of any data; of an iterator the first batch is looked at and put back."""
    if isinstance(data, pa.Table):
        return list(data.column_names), data
    if hasattr(data, "columns"):
        return [str(name) for name in data.columns], data
    if hasattr(data, "__iter__") and not isinstance(data, str | Mapping):
        batches = iter(data)
        first = next(batches, None)
        if first is None:
            raise ValueError("the data holds no rows")
        return list(first.schema.names), chain([first], batches)
    return [], data


def _of_group(rows: Iterator[Block], group: Any, *, others: bool) -> Iterator[Block]:
    """Give rows of other groups (or of this one) weight 0: each row keeps its replicate group."""
    for block in rows:
        label = block.segments[0]
        chosen = label.notna() & (label != group) if others else label == group
        yield replace(block, weight=np.where(chosen.fillna(False).to_numpy(dtype=bool), block.weight, 0.0))


def groups_of(data: Any, by: str | None) -> list[Any]:
    """List the groups in sorted order."""
    if by is None:
        return []
    if isinstance(data, pd.DataFrame):
        require_columns(data.columns, [by])
        return sorted(data[by].dropna().unique(), key=str)
    if hasattr(data, "to_pyarrow_batches"):
        require_columns(data.columns, [by])
        found = data.select(by).distinct().to_pyarrow()[by].to_pylist()
        return sorted((group for group in found if group is not None), key=str)
    raise TypeError(f"by={by!r} needs a pandas DataFrame or an Ibis table; data is a {type(data).__name__}")


def joined(parts: Sequence[Answers], whole: Answers) -> list[Answers]:
    """Let parts share the draw of the whole, so that they are compared inside each replicate."""
    present = whole.moments.present
    return [replace(part, moments=replace(part.moments, present=present)) for part in parts]


@dataclass(frozen=True)
class _Layout:
    drivers: tuple[Driver, ...]
    raw: list[str]
    with_na: list[str]
    covariates: int
    bounds: tuple[float, float]
    target: np.ndarray | None

    @property
    def parts(self) -> list[list[tuple[str, list[str]]]]:
        """Of each driver: predictors with the raw columns behind each."""
        return [
            [(d.name if len(d.columns) > 1 else d.columns[0], list(d.columns))]
            if d.averaged
            else [(column, [column]) for column in d.columns]
            for d in self.drivers
        ]

    @property
    def predictors(self) -> list[str]:
        return [name for driver in self.parts for name, _ in driver]

    @property
    def dummies(self) -> list[str]:
        known = set(self.with_na)
        return [
            name + DUMMY
            for driver in self.parts
            for name, columns in driver
            if all(column in known for column in columns)
        ]

    def derived(self, block: Block, seen: dict[str, np.ndarray], *, dummy: bool) -> Block:
        """Average, turn reversed answers round, split not applicable from skipped, count who was asked."""
        values, na_at = block.values, {c: len(self.raw) + i for i, c in enumerate(self.with_na)}
        turned = np.array([flip for d in self.drivers for flip in d.reversed or (False,) * len(d.columns)])
        answers = values[:, : len(self.raw)]
        answers = np.where(turned, sum(self.bounds) - answers, answers) if turned.any() else answers
        predictors, flags, given = [], [], []
        scored = np.where(np.isnan(values[:, -1]), 0.0, block.weight)
        for j, driver in enumerate(self.parts):
            there = np.zeros(len(values), dtype=bool)
            gone = np.zeros(len(values), dtype=bool)
            first = len(predictors)
            for _, columns in driver:
                at = [self.raw.index(column) for column in columns]
                x = answers[:, at[0]] if len(at) == 1 else _row_mean(answers[:, at])
                given.append(x)
                off = np.isnan(x)
                there |= ~off
                if all(column in na_at for column in columns):
                    not_applicable = off & (values[:, [na_at[c] for c in columns]] == 1).all(axis=1)
                    gone |= not_applicable
                    flags.append(not_applicable.astype(float))
                    x = np.where(not_applicable & dummy, 0.0, x)
                predictors.append(x)
            self._count(seen, j, scored, there, gone & ~there, given[first:])
        parts = [*predictors, *flags, values[:, len(values.T) - self.covariates - 1 :]]
        return replace(block, values=np.column_stack(parts))

    def _count(self, seen, j, scored, there, gone, given) -> None:
        seen["rows"][j] += scored.sum()
        seen["asked"][j] += scored @ (there | gone)
        seen["used"][j] += scored @ there
        if self.target is not None:
            low = _row_mean(np.column_stack(given)) < self.target[j]
            seen["below"][j] += scored @ (low & there)


def _row_mean(values: np.ndarray) -> np.ndarray:
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there, values, 0.0).sum(axis=1) / there.sum(axis=1)


def _shares(seen: Mapping[str, np.ndarray], target: np.ndarray | None) -> tuple[np.ndarray, ...]:
    with np.errstate(invalid="ignore", divide="ignore"):
        below = seen["below"] / seen["used"] if target is not None else np.full(len(seen["used"]), np.nan)
        return seen["asked"] / seen["rows"], seen["used"] / seen["asked"], below


def _of_moments(data: Moments, drivers: Sequence[Driver], outcome: str, covariates: Sequence[str]) -> Answers:
    columns = [column for driver in drivers for column in driver.columns]
    parts = [[(column, [column]) for column in driver.columns] for driver in drivers]
    unknown = (np.full(len(drivers), np.nan),) * 3
    return _answers(data.select([*columns, *covariates, outcome]), drivers, parts, covariates, unknown)


def _answers(
    found: Moments,
    drivers: Sequence[Driver],
    parts: Sequence[Sequence[tuple[str, list[str]]]],
    covariates: Sequence[str],
    shares: tuple[np.ndarray, ...],
) -> Answers:
    at = {name: i for i, name in enumerate(found.columns)}
    own = [[at[name] for name, _ in driver] for driver in parts]
    dummies = [[at[name + DUMMY] for name, _ in driver if name + DUMMY in at] for driver in parts]
    names = [name for driver in parts for name, _ in driver]
    pairs = [(at[name], at[name + DUMMY]) for name in names if name + DUMMY in at]
    return Answers(
        found, tuple(drivers), tuple(map(tuple, own)), tuple(map(tuple, dummies)), tuple(pairs),
        tuple(at[name] for name in covariates), *shares,
    )  # fmt: skip
