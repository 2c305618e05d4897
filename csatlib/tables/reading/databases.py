"""Opening a database by an address of Ibis, for reading only, without a secret in any message."""

import contextlib
import importlib.metadata
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import ibis
import pyarrow as pa
from ibis.expr import types as ir

from csatlib.tables.cache import spill
from csatlib.tables.config import Settings
from csatlib.tables.reading.address import expand, scrub, without_secrets
from csatlib.tables.schema import did_you_mean

_FILE_ENGINES = ("duckdb", "sqlite")
_PACKAGES = {"postgres": "csatlib[postgres]", "pyspark": "csatlib[spark]"}


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
    shared = engine == "pyspark" and _spark_runs()
    answers = signal.getsignal(signal.SIGINT)
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
        package = _PACKAGES.get(engine, f"ibis-framework[{engine}]")
        raise ImportError(
            f"{settings.place}: the driver of {engine} is not installed; run: pip install '{package}'"
        ) from None
    except Exception as error:  # every engine raises its own kind
        raise ConnectionError(
            f"cannot open {without_secrets(url)}: {_reason(error, url)}"
            f"{_near_database(error, engine, url)}. {_remedy(engine, settings)}"
        ) from None
    try:
        with _one_moment(connection, settings):
            yield connection
    finally:
        if not shared:
            connection.disconnect()
            _answered_by(answers)


def _answered_by(answers: Any) -> None:
    """Give Ctrl-C back to whom it was: Spark takes it, and once ended answers with an error of its own."""
    if threading.current_thread() is threading.main_thread() and answers is not None:
        signal.signal(signal.SIGINT, answers)


def _remedy(engine: str, settings: Settings) -> str:
    if engine in _FILE_ENGINES:
        return "Close other programs that hold the file, and check that it is complete"
    if engine == "pyspark":
        return (
            f"Check JAVA_HOME (Spark 4 needs Java 17 or 21) and the options of source.url in {settings.file.name}"
        )
    return (
        f"Check that it runs and that source.url in {settings.file.name} gives the right host, port, "
        "database, user and password"
    )


def _connect(engine: str, url: str, settings: Settings) -> ibis.BaseBackend:
    if engine in _FILE_ENGINES:
        file, options = _database_file(url, settings), dict(parse_qsl(url.partition("?")[2]))
        if engine == "duckdb":
            options |= {"read_only": True, "autoinstall_known_extensions": False}
            options["temp_directory"] = spill(options.get("temp_directory"))
        return getattr(ibis, engine).connect(file, **options)
    if engine == "pyspark":
        return _spark(url, settings)
    options = {}
    if engine == "postgres":
        parts = urlsplit(url)
        # Ibis leaves the user encoded and takes a + in a password for a space
        options = {k: unquote(v) for k in ("username", "password") if (v := getattr(parts, k))}
        options = {"user" if k == "username" else k: v for k, v in options.items()}
        if "connect_timeout" not in parts.query:
            options["connect_timeout"] = 10
    return ibis.connect(url, **options)


def _spark_runs() -> bool:
    """Say whether this process has a Spark session of its own, which is used and left running."""
    session = getattr(sys.modules.get("pyspark.sql"), "SparkSession", None)
    return session is not None and session.getActiveSession() is not None


def _spark(url: str, settings: Settings) -> ibis.BaseBackend:
    """Connect to Spark; Ibis itself fails on an address with an option that is fixed once Spark runs."""
    from pyspark.sql import SparkSession

    options = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
    if warehouse := unquote(urlsplit(url).path.strip("/")):
        options["spark.sql.warehouse.dir"] = str(settings.file.parent / warehouse)
    builder = SparkSession.builder
    for name, value in (options | dict(parse_qsl(urlsplit(url).query))).items():
        builder = builder.config(name, value)
    return ibis.pyspark.connect(builder.getOrCreate())


def batches(table: ir.Table, rows: int) -> pa.RecordBatchReader:
    """Return a table of a database as Arrow batches.

    Parameters
    ----------
    table : ibis Table
        Bound to a connection of `open_database`.
    rows : int
        Rows of a batch at most.

    Returns
    -------
    pyarrow RecordBatchReader
        Rows are fetched as they are asked for; Spark hands over all of them at once.
    """
    connection = table.get_backend()
    if connection.name == "pyspark":
        # by way of pandas, as Ibis does it, whole numbers beside missing ones would lose digits
        found = connection.raw_sql(connection.compile(table)).toArrow()
        # Spark gives whatever it truncates a zone, UTC
        return found.cast(table.schema().to_pyarrow()).to_reader(max_chunksize=rows)
    return table.to_pyarrow_batches(chunk_size=rows)


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


def failure(settings: Settings, what: str) -> Callable[[Exception], Exception]:
    """Return a function that makes one clear error of what a database raised while something was read."""
    url = expand(settings.source.url)
    return lambda error: ConnectionError(
        f"{without_secrets(url)}: {what} could not be read to its end: "
        f"{_reason(error, url)}. Nothing half-read was kept: run again; if it stays, ask who runs the database"
    )
