"""One series in time order, and the baseline its limits come from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csatlib.stats.rows import require_columns

ENOUGH = 12
FEWEST = 3


@dataclass(frozen=True)
class Series:
    """Points with a value, in time order: labels, columns (each one number per point), baseline, provisional."""

    periods: np.ndarray
    columns: dict[str, np.ndarray]
    baseline: np.ndarray
    provisional: bool
    skipped: pd.DataFrame


def read(
    data: pd.DataFrame,
    *,
    time: str,
    columns: dict[str, str],
    baseline: int | tuple | None,
    exclude: Sequence,
    counted: str | None = None,
) -> Series:
    """Put a series in order and mark its baseline; what is wrong is told at once."""
    require_columns(data.columns, [time, *columns.values()])
    rows = data[[time, *columns.values()]].sort_values(time, kind="stable")
    problems = _problems(rows, time, columns, counted)
    numbers = {name: pd.to_numeric(rows[column], errors="coerce") for name, column in columns.items()}
    there = np.all([values.notna() for values in numbers.values()], axis=0)
    if counted:
        there &= (numbers[counted] > 0).to_numpy()
    periods = rows[time].to_numpy()[there]
    chosen, told = _baseline(periods, baseline, exclude)
    problems += told
    if not told and (chosen[1:] & chosen[:-1]).sum() < FEWEST - 1:
        problems.append(
            f"the baseline holds {chosen.sum()} points with a value; at least {FEWEST} in a row are needed"
        )
    if problems:
        raise ValueError("; ".join(problems))
    return Series(
        periods=periods,
        columns={name: values.to_numpy(dtype=float)[there] for name, values in numbers.items()},
        baseline=chosen,
        provisional=bool(baseline is None or chosen.sum() < ENOUGH),
        skipped=pd.DataFrame({"period": rows[time].to_numpy()[~there]}),
    )


def _problems(rows: pd.DataFrame, time: str, columns: dict[str, str], counted: str | None) -> list[str]:
    problems = []
    missing, repeated = int(rows[time].isna().sum()), rows[time][rows[time].duplicated()].dropna().unique()
    if missing:
        problems.append(f"{time!r} is missing in {missing} rows; every point needs its period")
    if len(repeated):
        problems.append(f"{time!r} holds {repeated[0]!r} more than once; give one row per period")
    for column in columns.values():
        if not pd.api.types.is_numeric_dtype(rows[column]):
            problems.append(f"{column!r} is {rows[column].dtype}; it must be a number")
    if counted and not problems:
        n = rows[columns[counted]]
        if (n < 0).any():
            problems.append(f"{columns[counted]!r} holds {n.min():g}; counts are zero or more")
        if "successes" in columns:
            more = rows[(rows[columns["successes"]] > n) | (rows[columns["successes"]] < 0)]
            problems += [
                f"{columns['successes']!r} is {row[1]:g} of {row[2]:g} in {row[0]!r}; allowed is 0 to n"
                for row in more[[time, columns["successes"], columns[counted]]].head(1).to_numpy(dtype=object)
            ]
    return problems


def _baseline(
    periods: np.ndarray, baseline: int | tuple | None, exclude: Sequence
) -> tuple[np.ndarray, list[str]]:
    kept = ~pd.Series(periods).isin(list(exclude)).to_numpy()
    unknown = [label for label in exclude if label not in set(periods)]
    problems = [f"exclude names {', '.join(map(repr, unknown))}, which is no period"] if unknown else []
    if baseline is None:
        return kept, problems
    if isinstance(baseline, int | np.integer):
        if not 0 < baseline <= len(periods):
            return kept, [*problems, f"baseline={baseline}; there are {len(periods)} points with a value"]
        return kept & (np.arange(len(periods)) < baseline), problems
    if isinstance(baseline, str) or len(baseline) != 2:
        told = f"baseline={baseline!r}; give a number of first points, or (first period, last period)"
        return kept, [*problems, told]
    inside = np.array([baseline[0] <= period <= baseline[1] for period in periods], dtype=bool)
    return kept & inside, problems
