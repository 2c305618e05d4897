"""Done by the date promised: shares in which open cases count as what they are, from one GROUP BY."""

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis.expr.types import BooleanColumn, Column, Table

from csatlib.stats.intervals import check_confidence, wilson
from csatlib.stats.rows import require_columns

PERCENT = 100.0
ALL = "all"


def table_of(data: Any, columns: Sequence[str] = ()) -> Table:
    """Return a frame as an Ibis table over embedded DuckDB, and an Ibis table as it is.

    Parameters
    ----------
    data : DataFrame or Ibis table
        Tidy rows.
    columns : sequence of str
        Columns that must be there; of a frame only these are taken. Default: all.

    Returns
    -------
    Ibis table

    Raises
    ------
    KeyError
        Columns that are not there, with the nearest names.
    TypeError
        Neither a frame nor an Ibis table.

    Examples
    --------
    >>> table_of(pd.DataFrame({"a": [1, 2]})).count().to_pyarrow().as_py()
    2
    """
    if not isinstance(data, pd.DataFrame | Table):
        raise TypeError(f"data is a {type(data).__name__}; allowed are a pandas DataFrame and an Ibis table")
    require_columns(data.columns, columns)
    if isinstance(data, Table):
        return data
    kept = list(dict.fromkeys(columns)) or list(data.columns)
    return ibis.memtable(pa.Table.from_pandas(data[kept], preserve_index=False))


def last_moment(table: Table, times: Sequence[str], as_of: Any = None) -> pd.Timestamp:
    """Return the moment at which open cases are looked at: as given, else the last time on record.

    Parameters
    ----------
    table : Ibis table
        Cases.
    times : sequence of str
        Columns with what has happened.
    as_of : str or Timestamp, optional
        The moment, for example the end of the period.

    Returns
    -------
    Timestamp

    Raises
    ------
    ValueError
        Columns that hold no times; a table without any time.

    Examples
    --------
    >>> last_moment(table_of(pd.DataFrame({"at": pd.to_datetime(["2026-10-31"])})), ["at"])
    Timestamp('2026-10-31 00:00:00')
    """
    wrong = [f"{name!r} is {table[name].type()}" for name in times if not table[name].type().is_timestamp()]
    if wrong:
        raise ValueError(f"columns must be times: {', '.join(wrong)}. Convert them with pandas.to_datetime.")
    if as_of is not None:
        return pd.Timestamp(as_of)
    found = table.aggregate(**{name: table[name].max() for name in times}).to_pyarrow().to_pylist()[0]
    known = [value for value in found.values() if value is not None]
    if not known:
        raise ValueError(f"{', '.join(map(repr, times))}: no time in any row; give as_of=, or rows with times")
    return pd.Timestamp(max(known))


def happened(table: Table, times: Sequence[str], as_of: pd.Timestamp) -> Table:
    """Return the cases as they stood at a moment: what came later has not happened yet.

    Parameters
    ----------
    table : Ibis table
        Cases.
    times : sequence of str
        Columns with what may have happened.
    as_of : Timestamp
        The moment.

    Returns
    -------
    Ibis table
        Times after `as_of` are null.

    Examples
    --------
    >>> cases = table_of(pd.DataFrame({"done": pd.to_datetime(["2026-10-01", "2026-11-02"])}))
    >>> happened(cases, ["done"], pd.Timestamp("2026-10-31")).done.count().to_pyarrow().as_py()
    1
    """
    moment = ibis.timestamp(as_of)
    return table.mutate(
        **{name: ibis.ifelse(table[name] <= moment, table[name], ibis.null(table[name].type())) for name in times}
    )


def within_due(
    data: Any,
    *,
    done: str,
    due: str,
    by: Sequence[str] = (),
    until: str | None = None,
    as_of: Any = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Percent done by the date due, open cases included where their date is past.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per case; a case without a due date does not count.
    done, due : str
        Columns with the time done (missing: not done) and the latest time promised.
    by : sequence of str
        Columns looked at one by one; rows without a value are left out there.
    until : str, optional
        Column with the time from which an open case is watched no more, for example since the customer left.
    as_of : str or Timestamp, optional
        The moment at which open cases are looked at; default: the last time done on record.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        One row for all cases (``level`` and ``group`` "all") and one per value of each column of `by`: ``level``,
        ``group``, ``n`` (done, or open and past due), ``n_within``, ``n_late`` (done after the date),
        ``n_overdue`` (open, date past), ``n_pending`` (open, date still to come, or watched no more before it:
        not in n), ``n_undated`` (no date due: not in n), ``estimate`` (percent within due), ``ci_low``,
        ``ci_high``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there or hold no times; a confidence outside (0, 1).

    Notes
    -----
    estimate = 100 n_within / (n_within + n_late + n_overdue) with Wilson's interval. To leave overdue cases out
    would make the share better the longer the worst cases stay open. Cases count as independent.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212.

    Examples
    --------
    >>> cases = pd.DataFrame({"due": pd.to_datetime(["2026-10-02", "2026-10-02", "2026-10-09"])})
    >>> cases["done"] = pd.to_datetime(["2026-10-01", None, None])
    >>> found = within_due(cases, done="done", due="due", as_of="2026-10-05")
    >>> found[["n", "n_within", "n_overdue", "n_pending", "estimate"]].values.tolist()
    [[2.0, 1.0, 1.0, 1.0, 50.0]]
    """
    check_confidence(confidence)
    times = [done, due, *([until] if until else [])]
    table = table_of(data, [*times, *by])
    moment = last_moment(table, [done] if as_of is None else times, as_of)
    table, watched = happened(table, [done], moment), ibis.timestamp(moment)
    if until:
        watched = ibis.least(watched, ibis.coalesce(table[until], watched))
    counts = {
        "n_within": table[done] <= table[due],
        "n_late": table[done] > table[due],
        "n_overdue": missing(table[done]) & (table[due] <= watched),
        "n_pending": missing(table[done]) & (table[due] > watched),
        "n_undated": missing(table[due]),
    }
    found = tallied(table, counts, by=by)
    used = found[["n_within", "n_late", "n_overdue"]].sum(axis=1)
    made = found.assign(n=used, **shares(found["n_within"], used, confidence=confidence))
    return made[["level", "group", "n", *counts, "estimate", "ci_low", "ci_high"]]


def missing(column: Column) -> BooleanColumn:
    """Tell where an Ibis column has no value.

    Parameters
    ----------
    column : Ibis column
        Any kind.

    Returns
    -------
    Ibis boolean column

    Examples
    --------
    >>> cases = table_of(pd.DataFrame({"done": pd.to_datetime(["2026-10-01", None])}))
    >>> cases.filter(missing(cases.done)).count().to_pyarrow().as_py()
    1
    """
    return column.isnull()  # noqa: PD003 (Ibis has no isna)


def tallied(table: Table, conditions: dict[str, BooleanColumn], *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Count the rows that meet each condition, over all rows and per value of each column.

    Parameters
    ----------
    table : Ibis table
        Cases.
    conditions : dict of str to Ibis boolean column
        Names of the counts and what is counted.
    by : sequence of str
        Columns looked at one by one.

    Returns
    -------
    DataFrame
        ``level``, ``group`` and one column per condition; groups in the order of their names.

    Examples
    --------
    >>> cases = table_of(pd.DataFrame({"unit": ["S", "N", "N"], "late": [True, True, False]}))
    >>> tallied(cases, {"n_late": cases.late}, by=["unit"]).values.tolist()
    [['all', 'all', 2], ['unit', 'N', 1], ['unit', 'S', 1]]
    """
    marked = table.mutate(**{name: met.fill_null(False).cast("int64") for name, met in conditions.items()})
    counted = {name: marked[name].sum() for name in conditions}
    cells = (marked.group_by(list(by)) if by else marked).aggregate(**counted).to_pyarrow().to_pandas()
    cells[list(conditions)] = cells[list(conditions)].fillna(0).astype(np.int64)
    parts = [cells[list(conditions)].sum().to_frame().T.assign(level=ALL, group=ALL)]
    for column in by:
        part = cells.dropna(subset=[column]).groupby(column, sort=False)[list(conditions)].sum().reset_index()
        part = part.assign(level=column, group=part[column].astype(str)).sort_values("group")
        parts.append(part[["level", "group", *conditions]])
    return pd.concat(parts, ignore_index=True)[["level", "group", *conditions]]


def shares(successes: pd.Series, n: pd.Series, *, confidence: float = 0.95) -> dict[str, np.ndarray]:
    """Return a percentage with Wilson's interval as columns of a result table.

    Parameters
    ----------
    successes, n : array_like
        Counts.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    dict of str to ndarray
        ``estimate``, ``ci_low``, ``ci_high`` in percent; NaN where n is 0.

    Examples
    --------
    >>> {name: round(float(value), 1) for name, value in shares(81, 263).items()}
    {'estimate': 30.8, 'ci_low': 25.5, 'ci_high': 36.6}
    """
    successes, n = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    low, high = wilson(successes, n, confidence=confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"estimate": PERCENT * successes / n, "ci_low": PERCENT * low, "ci_high": PERCENT * high}
