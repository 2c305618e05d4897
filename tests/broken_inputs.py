"""Every kind of broken input, tried: what csatlib says and what it keeps. Written to docs/broken-inputs.md."""

import os
import re
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import duckdb
from company_folder import write_company
from test_readers import BROKEN, HEAD

from csatlib.publish.check import problem_lines
from csatlib.tables import workspace
from csatlib.tables.audit import audit
from csatlib.tables.reading.statement import describe

ROWS = {
    "Dates in three formats": ["a,2026-10-01,5,", "b,02.10.2026,5,", "c,10/03/2026,5,"],
    "Ids with trailing spaces": ["a ,2026-10-01,5,", "a,2026-10-02,5,", " b,2026-10-01,5,"],
    "10,000 distinct text answers to one rating": [
        *(f"r{k},2026-10-01,label {k},fine" for k in range(10_000)),
        "z,2026-10-01,5,",
    ],
    "10,000 distinct choices in cells with several answers": [
        f"r{k},2026-10-01,{k % 2 + 4},choice {k}┋choice {k + 1}" for k in range(10_000)
    ],
    "A <script> in a comment": ["a,2026-10-01,5,<script>alert(1)</script>", "b,2026-10-01,4,fine"],
    "A formula in a cell": ["a,2026-10-01,=1+1,=HYPERLINK(1)", "b,2026-10-01,5,fine"],
    "A rating out of its range": ["a,2026-10-01,11,", "b,2026-10-01,5,"],
    "One id twice, with different answers": ["a,2026-10-01,5,", "a,2026-10-01,6,"],
    "An answer without a date": ["a,,5,", "b,2026-10-01,4,"],
}
SETTINGS = {
    "A path outside the folder": '[tables.responses]\nfile = "../secret.csv"',
    "A file that is not there": '[tables.responses]\nfile = "respnses.csv"',
    "A mapped column that is not there": '[tables.responses]\ncolumns = { overall = "Q7" }',
    "Several mistakes in csat.toml": '[tables.respones]\n[tables.responses]\ndecimal = ";"\nkeep = ["drafts"]',
}
# what needs a server, a second program or 200 MB: message (asserted where the test is), what is kept, test
ELSEWHERE = (
    (
        "A 200 MB CSV",
        "",
        "all 200,000 rows: the engine reads the file itself",
        "test_readers.py",
        "test_200_megabytes_stay_on_the_engine",
    ),
    (
        "A database that refuses the password",
        "password authentication failed",
        "nothing",
        "test_sources.py",
        "test_password_from_the_environment",
    ),
    (
        "A table one may not read",
        "could not be read to its end: permission denied for table answers",
        "nothing",
        "test_sources.py",
        "test_password_from_the_environment",
    ),
    (
        "A database that dies half-way",
        "terminating connection due to administrator command",
        "nothing: of 100 rows ten had arrived and none is kept; the next run reads all",
        "test_sources.py",
        "test_connection_that_dies_half_way",
    ),
    (
        "A database that dies between tables",
        "the list of tables could not be read to its end: the connection is closed",
        "nothing",
        "test_sources.py",
        "test_connection_that_dies_between_tables",
    ),
    (
        "A DuckDB file that another program holds",
        "cannot open duckdb://crm.duckdb",
        "nothing",
        "test_sources.py",
        "test_duckdb_file_that_another_program_holds",
    ),
)


def tried() -> Iterator[tuple[str, str, str]]:
    """Yield what is broken, what is said, what was kept, of every case in turn."""
    for what, name, make, _ in BROKEN:
        yield what, *attempt(lambda folder, name=name, make=make: _file(folder, name, make))
    for what, lines in ROWS.items():
        text = f"{HEAD},nps,comment\n" + "\n".join(lines) + "\n"
        yield what, *attempt(lambda folder, text=text: write_company(folder, scale="", responses=text))
    for what, settings in SETTINGS.items():
        yield what, *attempt(lambda folder, text=settings: _settings(folder, text))
    yield "A database that is not running", *attempt(_refused)
    yield "An engine that does not exist", *attempt(lambda folder: _database(folder, "postgrs://host/crm"))
    yield "A database file that is not there", *attempt(lambda folder: _database(folder, "duckdb://crn.duckdb"))
    yield "A database file that is none", *attempt(_no_database)
    yield "A database without the table", *attempt(_other_tables)


def attempt(make: Callable[[Path], Path]) -> tuple[str, str]:
    """Open a company; return what is said and what was kept, and fail where something half-written remains."""
    with tempfile.TemporaryDirectory() as folder:
        home, cache = Path(folder, "company"), Path(folder, "cache")
        home.mkdir()
        config = make(home)
        with mock.patch.dict(os.environ, {"CSAT_CACHE": str(cache)}):
            try:
                ws = workspace.open(config)
                problems = audit(ws)
                counts = ws.counts.set_index("table").loc["responses"]
            except (ValueError, OSError, ImportError) as error:
                left = [path.name for path in cache.rglob("*")] if cache.exists() else []
                assert left == [], left
                return _one_line(str(error), folder), "nothing"
        assert [path.name for path in cache.iterdir()] == [ws.snapshot.name]
        said = [
            text.replace("\n  ->", ";").replace("\n ", ":")
            for severity, text in problem_lines(problems)
            if severity != "note"
        ]
        said += [describe(reading) for reading in ws.readings.values()]
        kept = f"{counts['used']:,} of {counts['read']:,} rows"
        rejected = ws.snapshot / "rejected" / "responses.csv"
        kept += "; the others, with reasons, in rejected/responses.csv" if rejected.exists() else ""
        return _one_line(" ".join(said) or "nothing: it stays text and is escaped in every page", folder), kept


def page() -> str:
    """Return docs/broken-inputs.md."""
    lines = ["# Broken inputs", ""]
    lines += [
        "What csatlib says to each, and what it keeps. `python -m tools.broken_inputs` tries all of them and",
        "writes this page; a test sees to it that the page says what is really said. After every case the cache",
        "holds either a whole snapshot or nothing: nothing half-written remains.",
        "",
        "| what | message | what was kept |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in tried()]
    for what, message, kept, file, name in ELSEWHERE:
        said = f"… {message} …" if message else "nothing"
        lines.append(f"| {_cell(what)} | {_cell(said)} | {_cell(kept)} (`{file}`, `{name}`) |")
    lines += [
        "",
        "The password-protected workbook is a container made by hand after Office's layout: the library that",
    ]
    lines += [
        "writes real ones is no dependency. The last rows need a server, a second program or 200 MB; the tests"
    ]
    return "\n".join([*lines, "named there assert their messages.", ""])


def _cell(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|").replace("*", "\\*")


def _one_line(text: str, folder: str) -> str:
    text = text.replace(str(Path(folder).resolve()), "…").replace(folder, "…")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:5432", re.sub(r"port \d+", "port 5432", text))
    text = re.sub(r"^\S+ has 1 problem: ?- (?:responses \([^)]*\): )?", "", " ".join(text.split()))
    return text if len(text) <= 400 else text[:397] + "…"


def _file(folder: Path, name: str, make: Callable[[Path], object]) -> Path:
    config = write_company(folder, scale="")
    make(folder / "source" / name)
    return config


def _settings(folder: Path, text: str) -> Path:
    (folder / "secret.csv").write_text(f"{HEAD}\na,2026-10-01\n", encoding="utf-8")
    return write_company(folder, scale="", settings=text, responses=f"{HEAD}\na,2026-10-01\n")


def _database(folder: Path, url: str) -> Path:
    file = folder / "csat.toml"
    file.write_text(f'[company]\nname = "Tiny"\n[source]\nurl = "{url}"\n', encoding="utf-8")
    return file


def _refused(folder: Path) -> Path:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return _database(folder, f"postgres://ann@127.0.0.1:{port}/crm")


def _no_database(folder: Path) -> Path:
    (folder / "crm.duckdb").write_text("nothing of DuckDB " * 1000, encoding="utf-8")
    return _database(folder, "duckdb://crm.duckdb")


def _other_tables(folder: Path) -> Path:
    with duckdb.connect(folder / "crm.duckdb") as connection:
        connection.execute("create table answers (response_id text)")
    return _database(folder, "duckdb://crm.duckdb")
