"""Where the tables come from: a folder of files, or a database behind an address of Ibis."""

import contextlib
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.common.exceptions import TableNotFound
from ibis.expr import types as ir

from csatlib.tables.config import Settings
from csatlib.tables.reading.address import expand, scrub, without_secrets
from csatlib.tables.reading.readers import SUFFIXES
from csatlib.tables.schema import TABLES, did_you_mean

_FILE_ENGINES = ("duckdb", "sqlite")
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


@contextlib.contextmanager
def open_database(settings: Settings) -> Iterator[ibis.BaseBackend]:
    """Connect to the database of ``source.url``, for reading only.

    A DuckDB or SQLite file is looked for from the folder of csat.toml (``duckdb://data/crm.duckdb``). All
    that is read from PostgreSQL is read as of one moment (one transaction, repeatable read).

    Parameters
    ----------
    settings : Settings
        With a url; ``${NAME}`` in it is filled in from the environment.

    Yields
    ------
    ibis backend

    Raises
    ------
    ValueError
        If a variable is not set, or the engine is unknown.
    FileNotFoundError
        If the database file is not there.
    ImportError
        If the engine's driver is not installed.
    ConnectionError
        If the database refuses. No message holds a password.
    """
    url = expand(settings.source.url)
    engine = url.partition("://")[0].replace("postgresql", "postgres")
    known = [entry.name for entry in importlib.metadata.entry_points(group="ibis.backends")]
    if engine not in known:
        raise ValueError(
            f"source.url: no engine {engine!r}{did_you_mean(engine, known)}; write one such as duckdb:// or "
            "postgres://"
        )
    try:
        connection = _connect(engine, url, settings)
    except FileNotFoundError:
        raise
    except ValueError:  # its message may quote a part of the password
        raise ValueError(
            f"source.url {settings.place} is not an address; write engine://user:password@host:port/database, "
            "with @ : / ? # % in a password as %40 %3A %2F %3F %23 %25, or the password as ${NAME}"
        ) from None
    except ImportError:
        package = "csatlib[postgres]" if engine == "postgres" else f"ibis-framework[{engine}]"
        raise ImportError(
            f"{settings.place}: the driver of {engine} is not installed; run: pip install '{package}'"
        ) from None
    except Exception as error:  # every engine raises its own kind
        remedy = (
            "Close other programs that hold the file, and check that it is complete"
            if engine in _FILE_ENGINES
            else f"Check that it runs and that source.url in {settings.file.name} gives the right host, port, "
            "database, user and password"
        )
        raise ConnectionError(
            f"cannot open {without_secrets(url)}: {_reason(error, url)}"
            f"{_near_database(error, engine, url)}. {remedy}"
        ) from None
    try:
        with _one_moment(connection, settings):
            yield connection
    finally:
        connection.disconnect()


def _connect(engine: str, url: str, settings: Settings) -> ibis.BaseBackend:
    if engine in _FILE_ENGINES:
        file, options = _database_file(url, settings), dict(parse_qsl(url.partition("?")[2]))
        if engine == "duckdb":
            options |= {"read_only": True, "autoinstall_known_extensions": False}
        return getattr(ibis, engine).connect(file, **options)
    options = {}
    if engine == "postgres":
        parts = urlsplit(url)
        # Ibis leaves the user encoded and takes a + in a password for a space
        options = {k: unquote(v) for k in ("username", "password") if (v := getattr(parts, k))}
        options = {"user" if k == "username" else k: v for k, v in options.items()}
        if "connect_timeout" not in parts.query:
            options["connect_timeout"] = 10
    return ibis.connect(url, **options)


def _database_file(url: str, settings: Settings) -> Path:
    """Return the file of an address; one that is not there from the root is looked for beside csat.toml."""
    written = unquote(url.partition("://")[2].partition("?")[0])
    file = settings.file.parent / written
    if not file.is_file():
        file = settings.file.parent / written.lstrip("/")
    if not file.is_file():
        there = sorted(path.name for path in file.parent.iterdir()) if file.parent.is_dir() else []
        raise FileNotFoundError(
            f"source.url: there is no database file {file}{did_you_mean(file.name, there)}; "
            f"a relative path starts at {settings.file.parent}"
        )
    return file


@contextlib.contextmanager
def _one_moment(connection: ibis.BaseBackend, settings: Settings) -> Iterator[None]:
    if connection.name != "postgres":
        yield
        return
    import psycopg

    connection.con.read_only = True
    connection.con.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    try:
        with connection.con.transaction():
            yield
    except psycopg.Error as error:
        raise failure(settings, "the list of tables")(error) from None


def _reason(error: Exception, url: str) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return scrub(" ".join(lines[:3])[:300].rstrip(".?"), url) or type(error).__name__


def _near_database(error: Exception, engine: str, url: str) -> str:
    """Return the nearest database of a server that does not know the one asked for."""
    wanted = urlsplit(url).path.strip("/") if engine == "postgres" else ""
    if not wanted or f'"{wanted}"' not in str(error):
        return ""
    with contextlib.suppress(Exception):
        connection = ibis.connect(url, database="postgres", connect_timeout=10)
        try:
            return did_you_mean(wanted, connection.list_catalogs())
        finally:
            connection.disconnect()
    return ""


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


def key_columns(
    name: str, names: Mapping[str, str], made: Sequence[str] = (), numbered: bool = False
) -> list[str]:
    """Return the columns that order a table: its key, else customer and time; numbered rows by time first.

    Columns that csat.toml makes are not in the database, so cannot order it.
    """
    key, time = TABLES[name].key, TABLES[name].time
    order = dict.fromkeys((time, *key, "customer_id") if numbered else key or ("customer_id", time))
    return [names[n] for n in order if n in names and names[n] not in made]


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
        reader = table.to_pyarrow_batches(chunk_size=_ROWS)
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


def failure(settings: Settings, what: str) -> Callable[[Exception], Exception]:
    """Return a function that makes one clear error of what a database raised while something was read."""
    url = expand(settings.source.url)
    return lambda error: ConnectionError(
        f"{without_secrets(url)}: {what} could not be read to its end: "
        f"{_reason(error, url)}. Nothing half-read was kept: run again; if it stays, ask who runs the database"
    )
