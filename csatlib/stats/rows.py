"""Rows of a frame, an Ibis table or Arrow batches as numeric blocks with weight, segment and replicate group."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

MOST_TOLD = 20  # problems spelt out in one message
REPLICATE_GROUPS = 256
BLOCK_ROWS = 8_192
POSITIONS = 131_072


@dataclass(frozen=True)
class Block:
    """Some rows: values (rows, columns), weight (rows,), replicate group (rows,), segment labels."""

    values: np.ndarray
    weight: np.ndarray
    replicate: np.ndarray
    segments: tuple[pd.Series, ...]


def blocks(
    data: Any,
    columns: Sequence[str],
    *,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    by: Sequence[str] = (),
    labels: Mapping[str, float] | None = None,
    rows: int = BLOCK_ROWS,
) -> Iterator[Block]:
    """Cut data into numeric blocks, reading each row once.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or iterable of Arrow record batches
        Tidy rows, one per response.
    columns : sequence of str
        Numeric columns; missing values become NaN.
    weight : str, optional
        Sampling weights, not negative, none missing.
    cluster : str, optional
        Rows of one cluster stay in one replicate group; a row without a value is its own cluster.
    key : str, optional
        Identifies a row that has no cluster; the row's position where there is no key. An Ibis table has
        no row order, so it needs a cluster or a key.
    by : sequence of str
        Segment columns.
    labels : mapping, optional
        Numbers for text answers.
    rows : int
        Rows of a block, about; Arrow batches are cut and joined to it.

    Yields
    ------
    Block
        In the order of the rows.

    Raises
    ------
    KeyError
        Columns that are not there, with the nearest names.
    ValueError
        A column that is not numeric, weights that are negative or missing, keys that are not integers or text.

    Examples
    --------
    >>> frame = pd.DataFrame({"q1": [1, 2], "q2": [3, None]})
    >>> next(blocks(frame, ["q1", "q2"])).values.tolist()
    [[1.0, 3.0], [2.0, nan]]
    """
    needed = list(dict.fromkeys([*columns, *by, *(c for c in (weight, cluster, key) if c)]))
    position, known = 0, None
    if isinstance(data, pd.DataFrame):
        require_columns(data.columns, needed)
        known = _replicate(data, cluster, key, 0)  # one call: it costs more than hashing a block
    for part in _slices(data, needed, rows, ordered=cluster is None and key is None):
        here = slice(position, position + len(part))
        yield Block(
            values=_matrix(part, columns, labels),
            weight=_weights(part, weight),
            replicate=_replicate(part, cluster, key, position) if known is None else known[here],
            segments=tuple(_column(part, column) for column in by),
        )
        position += len(part)


def replicate_groups(keys: pd.Series | Iterable) -> np.ndarray:
    """Assign keys to one of 256 groups: the first two hexadecimal digits of the MD5 of the key as text.

    Parameters
    ----------
    keys : Series
        Integers or text; floats are refused, because 5 and 5.0 hash differently, unless all are whole numbers.

    Returns
    -------
    ndarray of uint8
        Group 0 to 255 of each key.

    Raises
    ------
    ValueError
        Keys that are fractional numbers.

    Examples
    --------
    >>> replicate_groups(pd.Series(["C00001", "C00002"])).tolist()
    [188, 141]
    """
    import duckdb  # late: its import starts a thread, and kernels are forked

    keys = pd.Series(keys)
    table = pa.table({"key": keys if pd.api.types.is_integer_dtype(keys) else _as_text(keys)})
    hashed = duckdb.from_arrow(table).project("(md5_number(key::VARCHAR) & 255)::UTINYINT AS replicate")
    return hashed.fetchnumpy()["replicate"].astype(np.uint8)


def require_columns(available: Iterable[str], needed: Iterable[str]) -> None:
    """Raise one KeyError naming every missing column with the nearest names.

    Parameters
    ----------
    available, needed : iterable of str
        Column names there are, and column names asked for.

    Raises
    ------
    KeyError
        When something asked for is not there.

    Examples
    --------
    >>> require_columns(["region", "plan"], ["regoin"])
    Traceback (most recent call last):
    ...
    KeyError: "column not found: 'regoin' (nearest: 'region'). The data has 2 columns; check the spelling."
    """
    available = [str(name) for name in available]
    missing = [name for name in dict.fromkeys(needed) if name not in available]
    if not missing:
        return
    told = []
    for name in missing:
        near = get_close_matches(str(name), available, n=2)
        told.append(f"{name!r} (nearest: {', '.join(map(repr, near))})" if near else repr(name))
    plural = "columns" if len(told) > 1 else "column"
    raise KeyError(
        f"{plural} not found: {', '.join(told)}. The data has {len(available)} columns; check the spelling."
    )


def _slices(data: Any, needed: list[str], rows: int, *, ordered: bool) -> Iterator[pd.DataFrame | pa.Table]:
    if isinstance(data, pd.DataFrame):
        data = data[needed]
        for start in range(0, max(len(data), 1), rows):
            yield data.iloc[start : start + rows]
        return
    held, count = [], 0
    for batch in _batches(data, needed, rows, ordered=ordered):
        require_columns(batch.schema.names, needed)
        for start in range(0, batch.num_rows, rows):
            held.append(batch.select(needed).slice(start, rows))
            count += held[-1].num_rows
            if count >= rows:
                yield pa.Table.from_batches(held)
                held, count = [], 0
    if held:
        yield pa.Table.from_batches(held)


def _batches(data: Any, needed: list[str], rows: int, *, ordered: bool) -> Iterable[pa.RecordBatch]:
    if hasattr(data, "to_pyarrow_batches"):
        require_columns(data.columns, needed)
        if ordered:
            raise ValueError(
                "an Ibis table has no row order: give cluster= or key=, a column that identifies the row"
            )
        return data.select(*needed).to_pyarrow_batches(chunk_size=rows)
    if isinstance(data, pa.Table):
        return data.to_batches(max_chunksize=rows)
    if isinstance(data, Iterable) and not isinstance(data, str | Mapping):
        return data
    raise TypeError(
        f"data is a {type(data).__name__}; allowed are a pandas DataFrame, an Ibis table, an Arrow table "
        "or an iterable of Arrow record batches"
    )


def _column(rows: pd.DataFrame | pa.Table, name: str) -> pd.Series:
    return rows[name] if isinstance(rows, pd.DataFrame) else rows[name].to_pandas().rename(name)


def _matrix(
    rows: pd.DataFrame | pa.Table, columns: Sequence[str], labels: Mapping[str, float] | None
) -> np.ndarray:
    values = np.empty((len(columns), len(rows))).T
    problems = []
    for j, name in enumerate(columns):
        if isinstance(rows, pa.Table) and _is_number(rows[name].type):
            values[:, j] = rows[name].to_numpy()
            continue
        column = _column(rows, name)
        if labels and not pd.api.types.is_numeric_dtype(column):
            mapped = column.map(labels)
            unknown = column[mapped.isna() & column.notna()].value_counts()
            problems += [f"{name!r} holds {value!r} {count} times" for value, count in unknown.items()]
            column = mapped
        elif not pd.api.types.is_numeric_dtype(column) and column.notna().any():
            example = column.dropna().iloc[0]
            problems.append(f"{name!r} is {column.dtype}, for example {example!r}")
            continue
        values[:, j] = column.to_numpy(dtype=float, na_value=np.nan)
    if problems:
        known = f"; known labels: {', '.join(map(repr, labels))}" if labels else ""
        more = f"; and {len(problems) - MOST_TOLD} more" if len(problems) > MOST_TOLD else ""
        told = "; ".join(problems[:MOST_TOLD]) + more + known
        raise ValueError(f"columns must be numbers: {told}. Convert them, or give Scale(labels=...).")
    return values


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _weights(rows: pd.DataFrame | pa.Table, weight: str | None) -> np.ndarray:
    if weight is None:
        return np.ones(len(rows))
    values = _column(rows, weight).to_numpy(dtype=float, na_value=np.nan)
    missing, negative = int(np.isnan(values).sum()), int((values < 0).sum())
    if missing or negative:
        raise ValueError(
            f"weight column {weight!r} has {missing} missing and {negative} negative values; "
            "weights are zero or more: give rows that should not count a 0"
        )
    return values


def _replicate(rows: pd.DataFrame | pa.Table, cluster: str | None, key: str | None, position: int) -> np.ndarray:
    if cluster is None:
        return replicate_groups(_column(rows, key)) if key else _position_groups(position, len(rows))
    keys = _as_text(_column(rows, cluster))
    alone = keys.isna().to_numpy()
    if alone.any():
        positions = pd.Series(np.arange(position, position + len(rows)), index=keys.index)
        own = _column(rows, key) if key else positions
        keys = keys.where(~alone, "row " + own.astype("str"))
    return replicate_groups(keys)


def _position_groups(start: int, rows: int) -> np.ndarray:
    chunks = range(start // POSITIONS, (start + max(rows, 1) - 1) // POSITIONS + 1)
    groups = np.concatenate([_hashed_positions(chunk) for chunk in chunks])
    return groups[start - chunks[0] * POSITIONS :][:rows]


@lru_cache(maxsize=8)
def _hashed_positions(chunk: int) -> np.ndarray:
    return replicate_groups(np.arange(chunk * POSITIONS, (chunk + 1) * POSITIONS))


def _as_text(keys: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(keys):
        whole = keys.dropna()
        if (whole % 1 != 0).any():
            raise ValueError(
                f"column {keys.name!r} identifies rows but holds the number {whole[whole % 1 != 0].iloc[0]}; "
                "identifiers are integers or text: convert the column first"
            )
        keys = keys.astype("Int64")
    return keys.astype("str").where(keys.notna())
