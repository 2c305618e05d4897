"""Source -> checked snapshot: Parquet files in a cache folder that is named by its content."""

import contextlib
import functools
import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ibis
from ibis.expr.types import Table

from csatlib.tables import cache
from csatlib.tables.config import Settings, load
from csatlib.tables.convert import convert, match_columns, scale_columns
from csatlib.tables.derive import derive, made_columns, wrong_columns
from csatlib.tables.reading.aggregate import completed, landed, per_group, told
from csatlib.tables.reading.databases import failure, open_database
from csatlib.tables.reading.intake import read_source
from csatlib.tables.reading.sources import (
    MEMORY,
    extract,
    fetch_table,
    find_tables,
    key_columns,
    raise_all,
    source_files,
    too_large,
)
from csatlib.tables.schema import did_you_mean
from csatlib.tables.split import ROWS, to_pandas, write_table

__all__ = [
    "PROBLEM_COLUMNS",
    "connect",
    "is_complete",
    "of_settings",
    "read_manifest",
    "snapshot",
    "stored",
    "to_pandas",
]

PROBLEM_COLUMNS = ("table", "column", "rule", "count", "rows", "found", "remedy")


def _unreadable() -> tuple[type[Exception], ...]:
    """Name what DuckDB raises; imported late, since its import starts a thread and kernels are forked."""
    import duckdb

    return duckdb.InvalidInputException, duckdb.IOException


def connect(**options: str | int | Path) -> ibis.BaseBackend:
    """Open an embedded DuckDB that never fetches anything and reads times as UTC; with options of DuckDB."""
    options = {"temp_directory": cache.spill(), "autoinstall_known_extensions": False} | options
    connection = ibis.duckdb.connect(**options)
    with contextlib.suppress(*_unreadable()):  # Jupyter without ipywidgets: refused, and there is no bar
        connection.raw_sql("SET enable_progress_bar = false")
    return connection


def snapshot(config: str | Path = "csat.toml") -> Path:
    """Read and check the source once, or reuse the snapshot made of the same content.

    A database is read anew by every call, since nothing cheaper tells whether it changed; a run reads it
    once and pins the snapshot for its notebooks.

    Parameters
    ----------
    config : str or Path
        Settings file; looked for in the current folder and its parents.

    Returns
    -------
    Path
        Folder with one Parquet file per table, ``rejected/<table>.csv`` and ``snapshot.json``. Its name is
        the SHA-256 of the source files (of a database: of the rows read), the settings and this package's
        sources. It lies in ``$CSAT_CACHE`` (or the user's cache folder), readable by its owner only.
        ``$CSAT_SNAPSHOT`` pins a folder instead.

    Raises
    ------
    FileNotFoundError
        If there is no settings file, source folder or database file.
    ConnectionError
        If a database refuses or dies half-way.
    ValueError
        If settings or tables are wrong in a way that no row can be read: all problems of all tables at once.
    """
    return of_settings(load(config))


def of_settings(settings: Settings) -> Path:
    """Return `snapshot` of settings that are already loaded."""
    pinned = os.environ.get("CSAT_SNAPSHOT")
    if pinned:
        return _pinned(Path(pinned), settings)
    home = cache.home()
    _sweep(home)
    if settings.source.url is None:
        return _make(source_files(settings), settings, home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".rows-", dir=home) as rows:
        return _make(_extracted(Path(rows), settings), landed(settings), home)


def _sweep(home: Path) -> None:
    """Remove what a process left that was killed, so could not tidy up, more than a day ago."""
    for folder in home.glob(".*-*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_mtime < time.time() - 86_400:
                shutil.rmtree(folder, ignore_errors=True)


def _make(files: Mapping[str, Path], settings: Settings, home: Path) -> Path:
    name = _content_hash(files, settings)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = home / name
    if is_complete(target):
        return target
    work = Path(tempfile.mkdtemp(prefix=f".{name[:12]}-", dir=home))
    try:
        _build(work, files, settings)
        if _content_hash(files, settings) != name:
            raise ValueError(f"{settings.place} changed while it was read; run again when it is complete")
        _publish(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def read_manifest(folder: Path) -> dict:
    """Return snapshot.json: tables (read, rejected), problems, files and the data's fingerprint."""
    return json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))


def stored(folder: Path) -> dict[str, Table]:
    """Return the tables of a snapshot; a thread opens them once, since a connection serves one thread only."""
    return _stored(folder, threading.get_ident())


@functools.lru_cache(maxsize=8)
def _stored(folder: Path, thread: int) -> dict[str, Table]:
    tables = read_manifest(folder)["tables"]
    few = all(counts["read"] <= ROWS for counts in tables.values())
    connection = connect(**{"threads": 1} if few else {})  # threads share out row groups: of one, all but one wait
    return {n: connection.read_parquet(folder / f"{n}.parquet") for n in tables}


def is_complete(folder: Path) -> bool:
    """Say whether every file of a snapshot is there with the bytes it was written with."""
    try:
        files = read_manifest(folder)["files"]
        return all(_digest(folder / name) == digest for name, digest in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _pinned(folder: Path, settings: Settings) -> Path:
    if not is_complete(folder):
        raise ValueError(f"CSAT_SNAPSHOT={folder} is not a complete snapshot; unset it to have one made")
    if read_manifest(folder)["settings"] != _settings_hash(settings):
        raise ValueError(
            f"CSAT_SNAPSHOT={folder} was made with other settings than {settings.file}; unset it or "
            "make the snapshot again"
        )
    return folder


def _digest(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _settings_hash(settings: Settings) -> str:
    return hashlib.sha256(settings.content.encode()).hexdigest()


@functools.cache
def _code() -> list[str]:
    here = Path(__file__).parent
    paths = sorted([*here.glob("*.py"), *here.glob("reading/*.py")])
    return [f"{path.name} {_digest(path)}" for path in paths]


def _content_hash(files: Mapping[str, Path], settings: Settings) -> str:
    parts = [f"settings {_settings_hash(settings)}", *_code()]
    parts += [f"{name} {path.suffix} {_digest(path)}" for name, path in files.items()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _extracted(folder: Path, settings: Settings) -> dict[str, Path]:
    """Bring the rows of a database into Parquet files; what can be told from its columns is told first."""
    files = {}
    with open_database(settings) as database:
        tables = find_tables(database, settings)
        labels = _labels(tables, settings)
        wrong = {n: wrong_columns(table.columns, settings.tables[n]) for n, table in tables.items()}
        made = {n: made_columns(settings.tables[n]) for n, texts in wrong.items() if not texts}
        found = {n: completed([*tables[n].columns, *made[n]], n, settings.tables[n]) for n in made}
        names, problems = _match(found, settings, labels)
        raise_all([f"{n} ({labels[n]}): {text}" for n in wrong for text in wrong[n]] + problems, settings)
        rows, problems = {}, list(too_large(tables, settings, labels))
        for name, table in tables.items():
            rows[name] = fetch_table(table, name, names[name])
            try:
                if settings.tables[name].aggregate:
                    rows[name] = per_group(rows[name], name, names[name], settings.tables[name])
            except ValueError as error:
                problems.append(f"{name} ({labels[name]}): {error}")
        raise_all(problems, settings)
        for name, data in rows.items():
            files[name] = folder / f"{name}.parquet"
            keys = key_columns(data, name, names[name], settings.tables[name])
            extract(data, keys, files[name], failure(settings, labels[name]))
    return files


def _labels(tables: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    if settings.source.url is None:
        return {name: path.name for name, path in tables.items()}
    return {name: f"table {settings.tables[name].table or name}" for name in tables}


def _match(
    found: Mapping[str, Sequence[str]], settings: Settings, labels: Mapping[str, str]
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Give the columns of every table their canonical names; return these and what is wrong."""
    scaled = scale_columns(settings)
    result, problems, unseen = {}, [], set(scaled)
    for name, columns in found.items():
        names, wrong = match_columns(columns, name, settings.tables[name], scaled)
        unseen -= set(names)
        problems += [f"{name} ({labels[name]}): {text}" for text in wrong]
        if not wrong:
            result[name] = names
    if "responses" in found:
        problems += _unseen_items(unseen, settings, found["responses"])
    return result, problems


def _build(work: Path, files: Mapping[str, Path], settings: Settings) -> None:
    connection = connect(memory_limit=MEMORY, temp_directory=work / ".spill")
    scaled, labels = scale_columns(settings), _labels(files, settings)
    sources, problems = {}, []
    for name, path in files.items():
        try:
            source = read_source(connection, path, name, settings.tables[name], scaled)
            groups = told(source.data, settings.tables[name])
            sources[name] = replace(
                source, data=derive(source.data, settings.tables[name]), told=groups or source.told
            )
        except (ValueError, *_unreadable()) as error:
            problems.append(f"{name} ({labels[name]}): {_first_lines(error)}")
    matched, wrong = _match({name: source.columns for name, source in sources.items()}, settings, labels)
    problems += wrong
    conversions = {name: (sources[name].data, names) for name, names in matched.items()}
    tables, listed = {}, []
    for name, (source, names) in conversions.items():
        try:
            conversion = convert(source, name, names, settings.tables[name], scaled)
            tables[name], rows = write_table(work, connection, source, name, conversion)
            tables[name] |= {"reading": dict(sources[name].told)} if sources[name].told else {}
            listed += rows
        except _unreadable() as error:
            problems.append(f"{name} ({labels[name]}): {_first_lines(error)}")
    raise_all(problems, settings)
    connection.disconnect()
    shutil.rmtree(work / ".spill", ignore_errors=True)
    _write_manifest(work, tables, listed, settings)


def _unseen_items(unseen: set[str], settings: Settings, columns: tuple[str, ...]) -> Iterator[str]:
    for scale in settings.scales.values():
        for item in scale.items:
            for role in ("expectation", "perception", "importance", "desired", "adequate"):
                column = getattr(item, role)
                if column in unseen:
                    yield (
                        f"scales.{scale.name}, item {item.item}: {role} column {column!r} is in no table"
                        f"{did_you_mean(column, columns)}"
                    )
        for dimension, column in scale.importance.items():
            if column in unseen:
                near = did_you_mean(column, columns)
                yield f"scales.{scale.name}.importance.{dimension}: column {column!r} is in no table{near}"


def _first_lines(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError) or "unicode" in str(error):
        return "the file is not UTF-8 text; save it as 'CSV UTF-8'"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:3])[:300].removeprefix("Invalid Input Error: ")
    return f"{text}; quote values that hold the delimiter, double quotes in them" if "CSV Error" in text else text


def _write_manifest(work: Path, tables: dict, problems: list[dict], settings: Settings) -> None:
    files = sorted(p for p in work.rglob("*") if p.is_file())
    digests = {p.relative_to(work).as_posix(): _digest(p) for p in files}
    data = "\n".join(f"{name} {digest}" for name, digest in digests.items())
    manifest = {
        "fingerprint": hashlib.sha256(data.encode()).hexdigest(),
        "settings": _settings_hash(settings),
        "tables": tables,
        "problems": problems,
        "files": digests,
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (work / "snapshot.json").write_text(text + "\n", encoding="utf-8")


def _publish(work: Path, target: Path) -> None:
    """Rename the finished folder into place; what another process finished meanwhile is as good."""
    for _ in range(3):
        try:
            work.rename(target)
        except OSError:
            if is_complete(target):
                return
            broken = work.with_name(f"{work.name}-broken")
            target.rename(broken)
            shutil.rmtree(broken, ignore_errors=True)
        else:
            return
    raise OSError(f"cannot write the snapshot {target}; is another process using the folder?")
