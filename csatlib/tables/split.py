"""Accepted rows to Parquet in key order, a part at a time; rejected rows to CSV with their reasons."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr import types as ir

from csatlib.masking import mask
from csatlib.tables.convert import ROW, Conversion
from csatlib.tables.reading.readers import LEFT_OUT
from csatlib.tables.schema import TABLES, Table, check

ROWS = 122_880  # rows looked at together, and of a row group: what DuckDB itself takes


def write_table(
    work: Path, connection: ibis.BaseBackend, source: ir.Table, name: str, conversion: Conversion
) -> tuple[dict[str, int], list[dict]]:
    """Check the rows of a table and write those that are accepted and those that are not.

    Parameters
    ----------
    work : Path
        Folder; ``<name>.parquet`` and, where rows were rejected, ``rejected/<name>.csv`` are written into it.
    connection : ibis backend
        Embedded DuckDB.
    source : ibis Table
        The table as it came.
    name : str
        Canonical table.
    conversion : Conversion
        From `convert.convert`.

    Returns
    -------
    counts : dict of str to int
        Rows read and rejected.
    problems : list of dict
        One per column and rule: table, column, rule, count, rows, found, remedy.

    Examples
    --------
    >>> write_table(work, connection, source, "customers", conversion)  # doctest: +SKIP
    ({'read': 3000, 'rejected': 0}, [])
    """
    table, read, cases = TABLES[name], 0, []
    key = [column for column in table.key if column in conversion.columns]
    reader = connection.to_pyarrow_batches(conversion.data, chunk_size=ROWS)
    schema = pa.schema([reader.schema.field(column) for column in conversion.columns])
    with pq.ParquetWriter(work / f"{name}.parquet", schema, compression="zstd") as writer:
        waiting = schema.empty_table()
        for part in _parts(reader, key):
            frame = to_pandas(part)
            found = _cases(frame, table, conversion)
            good = ~frame.index.isin(found["row"])
            cases.append(found.assign(line=frame[ROW].to_numpy()[found["row"].to_numpy()]))
            read += len(frame)
            accepted = part.select(schema.names).filter(pa.array(good)).cast(schema)
            waiting = _write_full(writer, pa.concat_tables([waiting, accepted]))
        writer.write_table(waiting, row_group_size=ROWS)
    cases = pd.concat(cases) if cases else pd.DataFrame({"line": []})
    problems = []
    if len(cases):
        rows = _rejected(connection, source, cases)
        problems = _summary(name, cases, rows, conversion.names)
        private = [conversion.names[n] for n in ("comment", "text") if n in conversion.names]
        rows = rows.assign(**{c: rows[c].map(mask, na_action="ignore") for c in private})
        (work / "rejected").mkdir(exist_ok=True, mode=0o700)
        _inert(rows).to_csv(work / "rejected" / f"{name}.csv", index=False, lineterminator="\n")
    return {"read": read, "rejected": cases["line"].nunique()}, problems


def _write_full(writer: pq.ParquetWriter, rows: pa.Table) -> pa.Table:
    """Write whole row groups and return the rest, so that the bytes do not depend on how rows arrived."""
    full = len(rows) - len(rows) % ROWS
    for start in range(0, full, ROWS):
        writer.write_table(rows.slice(start, ROWS).combine_chunks(), row_group_size=ROWS)
    return rows.slice(full).combine_chunks()


def _parts(reader: pa.RecordBatchReader, key: list[str]) -> Iterator[pa.Table]:
    """Yield the rows in parts that never divide rows of one key, for these are judged together."""
    held = reader.schema.empty_table()
    for batch in reader:
        rows = pa.concat_tables([held, pa.Table.from_batches([batch])])
        end = _last_key(rows, key) if key else len(rows)
        if end:
            yield rows.slice(0, end).combine_chunks()
        held = rows.slice(end)
    if len(held):
        yield held.combine_chunks()


def _last_key(rows: pa.Table, key: list[str]) -> int:
    """Return where the rows of the last key begin."""
    begins = np.zeros(len(rows), dtype=bool)
    for column in key:
        codes = pd.factorize(rows[column].to_pandas(), use_na_sentinel=False)[0]
        begins[1:] |= codes[1:] != codes[:-1]
    return int(begins.nonzero()[0][-1]) if begins.any() else 0


def _cases(frame: pd.DataFrame, table: Table, conversion: Conversion) -> pd.DataFrame:
    """Check the rows that count, and list those the survey tool itself marks as not counting."""
    rules = {"ranges": conversion.ranges, "unreadable": conversion.unreadable, "ignore": [ROW]}
    if LEFT_OUT not in frame or frame[LEFT_OUT].isna().all():
        return check(frame, table, **rules)
    why = frame[LEFT_OUT].dropna()
    rest = frame[frame[LEFT_OUT].isna()]
    cases = check(rest.reset_index(drop=True), table, **rules)
    cases["row"] = rest.index.to_numpy()[cases["row"].to_numpy()]
    parts = why.str.rpartition(": ")
    canonical = {column: name for name, column in conversion.names.items()}
    aside = {"row": why.index, "column": parts[0].replace(canonical), "rule": parts[2]}
    remedy = (
        "left out on purpose: only finished answers of respondents count, and kinds that keep names in csat.toml"
    )
    return pd.concat([pd.DataFrame(aside | {"remedy": remedy}), cases]).sort_values("row", ignore_index=True)


def _rejected(connection, source, cases: pd.DataFrame) -> pd.DataFrame:
    """Return the source rows of the cases as text, with row (1-based, without the header) and reasons."""
    reasons = cases.assign(reason=cases["column"] + ": " + cases["rule"])[["line", "reason"]]
    # through Arrow: for a pandas frame Ibis reads an option that pandas 3.1 deprecates
    reasons = ibis.memtable(pa.Table.from_pandas(reasons, preserve_index=False))
    reasons = reasons.group_by("line").agg(reason=reasons.reason.group_concat("; ", order_by=reasons.reason))
    source = source.drop(*{LEFT_OUT} & {*source.columns})
    rows = source.rename({f"source {n}": n for n in source.columns}).mutate(row=ibis.row_number() + 1)
    joined = rows.inner_join(reasons, rows.row == reasons.line).order_by("row")
    texts = [joined[f"source {n}"].cast("string") for n in source.columns]
    frame = connection.to_pyarrow(joined.select("row", "reason", *texts)).to_pandas()
    return frame.set_axis(["row", "reason", *source.columns], axis=1)


def _summary(name: str, cases: pd.DataFrame, rejected: pd.DataFrame, names: Mapping[str, str]) -> list[dict]:
    result = []
    source = rejected.iloc[:, 2:].set_axis(rejected.iloc[:, 0])
    blank = pd.Series("", index=source.index)
    for (column, rule), group in cases.groupby(["column", "rule"], sort=True):
        first = group["line"].sort_values()
        parts = [source[names[part]].fillna("") for part in column.split(", ") if part in names]
        values = pd.concat(parts, axis=1).agg("/".join, axis=1) if len(parts) > 1 else pd.concat(parts or [blank])
        counts = values.loc[first].value_counts(sort=False)
        shown = [f"{_quoted(v)} ({n})" if n > 1 else _quoted(v) for v, n in counts.head(5).items()]
        shown += [f"{len(counts) - 5:,} other values"] if len(counts) > 5 else []
        result.append(
            {
                "table": name,
                "column": column,
                "rule": rule,
                "count": len(first),
                "rows": ", ".join(map(str, first.head(5))),
                "found": ", ".join(shown),
                "remedy": group["remedy"].iloc[0],
            }
        )
    return result


def _quoted(value: str) -> str:
    return repr(value) if value else "empty"


def _inert(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with an apostrophe before text that a spreadsheet would take for a formula."""
    result = frame.copy()
    for position in range(2, frame.shape[1]):
        column = frame.iloc[:, position]
        if pd.api.types.is_string_dtype(column.dtype):
            risky = column.str.match(r"[=+\-@\t\r]").fillna(False) & pd.to_numeric(column, errors="coerce").isna()
            result.isetitem(position, column.mask(risky.astype(bool), "'" + column))
    return result


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Convert to pandas with fixed dtypes.

    Parameters
    ----------
    table : pyarrow Table

    Returns
    -------
    DataFrame
        Text is ``str``, times are ``datetime64[us]``, every number and boolean that may be missing is float64
        with NaN (true = 1, false = 0); ``<item>_na`` is bool and ``replicate`` uint8.

    Examples
    --------
    >>> to_pandas(pa.table({"n": pa.array([1.0, None]), "plan": ["Max", None]})).dtypes.astype(str).to_dict()
    {'n': 'float64', 'plan': 'str'}
    """
    return table.to_pandas()
