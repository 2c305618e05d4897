"""From answered columns to one row of expectations, perceptions, gaps and shares per respondent."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from csatlib.stats.rows import Block, blocks, require_columns
from csatlib.stats.segments import SegmentSums, sum_by_segment
from csatlib.tables.scale import Scale

POINTS = 100.0


@dataclass(frozen=True)
class Figure:
    """One figure of the result: how it is made of columns, and which column says who is behind it."""

    level: str
    measure: str
    dimension: str | None = None
    item: str | None = None
    weighting: str = "none"
    parts: dict[str, float] = field(default_factory=dict)
    respondents: str = ""


def measures(scale: Scale) -> tuple[str, ...]:
    """Say what a scale measures: expectation, perception and, where it has both, the gap.

    Parameters
    ----------
    scale : Scale
        Every item has the same kinds of column.

    Returns
    -------
    tuple of str
        From "expectation", "perception", "gap".

    Raises
    ------
    ValueError
        When only some items have an expectation or a perception column, or none has either.

    Examples
    --------
    >>> from csatlib.tables.scale import Item
    >>> measures(Scale([Item("q1", "speed", perception="p1")], low=1, high=5))
    ('perception',)
    """
    found = []
    for kind in ("expectation", "perception"):
        without = [item.item for item in scale.items if getattr(item, kind) is None]
        if 0 < len(without) < len(scale.items):
            raise ValueError(
                f"scale {scale.name!r}: items without {kind} column: {', '.join(without)}; give it for all items "
                "or for none, or put them in a scale of their own"
            )
        if not without:
            found.append(kind)
    if not found:
        raise ValueError(f"scale {scale.name!r} has neither expectation nor perception columns")
    return (*found, "gap") if len(found) == 2 else tuple(found)


def figures(scale: Scale) -> list[Figure]:
    """List the figures a scale allows, in display order.

    Parameters
    ----------
    scale : Scale
        Items, dimensions and importance columns.

    Returns
    -------
    list of Figure
        Overall figures first, then dimensions, then items.

    Examples
    --------
    >>> from csatlib.tables.scale import Item
    >>> [f.level for f in figures(Scale([Item("q1", "speed", perception="p1")], low=1, high=5))]
    ['overall', 'overall', 'dimension', 'item']
    """
    rows = []
    for measure in measures(scale):
        by_dimension = {d: _mean_of(scale, measure, d) for d in scale.dimensions}
        if by_dimension:
            equal: dict[str, float] = {}
            for parts in by_dimension.values():
                equal |= {name: share / len(by_dimension) for name, share in parts.items()}
            rows.append(Figure("overall", measure, weighting="equal_dimensions", parts=equal))
        rows.append(Figure("overall", measure, weighting="equal_items", parts=_mean_of(scale, measure)))
        if scale.importance:
            name = f"{measure}:importance"
            rows.append(Figure("overall", measure, weighting="importance", parts={name: 1.0}))
        rows += [Figure("dimension", measure, d, parts=parts) for d, parts in by_dimension.items()]
        rows += [
            Figure("item", measure, item.dimension, item.item, parts={f"{measure}:item:{item.item}": 1.0})
            for item in scale.items
        ]
    rows += [
        Figure("dimension", "importance", d, parts={f"importance:dimension:{d}": POINTS}) for d in scale.importance
    ]
    return [replace(row, respondents=_respondents(row)) for row in sorted(rows, key=_display_order(scale))]


def reverse_scored(data: pd.DataFrame, *, scale: Scale) -> pd.DataFrame:
    """Turn the answers of reversed items round, so that high always means good.

    Parameters
    ----------
    data : DataFrame
        One row per response.
    scale : Scale
        Says which items are reversed, and the answer range.

    Returns
    -------
    DataFrame
        A copy with low + high - x in the expectation and perception columns of reversed items.

    Raises
    ------
    KeyError
        Columns of reversed items that are not there.

    Examples
    --------
    >>> from csatlib.tables.scale import Item
    >>> scale = Scale([Item("q1", "speed", perception="p1", reversed=True)], low=1, high=7)
    >>> reverse_scored(pd.DataFrame({"p1": [1, 3]}), scale=scale)["p1"].tolist()
    [7, 5]
    """
    sides = (
        getattr(item, side) for item in scale.items if item.reversed for side in ("expectation", "perception")
    )
    columns = [column for column in sides if column is not None]
    require_columns(data.columns, columns)
    return data.assign(**{column: scale.low + scale.high - data[column] for column in columns})


def summed(data: Any, scale: Scale, *, by: Sequence[str], weight: str | None, cluster: str | None) -> SegmentSums:
    """Read the answers once and sum every column that the figures need by segment.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        One row per response.
    scale : Scale
        Items, answer range and importance columns.
    by : sequence of str
        Segment columns.
    weight, cluster : str or None
        Sampling weights and clusters.

    Returns
    -------
    SegmentSums
        Columns named "measure:item:q01", "measure:dimension:speed", "measure:equal_items" and so on.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; answers outside the range, all columns at once.

    Examples
    --------
    >>> import pandas as pd
    >>> from csatlib.tables.scale import Item
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=5)
    >>> sums = summed(pd.DataFrame({"e1": [5], "p1": [3]}), scale, by=[], weight=None, cluster=None)
    >>> sums.means[0, sums.columns.index("gap:item:q1")].item()
    -2.0
    """
    kinds = [kind for kind in ("expectation", "perception") if kind in measures(scale)]
    answered = [getattr(item, kind) for kind in kinds for item in scale.items]
    points = list(scale.importance.values())
    rows = blocks(data, answered + points, weight=weight, cluster=cluster, by=by, labels=scale.labels or None)
    ranges = [(scale.low, scale.high)] * len(answered) + [(0.0, np.inf)] * len(points)
    checked = in_range(rows, answered + points, ranges)
    derived = (replace(block, values=derived_rows(scale, block.values)) for block in checked)
    return sum_by_segment(derived, derived_columns(scale))


def _mean_of(scale: Scale, measure: str, dimension: str | None = None) -> dict[str, float]:
    items = [item.item for item in scale.items if dimension is None or item.dimension == dimension]
    return {f"{measure}:item:{item}": 1 / len(items) for item in items}


def _respondents(row: Figure) -> str:
    if row.level == "item":
        return f"{row.measure}:item:{row.item}"
    return (
        f"{row.measure}:dimension:{row.dimension}"
        if row.level == "dimension"
        else f"{row.measure}:{row.weighting}"
    )


def _display_order(scale: Scale):
    levels = ("overall", "dimension", "item")
    dimensions = (*scale.dimensions, None)
    return lambda row: (levels.index(row.level), dimensions.index(row.dimension))


def in_range(rows: Iterable[Block], columns: list[str], ranges: list[tuple[float, float]]) -> Iterator[Block]:
    """Pass blocks on; when all are read, refuse answers outside the ranges, all columns at once."""
    low, high = np.array(ranges).T
    outside: dict[str, list] = {}
    for block in rows:
        if not len(block.values):
            yield block
            continue
        lowest, highest = np.fmin.reduce(block.values, axis=0), np.fmax.reduce(block.values, axis=0)
        for j in np.flatnonzero((lowest < low) | (highest > high)):
            found = block.values[(block.values[:, j] < low[j]) | (block.values[:, j] > high[j]), j]
            seen = outside.setdefault(columns[j], [0, found[0], ranges[j]])
            seen[0] += len(found)
        yield block
    if outside:
        told = [
            f"{column!r} {count} times, for example {value:g}, allowed {lo:g} to {hi:g}"
            for column, (count, value, (lo, hi)) in outside.items()
        ]
        raise ValueError(
            "answers outside the scale: " + "; ".join(told) + ". Declare codes such as 9 = does not apply "
            "in csat.toml, turn them into missing values, or correct the scale's low and high."
        )


def derived_columns(scale: Scale) -> list[str]:
    """Name what is made of each row."""
    kinds = ["equal_items"]
    if scale.dimensions:
        kinds = [f"dimension:{d}" for d in scale.dimensions] + ["equal_dimensions", "equal_items"]
    if scale.importance:
        kinds.append("importance")
    names = [f"{m}:{kind}" for m in measures(scale) for kind in [*(f"item:{i.item}" for i in scale.items), *kinds]]
    return names + [f"importance:dimension:{d}" for d in scale.importance] + ["off"] * bool(scale.importance)


def derived_rows(scale: Scale, values: np.ndarray) -> np.ndarray:
    """Fill one row per respondent: items, dimension scores and overall scores of each measure, then shares."""
    k, d, sides = len(scale.items), len(scale.dimensions), measures(scale)
    answered = min(len(sides), 2) * k
    given = [values.T[start : start + k] for start in range(0, answered, k)]
    turned = np.array([item.reversed for item in scale.items])
    if turned.any():
        given = [np.where(turned[:, None], scale.low + scale.high - side, side) for side in given]
    if len(given) == 2:
        given.append(given[1] - given[0])
    missing = np.isnan(given[-1])
    members = np.array([[i.dimension == name for i in scale.items] for name in scale.dimensions], dtype=float)
    members = np.vstack([members.reshape(-1, k), np.ones(k)])
    counts = members @ ~missing
    shares, off = _shares(values.T[answered:])
    made, at = np.empty((len(derived_columns(scale)), len(values))), 0
    for side in given:
        items = made[at : at + k]
        np.copyto(items, side)
        np.copyto(items, 0.0, where=missing)
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = (members @ items) / counts
        np.copyto(items, np.nan, where=missing)
        overall = [_mean(scores[:d])] * bool(d) + [scores[d]]
        if scale.importance:
            weighed = scores[[scale.dimensions.index(name) for name in scale.importance]]
            overall.append(np.where(shares == 0, 0.0, shares * weighed).sum(axis=0))
        at += k + d + len(overall)
        made[at - d - len(overall) : at - len(overall)] = scores[:d]
        made[at - len(overall) : at] = overall
    if scale.importance:
        made[at:-1], made[-1] = shares, off
    return made.T


def _shares(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total = points.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(total > 0, points / total, np.nan)
    return shares, np.where((total > 0) & (np.abs(total - POINTS) > 1e-9), 1.0, np.nan)


def _mean(scores: np.ndarray) -> np.ndarray:
    """Average the dimension scores a respondent has."""
    there = ~np.isnan(scores)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there, scores, 0.0).sum(axis=0) / there.sum(axis=0)
