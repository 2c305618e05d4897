"""Where the tables come from: a folder of files, or a database behind an address of Ibis."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.common.exceptions import TableNotFound
from ibis.expr import types as ir

from csatlib.tables.config import Settings, TableSettings
from csatlib.tables.reading.databases import batches, failure
from csatlib.tables.reading.readers import SUFFIXES
from csatlib.tables.schema import TABLES, did_you_mean

MAX_ROWS = 20_000_000
_ROWS = 20_000  # fetched at once


def source_files(settings: Settings) -> dict[str, Path]:
    """Return the source file of every table the company has.

    Raises
    ------
    FileNotFoundError
        If the source folder does not exist.
    ValueError
        If a named file is missing, a table has two files, or there is no table at all.
    """
    folder = settings.folder
    if not folder.is_dir():
        raise FileNotFoundError(f"source.path {settings.source.path!r}: there is no folder {folder}")
    there = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    files, problems = {}, []
    for name, table in settings.tables.items():
        wanted = [table.file] if table.file else [f"{name}{suffix}" for suffix in SUFFIXES]
        found = [file for file in wanted if (folder / file).is_file()]
        if table.file and not found:
            problems.append(f"{name}: file {table.file!r} is not there{did_you_mean(table.file, there)}")
        elif len(found) > 1:
            problems.append(f"{name}: both {' and '.join(found)} are there; name one: [tables.{name}] file")
        elif found and Path(found[0]).suffix.lower() not in SUFFIXES:
            problems.append(f"{name}: {found[0]} is not one of {', '.join(SUFFIXES)}")
        if found:
            files[name] = folder / found[0]
    if not files and not problems:
        problems.append(
            f"no table found; expected files such as responses.csv; found: {', '.join(there) or 'none'}"
        )
    raise_all(problems, settings)
    return files


def raise_all(problems: list[str], settings: Settings) -> None:
    """Raise ValueError that lists the problems of a source, if there are any."""
    if problems:
        noun = "problem" if len(problems) == 1 else "problems"
        raise ValueError(f"{settings.place} has {len(problems)} {noun}:\n- " + "\n- ".join(problems))


def list_tables(connection: ibis.BaseBackend, settings: Settings) -> list[str]:
    """Return the names of the database's tables and views, in ``source.schema`` where it is given.

    Raises
    ------
    ValueError
        If there is no such schema.
    """
    schema = settings.source.db_schema
    if schema is None:
        return sorted(connection.list_tables())
    there = connection.list_databases()
    if schema not in there:
        raise ValueError(
            f"source.schema: {settings.place} has no schema {schema!r}{did_you_mean(schema, there)}; "
            f"there are: {', '.join(sorted(there))}"
        )
    return sorted(connection.list_tables(database=schema))


def find_tables(connection: ibis.BaseBackend, settings: Settings) -> dict[str, ir.Table]:
    """Return the database table of every canonical table the company has.

    Parameters
    ----------
    connection : ibis backend
        From `open_database`.
    settings : Settings
        ``[tables.NAME] table`` names a table; default is the canonical name in any case.

    Returns
    -------
    dict of str to ibis Table
        Canonical name -> table with its own columns.

    Raises
    ------
    ValueError
        If a named table is not there, a name fits two tables, or there is no table at all.
    """
    there, found, problems = list_tables(connection, settings), {}, []
    for name, table in settings.tables.items():
        fitting = [n for n in there if n == name] or [n for n in there if n.casefold() == name]
        if not table.table and len(fitting) > 1:
            problems.append(
                f"{name}: both {' and '.join(fitting)} are there; name one: [tables.{name}] table = ..."
            )
        elif table.table or fitting:
            wanted = table.table or fitting[0]
            try:
                found[name] = connection.table(wanted, database=settings.source.db_schema)
            except TableNotFound:
                near = did_you_mean(wanted, there)
                problems.append(f"{name}: table {wanted!r} is not there{near}; found: {_listed(there)}")
    if not found and not problems:
        problems.append(
            f"no table found; expected names such as responses, or [tables.responses] table = ...; "
            f"found: {_listed(there)}"
        )
    raise_all(problems, settings)
    return found


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 30} more" if len(names) > 30 else ""
    return (", ".join(names[:30]) or "none") + more


def too_large(tables: Mapping[str, ir.Table], settings: Settings, labels: Mapping[str, str]) -> Iterator[str]:
    """Say which tables have more rows than may be brought down one by one.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        From `find_tables`.
    settings : Settings
        ``source.max_rows``, by default `MAX_ROWS`. Tables that are brought down as groups are not counted.
    labels : mapping of str to str
        How messages call a table.

    Yields
    ------
    str
        Problem and remedy.

    Examples
    --------
    >>> list(too_large({}, settings, {}))  # doctest: +SKIP
    []
    """
    most = settings.source.max_rows or MAX_ROWS
    for name, table in tables.items():
        if settings.tables[name].aggregate:
            continue
        try:
            rows = table.count().to_pyarrow().as_py()
        except Exception as error:  # every engine raises its own kind
            raise failure(settings, labels[name])(error) from None
        if rows > most:
            remedy = (
                f'set [tables.{name}] aggregate = "day" to bring down sums per customer and day'
                if name == "transactions"
                else f"name a view with the rows and columns that are needed: [tables.{name}] table = ..."
            )
            yield (
                f"{name} ({labels[name]}): {rows:,} rows, more than source.max_rows = {most:,}; {remedy}, "
                "or raise max_rows"
            )


def fetch_table(table: ir.Table, name: str, names: Mapping[str, str]) -> ir.Table:
    """Return what is read of a database table, in types that mean the same in every engine.

    Parameters
    ----------
    table : ibis Table
        From `find_tables`.
    name : str
        Canonical table.
    names : mapping of str to str
        Canonical name -> column, from `convert.match_columns`.

    Returns
    -------
    ibis Table
        The table's columns, rows in any order: `extract` orders them in one way for all engines. Text, whole
        numbers, floats and booleans stay; other decimals become floats (text where they are part of an
        identifier); times and dates stay, an infinite one is missing; binary columns are left out; any other
        type is read as its text.
    """
    kinds = {names[c.name]: c.kind for c in TABLES[name].columns if c.name in names}
    columns = {c: _portable(table[c], kinds.get(c)) for c in table.columns if not table[c].type().is_binary()}
    return table.select(**columns)


def key_columns(rows: ir.Table, name: str, names: Mapping[str, str], settings: TableSettings) -> list[str]:
    """Return the columns that order a table.

    Parameters
    ----------
    rows : ibis Table
        What is brought down; columns that csat.toml makes come later.
    name : str
        Canonical table.
    names : mapping of str to str
        Canonical name -> column.
    settings : TableSettings
        Of the table.

    Returns
    -------
    list of str
        The key, else customer and time; of rows that are to be numbered time first; of groups all but the numbers.

    Examples
    --------
    >>> rows = ibis.table({"day": "date", "customer_id": "string"}, name="sales")
    >>> key_columns(rows, "transactions", {"customer_id": "customer_id", "occurred_at": "day"}, TableSettings())
    ['customer_id', 'day']
    """
    if settings.aggregate:
        return [column for column in rows.columns if not rows[column].type().is_numeric()]
    key, time = TABLES[name].key, TABLES[name].time
    order = dict.fromkeys((time, *key, "customer_id") if settings.numbered else key or ("customer_id", time))
    return [names[n] for n in order if n in names and names[n] in rows.columns]


def _portable(x: ir.Column, kind: str | None) -> ir.Column:
    dtype = x.type()
    if dtype.is_timestamp() or dtype.is_date():
        zone = dtype.timezone if dtype.is_timestamp() else None
        ends = [ibis.literal(f"{day}{'T00:00:00' if dtype.is_timestamp() else ''}") for day in _DAYS]
        low, high = (end.cast(f"timestamp('{zone}')" if zone else dtype.copy(nullable=True)) for end in ends)
        return ibis.ifelse(x.between(low, high), x, ibis.null(dtype))
    if dtype.is_decimal() and dtype.scale != 0:
        return x.cast("string" if kind in ("key", "text") else "float64")
    if dtype.is_float32():
        return x.cast("string").cast("float64")  # 0.1, not 0.10000000149
    plain = dtype.is_string() or dtype.is_numeric() or dtype.is_boolean()
    return x if plain else x.cast("string")


_DAYS = ("0001-01-02", "9999-12-30")


def extract(table: ir.Table, keys: list[str], file: Path, failed: Callable[[Exception], Exception]) -> None:
    """Stream a table into a Parquet file, rows in an order that does not depend on the engine.

    Parameters
    ----------
    table : ibis Table
        From `fetch_table`.
    keys : list of str
        Columns to order by; the others break ties.
    file : Path
        Written whole or, on failure, to be thrown away with its folder.
    failed : callable
        Makes the error to raise of one that the database raised.
    """
    raw = file.with_suffix(".part")
    try:
        reader = batches(table, _ROWS)
    except Exception as error:  # every engine raises its own kind
        raise failed(error) from None
    with pq.ParquetWriter(raw, reader.schema, compression="lz4") as writer:
        for batch in _batches(reader, failed):
            writer.write_batch(batch)
    local = ibis.duckdb.connect(autoinstall_known_extensions=False)
    try:
        rows = local.read_parquet(raw)
        local.to_parquet(rows.order_by([*keys, *(c for c in rows.columns if c not in keys)]), file)
    finally:
        local.disconnect()
        raw.unlink()


def _batches(reader: pa.RecordBatchReader, failed: Callable[[Exception], Exception]) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            yield reader.read_next_batch()
        except StopIteration:
            return
        except Exception as error:
            raise failed(error) from None
