"""Databases as source: a DuckDB file, and PostgreSQL started here on loopback where Debian's package is there."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import ibis
import pandas as pd
import psycopg
import pytest
from company_folder import write_company

from csatlib.tables import config, snapshot, workspace
from csatlib.tables.reading import address, databases, sources
from csatlib.tables.schema import TABLES

# ibis 12 still calls the old name of a DuckDB method to list tables; nothing of ours can choose the new one
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning:ibis.backends.duckdb")

ROOT = Path(__file__).parent.parent
SQL = {"time": "timestamp", "date": "date", "boolean": "boolean", "number": "double precision"}
# what a careful owner of a database would choose, beside the kinds of the schema
TYPED = {"amount": "numeric(12, 2)", "cost": "numeric(14, 2)", "nps": "smallint", "overall": "integer"}


def binaries() -> Path | None:
    """Return the folder of initdb: Debian keeps it off PATH."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    linked = shutil.which("initdb")
    for home in [*homes, *([Path(linked).parent] if linked else [])]:
        if (home / "initdb").exists() and (home / "pg_ctl").exists():
            return home
    return None


@pytest.fixture(scope="module")
def postgres():
    """Address of a private cluster; the tests' databases are made in it."""
    home = binaries()
    if home is None:
        pytest.skip("no PostgreSQL here: install Debian's package postgresql")
    user = []
    # not pytest's folder: another session would close it to the user postgres
    with tempfile.TemporaryDirectory(prefix="csat-postgres-") as folder, socket.socket() as free:
        if hasattr(os, "geteuid") and os.geteuid() == 0:  # initdb refuses root
            shutil.chown(folder, "postgres")
            user = ["runuser", "-u", "postgres", "--"]

        def run(*command):
            subprocess.run([*user, *command], check=True, stdout=subprocess.DEVNULL, cwd=folder, timeout=60)

        data, rules = Path(folder, "data"), Path(folder, "data", "pg_hba.conf")
        run(home / "initdb", "-D", data, "-A", "trust", "-U", "csat", "-E", "UTF8", "--locale=C", "--no-sync")
        rules.write_text(f"host all ann 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        options = f"-F -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        run(home / "pg_ctl", "-D", data, "-w", "-l", Path(folder, "log"), "-o", options, "start")
        try:
            yield f"postgres://csat@127.0.0.1:{port}"
        finally:
            run(home / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def admin(url: str, *statements: str, database: str = "postgres") -> list:
    with psycopg.connect(f"{url}/{database}", autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def database(postgres, request):
    """A new database; its name."""
    name = f"crm_{abs(hash(request.node.nodeid)) % 10**9}"
    admin(postgres, f"create database {name}")
    yield name
    admin(postgres, f"drop database {name} with (force)")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("CSAT_CACHE", str(folder))
    return folder


def columns_of(name: str, file: Path) -> dict[str, str]:
    """Return a fitting SQL type for every column of a sample file."""
    kinds = {c.name: c.kind for c in TABLES[name].columns}
    types = {}
    for column, values in pd.read_csv(file, dtype=str).items():
        number = values.notna().any() and pd.to_numeric(values, errors="coerce").notna().eq(values.notna()).all()
        plain = "smallint" if number and column[1:].isdigit() else "double precision" if number else "text"
        types[column] = TYPED.get(column) or SQL.get(kinds.get(column), "text" if column in kinds else plain)
    return types


def typed_sample() -> dict[str, tuple[Path, dict[str, str]]]:
    files = sorted((ROOT / "data" / "sample").glob("*.csv"))
    return {f.stem: (f, columns_of(f.stem, f)) for f in files}


def sample_config(folder: Path, url: str) -> Path:
    text = (ROOT / "csat.toml").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    lines = [f'url = "{url}"\n' if line.startswith("path = ") else line for line in lines]
    lines = [line for line in lines if not line.startswith("file = ")]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "csat.toml").write_text("".join(lines), encoding="utf-8")
    return folder / "csat.toml"


def data_bytes(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.name != "snapshot.json" and p.is_file()
    }


@pytest.fixture(scope="module")
def sample():
    return typed_sample()


@pytest.fixture(scope="module")
def from_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CSAT_CACHE", str(tmp_path_factory.mktemp("folder")))
        return snapshot.snapshot(ROOT / "csat.toml")


def same(made: Path, other: Path) -> None:
    first, second = data_bytes(made), data_bytes(other)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []
    manifests = [snapshot.read_manifest(folder) for folder in (made, other)]
    for key in ("fingerprint", "tables", "problems", "files"):
        assert manifests[0][key] == manifests[1][key]


def test_duckdb_file_gives_the_bytes_of_the_folder(tmp_path, sample, from_folder):
    with duckdb.connect(tmp_path / "crm.duckdb") as connection:
        for name, (file, types) in sample.items():
            listed = ", ".join(f'"{c}" {t}' for c, t in types.items())
            connection.execute(f'create table "{name}" ({listed})')
            connection.execute(
                f"insert into \"{name}\" select * from read_csv('{file}', all_varchar = true) t order by hash(t)"
            )
    made = snapshot.snapshot(sample_config(tmp_path, "duckdb://crm.duckdb"))
    assert len(data_bytes(made)) == len(sample)
    same(made, from_folder)


def test_postgres_gives_the_bytes_of_the_folder(tmp_path, postgres, database, sample, from_folder):
    with psycopg.connect(f"{postgres}/{database}") as connection:
        for name, (file, types) in sample.items():
            listed = ", ".join(f'"{c}" {t}' for c, t in types.items())
            connection.execute(f'create table "{name}" ({listed})')
            with connection.cursor().copy(f'copy "{name}" from stdin (format csv, header)') as copy:
                copy.write(file.read_bytes())
    file = sample_config(tmp_path, f"{postgres}/{database}")
    made = snapshot.snapshot(file)
    same(made, from_folder)
    assert snapshot.snapshot(file) == made


MADE = """
[tables.transactions]
columns = { customer_id = "customer", occurred_at = "day" }
constant = { shop = "Mitte" }
numbered = "line_id"
product = { amount = ["pieces", "price"] }
[tables.responses]
constant = { responded_at = "2026-10-03" }
numbered = "response_id"
"""
LINES = [  # in the order of the file: a database has none, there rows are numbered by time
    ("C1", "2026-10-01 08:00:00", 2, "1.25", "B"),
    ("C2", "2026-10-01 08:00:00", -3, "0.10", "A"),
    ("C1", "2026-10-02 00:00:00", 3, "19.99", "A"),
    ("C1", "2026-10-02 00:00:00", 3, "19.99", "A"),
    ("C1", "2026-10-03 00:00:00", None, "2.5", "A"),
]
MADE_TABLES = (
    "create table transactions (customer text, day timestamp, pieces smallint, price numeric(9, 2), code text)",
    "create table responses (customer_id text, nps int)",
    "insert into responses values ('C1', 7), ('C2', 11), ('C3', 10)",
)


def made_in_the_folder(folder: Path) -> Path:
    lines = [",".join("" if v is None else str(v) for v in line) for line in LINES]
    text = "\n".join(["customer,day,pieces,price,code", *lines, ""])
    answers = "customer_id,nps\nC1,7\nC2,11\nC3,10\n"
    return write_company(folder, settings=MADE, scale="", transactions=text, responses=answers)


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_made_columns_give_the_bytes_of_the_folder(tmp_path, cache, engine, request):
    shuffled = [LINES[k] for k in (3, 1, 4, 0, 2)]
    if engine == "duckdb":
        url = "duckdb://crm.duckdb"
        with duckdb.connect(tmp_path / "crm.duckdb") as connection:
            for statement in MADE_TABLES:
                connection.execute(statement)
            connection.executemany("insert into transactions values (?, ?, ?, ?, ?)", shuffled)
    else:
        url = f"{request.getfixturevalue('postgres')}/{request.getfixturevalue('database')}"
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            for statement in MADE_TABLES:
                cursor.execute(statement)
            cursor.executemany("insert into transactions values (%s, %s, %s, %s, %s)", shuffled)
    made = snapshot.snapshot(company(tmp_path, url, MADE))
    folder = snapshot.snapshot(made_in_the_folder(tmp_path / "files"))
    assert (folder / "rejected" / "responses.csv").is_file()
    same(made, folder)
    lines = workspace.open(tmp_path / "csat.toml").transactions.sort_values("line_id")
    assert lines["line_id"].tolist() == ["1", "2", "3", "4"]
    assert lines["amount"].tolist() == [2.5, -3 * 0.1, 3 * 19.99, 3 * 19.99]
    assert set(lines["shop"]) == {"Mitte"}


def test_made_columns_that_cannot_be_made_are_told_before_rows_are_read(tmp_path, cache):
    with duckdb.connect(tmp_path / "crm.duckdb") as connection:
        for statement in (*MADE_TABLES, "create table customers (customer_id text)"):
            connection.execute(statement)
    wrong = MADE.replace('"price"]', '"prize"]').replace('numbered = "line_id"', 'numbered = "code"')
    text = refused(company(tmp_path, "duckdb://crm.duckdb", wrong), cache, ValueError)
    for part in (
        "crm.duckdb has 3 problems:",
        "transactions (table transactions): column 'code', which csat.toml makes, is there already",
        "transactions (table transactions): column 'prize', a factor of amount, is not there",
        "customers (table customers): required column 'joined_on' is missing",
    ):
        assert part in text


GROUPS = """
[tables.transactions]
table = "sales"
columns = { customer_id = "customer", occurred_at = "moment" }
aggregate = "day"
aggregate_by = ["shop"]
missing = ["", "NA", -99]
[tables.operations]
table = "calls"
columns = { unit = "branch", period = "started", metric = "topic", numerator = "solved" }
aggregate = "month"
"""
SALES = (
    "create table sales (customer text, moment timestamptz, amount double precision, shop text)",
    "insert into sales select 'C' || n % 7, timestamptz '2026-10-01 00:30:00+02' + n * interval '1 hour',"
    " n * 0.1, case when n % 2 = 0 then 'Mitte' end from generate_series(1, 300) t(n)",
    "insert into sales values ('C1', '2026-10-01 12:00:00+00', -5.05, 'Mitte'), (null, '2026-10-01', 3, null),"
    " ('NA', '2026-10-01', 4, null), ('C2', null, 5, 'Mitte'), ('C2', 'infinity', 6, 'Mitte'),"
    " ('C3', '2026-10-02', 'NaN', null), ('C3', '2026-10-02', 'Infinity', null), ('C3', '2026-10-02', -99, null)",
    "create table calls (branch text, started date, topic text, solved boolean)",
    "insert into calls select case when n % 3 > 0 then 'Mitte' else 'Nord' end,"
    " date '2026-09-28' + cast(n % 9 as int), 'bill', case when n % 5 > 0 then n % 2 = 0 end"
    " from generate_series(1, 90) t(n)",
)


def check_groups(made: Path, file: Path) -> None:
    """See that sums over groups are those of the rows."""
    sums = workspace.open(file).transactions
    assert snapshot.read_manifest(made)["tables"]["transactions"]["reading"] == {
        "groups_of": 308,
        "per": ["customer_id", "shop", "day", "sign of the amount"],
    }
    amounts = sums.assign(refund=sums["amount"] < 0).groupby("refund")["amount"].sum()
    assert amounts.tolist() == pytest.approx([45150 * 0.1, -5.05], abs=1e-9)
    assert sums["n"].sum() == 301
    # n = 1 lies at half past one in Berlin, and on the day before in UTC, which reading row by row takes too
    first = sums.query("customer_id == 'C1' and amount > 0").iloc[0]
    assert first[["occurred_at", "amount", "n"]].tolist() == [pd.Timestamp("2026-09-30"), 0.1, 1]
    assert not sums.duplicated(["customer_id", "occurred_at", "shop", "amount"]).any()
    problems = workspace.open(file).problems
    assert set(zip(problems["table"], problems["column"], problems["rule"], problems["count"], strict=True)) == {
        ("transactions", "amount", "missing", 1),
        ("transactions", "customer_id", "missing", 2),
        ("transactions", "occurred_at", "missing", 1),
    }
    solved = workspace.open(file).operations.set_index(["unit", "period"])
    assert solved[["numerator", "denominator", "n"]].sum().tolist() == [36, 72, 90]


def test_groups_of_duckdb_and_postgres_have_the_same_bytes(tmp_path, cache, postgres, database):
    with duckdb.connect(tmp_path / "crm.duckdb") as connection:
        for statement in ("set timezone = 'UTC'", *SALES):
            connection.execute(statement)
    with psycopg.connect(f"{postgres}/{database}") as connection:
        for statement in ("set timezone = 'UTC'", *SALES):
            connection.execute(statement)
    made = []
    for url in ("duckdb://crm.duckdb", f"{postgres}/{database}"):
        file = company(tmp_path, url, GROUPS)
        made.append(snapshot.snapshot(file))
        check_groups(made[-1], file)
    same(*made)


PASSWORD = "p@ss/w:r d+%?#"
ROWS = "response_id text, customer_id text, responded_at timestamp, nps int, weight int, comment text"
ANSWERS = (
    f"create table answers ({ROWS})",
    "insert into answers select 'R' || n, 'C' || n, timestamp '2026-10-01' + n * interval '1 hour', 5, 1, 'fine' "
    "from generate_series(1, 100) t(n)",
)


def company(folder: Path, url: str, settings: str = '[tables.responses]\ntable = "answers"') -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "csat.toml"
    file.write_text(f'[company]\nname = "Tiny"\n[source]\nurl = "{url}"\n{settings}', encoding="utf-8")
    return file


def test_exactly_one_source(tmp_path):
    def wrong(text):
        (tmp_path / "csat.toml").write_text(text + '\n[company]\nname = "X"\n', encoding="utf-8")
        with pytest.raises(ValueError, match="problem") as caught:
            config.load(tmp_path / "csat.toml")
        assert "s3cret" not in str(caught.value)
        return str(caught.value)

    assert "source: found both of path and url; write exactly one" in wrong(
        'source = {path = "a", url = "duckdb://b"}'
    )
    assert "source: found neither of path and url" in wrong("[source]")
    assert "source: schema is for a database" in wrong('source = {path = "a", schema = "b"}')
    assert "source: url needs a scheme such as duckdb://" in wrong('source = {url = "ann:s3cret@host/crm"}')
    assert "source.ulr: unknown key (did you mean 'url'?); allowed: path, url, schema" in wrong(
        '[source]\nulr = "postgres://ann:s3cret@host/crm"'
    )
    text = wrong('[source]\nurl = "duckdb://b"\n[tables.responses]\nfile = "a.csv"')
    assert "tables.responses.file: not for this kind of source; write table instead" in text
    text = wrong('[source]\npath = "b"\n[tables.responses]\ntable = "a"')
    assert "tables.responses.table: not for this kind of source; write file instead" in text


def test_settings_do_not_hold_the_password(tmp_path, monkeypatch):
    loaded = config.load(company(tmp_path, "postgres://ann:s3cret@db.example:5432/crm?password=s3cret"))
    assert loaded.source.label == loaded.place == "postgres://db.example:5432/crm"
    assert "s3cret" not in repr(loaded) + loaded.content
    other = config.load(company(tmp_path, "postgres://ann:other@db.example:5432/crm"))
    assert other.content == loaded.content
    assert loaded.folder == tmp_path


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("duckdb://data/crm.duckdb", "duckdb://data/crm.duckdb"),
        ("postgres://a:p@ss?w@host/db", "postgres://..."),
        ("postgres://a:p#w@host/db", "postgres://host/db"),
        ("postgres://host/db?password=x&user=a@b", "postgres://..."),
        ("${DATABASE_URL}", "${DATABASE_URL}"),
        ("${A}s3cret", "..."),
    ],
)
def test_addresses_are_shown_without_secrets(url, shown):
    assert address.without_secrets(url) == shown


def test_variables_of_the_environment(monkeypatch):
    monkeypatch.setenv("CRM_PASSWORD", PASSWORD)
    monkeypatch.setenv("CRM_URL", "postgres://ann@host/crm")
    monkeypatch.setenv("OLDPWD", "/")  # a folder, though its name looks like a password's
    url = address.expand("postgres://ann:${CRM_PASSWORD}@host/crm")
    assert url == "postgres://ann:p%40ss%2Fw%3Ar%20d%2B%25%3F%23@host/crm"
    assert address.expand("${CRM_URL}") == "postgres://ann@host/crm"
    assert address.scrub(f"wrong: {PASSWORD}, {url}", url) == "wrong: ***, postgres://ann:***@host/crm"
    assert address.scrub("token is abc", "engine://host/x?access_token=abc") == "token is ***"
    monkeypatch.delenv("CRM_PASSWORD")
    with pytest.raises(ValueError, match=r"not set: CRM_PASSWORD, CRM_NIX; set them first: export CRM_PASSWORD="):
        address.expand("postgres://ann:${CRM_PASSWORD}@${CRM_NIX}/crm")


def refused(file: Path, cache: Path, error=ConnectionError) -> str:
    with pytest.raises(error) as caught:
        snapshot.snapshot(file)
    assert not cache.exists() or list(cache.iterdir()) == []
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_wrong_port(tmp_path, cache, monkeypatch):
    monkeypatch.setenv("CRM_PASSWORD", PASSWORD)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        text = refused(company(tmp_path, f"postgres://ann:${{CRM_PASSWORD}}@127.0.0.1:{port}/crm"), cache)
    assert text.startswith(f"cannot open postgres://127.0.0.1:{port}/crm: connection failed: ")
    assert "Connection refused" in text
    assert "Check that it runs and that source.url in csat.toml gives the right host, port" in text
    assert PASSWORD not in text


def test_addresses_that_cannot_be_opened(tmp_path, cache, monkeypatch):
    text = refused(company(tmp_path, "postgrs://host/crm"), cache, ValueError)
    assert "source.url: no engine 'postgrs' (did you mean 'postgres'?)" in text
    text = refused(company(tmp_path, "postgres://ann:hush/s3cret@127.0.0.1/crm"), cache, ValueError)
    assert "source.url postgres://127.0.0.1/crm is not an address; write engine://user:password@host" in text
    assert "hush" not in text
    (tmp_path / "crm.duckdb").write_text("nothing of DuckDB " * 1000)
    text = refused(company(tmp_path, "duckdb:///crn.duckdb"), cache, FileNotFoundError)
    assert f"there is no database file {tmp_path / 'crn.duckdb'} (did you mean 'crm.duckdb'?)" in text
    text = refused(company(tmp_path, "duckdb://crm.duckdb"), cache)
    assert "cannot open duckdb://crm.duckdb: " in text
    assert "not a valid DuckDB database file" in text
    assert text.endswith("Close other programs that hold the file, and check that it is complete")

    def without_driver(*args, **options):
        raise ImportError("psycopg")

    monkeypatch.setattr(ibis, "connect", without_driver)
    text = refused(company(tmp_path, "postgresql://host/crm"), cache, ImportError)
    assert (
        text
        == "postgresql://host/crm: the driver of postgres is not installed; run: pip install 'csatlib[postgres]'"
    )


def test_password_from_the_environment(tmp_path, cache, postgres, database, monkeypatch):
    quoted = PASSWORD.replace("'", "''")
    admin(postgres, "drop role if exists ann", f"create role ann login password '{quoted}'")
    admin(postgres, *ANSWERS, "grant select on answers to ann", database=database)
    file = company(tmp_path, f"{postgres.replace('csat@', 'ann:${CRM_PASSWORD}@')}/{database}")
    monkeypatch.setenv("CRM_PASSWORD", PASSWORD)
    made = snapshot.snapshot(file)
    assert snapshot.read_manifest(made)["tables"] == {"responses": {"read": 100, "rejected": 0}}
    written = b"".join(p.read_bytes() for p in [file, *made.rglob("*")] if p.is_file())
    assert PASSWORD.encode() not in written
    assert b"127.0.0.1" not in (made / "snapshot.json").read_bytes()
    shutil.rmtree(cache)
    monkeypatch.setenv("CRM_PASSWORD", "wr0ng-one")
    text = refused(file, cache)
    assert "password authentication failed" in text
    assert "wr0ng" not in text
    admin(postgres, "revoke select on answers from ann", database=database)
    monkeypatch.setenv("CRM_PASSWORD", PASSWORD)
    text = refused(file, cache)
    assert f"/{database}: table answers could not be read to its end: permission denied for table answers" in text
    admin(postgres, "alter role ann password 'a+b'", "grant create on schema public to ann", database=database)
    settings = config.load(company(tmp_path, f"{postgres.replace('csat@', 'ann:a+b@')}/{database}"))
    with (
        pytest.raises(ConnectionError, match="read-only transaction"),
        databases.open_database(settings) as connection,
    ):
        connection.con.execute("create table more (a int)")
    admin(postgres, "drop owned by ann", "drop role ann", database=database)


def test_unknown_names_in_the_database(tmp_path, cache, postgres, database):
    url = f"{postgres}/{database}"
    admin(postgres, *ANSWERS, "create table customers (customer_id text, joined date)", database=database)
    assert f"(did you mean '{database}'?)" in refused(company(tmp_path, f"{url}x"), cache)
    text = refused(company(tmp_path, url, 'schema = "pubic"'), cache, ValueError)
    assert "source.schema: " in text
    assert "has no schema 'pubic' (did you mean 'public'?); there are: information_schema, " in text
    text = refused(company(tmp_path, url, '[tables.responses]\ntable = "anwsers"'), cache, ValueError)
    assert "responses: table 'anwsers' is not there (did you mean 'answers'?); found: answers, customers" in text
    settings = '[tables.responses]\ntable = "answers"\ncolumns = { overall = "comnent" }'
    text = refused(company(tmp_path, url, settings), cache, ValueError)
    assert f"{url.replace('csat@', '')} has 2 problems:" in text
    assert "customers (table customers): required column 'joined_on' is missing (did you mean 'joined'?)" in text
    wrong = "column 'comnent', which csat.toml maps to overall, is not there (did you mean 'comment'?)"
    assert f"responses (table answers): {wrong}" in text
    admin(postgres, "drop table customers", database=database)
    text = refused(company(tmp_path, url, ""), cache, ValueError)
    assert (
        "no table found; expected names such as responses, or [tables.responses] table = ...; found: answers"
        in text
    )


def backends(url: str, database: str) -> int:
    return admin(url, f"select count(*) from pg_stat_activity where datname = '{database}'")[0][0]


def test_connection_that_dies_half_way(tmp_path, cache, postgres, database, monkeypatch):
    admin(postgres, *ANSWERS, database=database)
    file, read, batches = company(tmp_path, f"{postgres}/{database}"), [], sources._batches

    def dying(reader, failed):
        for batch in batches(reader, failed):
            read.append(len(batch))
            yield batch
            admin(postgres, f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'")

    monkeypatch.setattr(sources, "_ROWS", 10)
    monkeypatch.setattr(sources, "_batches", dying)
    text = refused(file, cache)
    assert read == [10]
    assert text.startswith(
        f"{postgres.replace('csat@', '')}/{database}: table answers could not be read to its end: "
    )
    assert "terminating connection due to administrator command" in text
    assert text.endswith("Nothing half-read was kept: run again; if it stays, ask who runs the database")
    assert backends(postgres, database) == 0
    monkeypatch.undo()
    monkeypatch.setenv("CSAT_CACHE", str(cache))
    assert len(workspace.open(file).responses) == 100


def test_connection_that_dies_between_tables(tmp_path, cache, postgres, database, monkeypatch):
    admin(postgres, *ANSWERS, database=database)

    def dead(connection, settings):
        connection.con.close()
        return sources.list_tables(connection, settings)

    monkeypatch.setattr(snapshot, "find_tables", dead)
    text = refused(company(tmp_path, f"{postgres}/{database}"), cache)
    assert f"/{database}: the list of tables could not be read to its end: the connection is closed" in text


def test_all_tables_as_of_one_moment(tmp_path, cache, postgres, database, monkeypatch):
    admin(postgres, *ANSWERS, "create table customers (customer_id text, joined_on date)", database=database)
    url, extract = f"{postgres}/{database}", sources.extract

    def meanwhile(*args):
        extract(*args)
        admin(
            postgres,
            "insert into answers (response_id, responded_at) values ('R999', '2026-10-01')",
            database=database,
        )

    monkeypatch.setattr(snapshot, "extract", meanwhile)
    made = snapshot.snapshot(company(tmp_path, url))
    assert snapshot.read_manifest(made)["tables"]["responses"]["read"] == 100
    assert admin(postgres, "select count(*) from answers", database=database) == [(102,)]


def test_database_is_read_anew_and_pinned(tmp_path, cache, postgres, database, monkeypatch):
    admin(postgres, *ANSWERS, database=database)
    file = company(tmp_path, f"{postgres}/{database}")
    made = snapshot.snapshot(file)
    admin(postgres, "update answers set response_id = response_id", database=database)  # another order of rows
    assert snapshot.snapshot(file) == made
    admin(postgres, "update answers set nps = 6 where response_id = 'R1'", database=database)
    other = snapshot.snapshot(file)
    assert other != made
    assert sorted(p.name for p in cache.iterdir()) == sorted([made.name, other.name])
    monkeypatch.setenv("CSAT_SNAPSHOT", str(made))
    monkeypatch.setattr(snapshot, "open_database", None)
    assert set(workspace.open(file).responses["nps"]) == {5}


def test_types_of_postgres(tmp_path, cache, postgres, database):
    admin(
        postgres,
        "create schema crm",
        "create type mood as enum ('calm', 'angry')",
        'create table crm.raw ("Response ID" numeric, responded_at timestamptz, started_at date, weight numeric,'
        " mood mood, token uuid, details jsonb, photo bytea, score real, plan char(8), vip boolean,"
        " until timestamp, tags text[])",
        "insert into crm.raw values (12345678901234567890, '2026-10-01 01:00+02', '2026-09-30', 1.25, 'angry',"
        " '6f2c2f0e-7b4b-4a39-8d1c-0d5a9a0b8f11', '{\"a\": 1}', '\\x00ff', 0.1, 'Max', true, 'infinity', '{x,y}'),"
        " (7, '2026-10-02', '-infinity', 'NaN', null, null, null, null, null, null, null, '2026-10-02', null)",
        'create materialized view crm."Answers" as select * from crm.raw',
        database=database,
    )
    settings = 'schema = "crm"\n[tables.responses]\ntable = "Answers"\ncolumns = { response_id = "Response ID" }'
    ws = workspace.open(company(tmp_path, f"{postgres}/{database}", settings))
    assert ws.counts[["read", "rejected"]].values.tolist() == [[2, 0]]
    first, second = ws.responses.drop(columns=["replicate", "period"]).to_dict("records")
    assert first == {
        "response_id": "12345678901234567890",
        "responded_at": pd.Timestamp("2026-09-30 23:00"),
        "started_at": pd.Timestamp("2026-09-30"),
        "weight": 1.25,
        "mood": "angry",
        "token": "6f2c2f0e-7b4b-4a39-8d1c-0d5a9a0b8f11",
        "details": '{"a": 1}',
        "score": 0.1,
        "plan": "Max",
        "vip": 1.0,
        "until": pd.NaT,
        "tags": "{x,y}",
    }
    assert second["response_id"] == "7"
    assert second["until"] == pd.Timestamp("2026-10-02")
    assert pd.isna([second["weight"], second["started_at"], second["mood"]]).all()


def test_duckdb_file_is_only_read(tmp_path, cache):
    (tmp_path / "data").mkdir()
    with duckdb.connect(tmp_path / "data" / "crm.duckdb") as connection:
        for statement in ("create schema own", *ANSWERS, 'create view own."Responses" as select * from answers'):
            connection.execute(statement)
        connection.execute("insert into answers values ('R1', 'C1', 'infinity', 11, 1, '=1')")
    before = (tmp_path / "data" / "crm.duckdb").read_bytes()
    for url in ("duckdb://data/crm.duckdb", f"duckdb://{tmp_path}/data/crm.duckdb", "duckdb:///data/crm.duckdb"):
        ws = workspace.open(company(tmp_path, url, 'schema = "own"'))
        assert ws.counts[["table", "read", "rejected"]].values.tolist() == [["responses", 101, 1]]
        assert ws.problems[["column", "rule", "rows"]].values.tolist() == [
            ["nps", "not between 0 and 10", "2"],
            ["responded_at", "missing", "2"],
        ]
        with pytest.raises(AttributeError, match=r"name its table of duckdb://.*: \[tables.customers\] table = "):
            ws.customers  # noqa: B018
    with (
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
        databases.open_database(config.load(tmp_path / "csat.toml")) as connection,
    ):
        connection.raw_sql("create table own.more (a int)")
    assert (tmp_path / "data" / "crm.duckdb").read_bytes() == before
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == ["crm.duckdb"]


def test_options_of_duckdb_stand_in_the_address(tmp_path):
    duckdb.connect(tmp_path / "crm.duckdb").close()
    url = f"duckdb://crm.duckdb?memory_limit=100MB&temp_directory={tmp_path}/spill"
    asked = "select current_setting('memory_limit'), current_setting('temp_directory')"
    settings, places = config.load(company(tmp_path, url)), set()
    for _ in range(2):
        with databases.open_database(settings) as connection:
            memory, place = connection.raw_sql(asked).fetchone()
        assert memory == "95.3 MiB"
        assert Path(place).parent == tmp_path / "spill"
        places.add(place)
    assert len(places) == 2


def test_two_at_a_time_spill_into_folders_of_their_own(cache):
    """With one folder they read each other's rows: an error, or a wrong sum."""
    made = [snapshot.connect(memory_limit="40MB", threads="1") for _ in range(2)]
    rows = "select hash(i, {k}) % 1000 as x from range(2500000) t(i)"
    for k, connection in enumerate(made):
        connection.raw_sql(f"create temp table own as {rows.format(k=k)} order by hash(i)")
    assert len(list(cache.glob(".spill-*"))) == 2
    for k, connection in enumerate(made):
        expected = duckdb.sql(f"select sum(x) from ({rows.format(k=k)})").fetchone()
        assert connection.raw_sql("select sum(x) from own").fetchone() == expected
        connection.disconnect()
    assert not list(cache.glob(".spill-*"))


def test_duckdb_file_that_another_program_holds(tmp_path, cache):
    code = "import duckdb, sys; c = duckdb.connect('crm.duckdb'); print(flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, **pipes) as other:
        other.stdout.readline()
        text = refused(company(tmp_path, "duckdb://crm.duckdb"), cache)
        other.stdin.close()
    assert text.startswith("cannot open duckdb://crm.duckdb: ")
    assert "lock" in text


def test_rows_without_a_key_have_one_order(tmp_path, cache):
    rows = [f"('C1', '2026-10-01'::timestamp, {amount})" for amount in (3, 1, 2)]
    fingerprints = set()
    for turn in (rows, rows[::-1]):
        with duckdb.connect(tmp_path / "crm.duckdb") as connection:
            columns = "t(customer_id, occurred_at, amount)"
            connection.execute(
                f"create or replace table transactions as select * from (values {', '.join(turn)}) {columns}"
            )
        ws = workspace.open(company(tmp_path, "duckdb://crm.duckdb", ""))
        assert ws.transactions["amount"].tolist() == [1, 2, 3]
        fingerprints.add(ws.snapshot.name)
    assert len(fingerprints) == 1
    lines = "".join(f"C1,2026-10-01,{amount}\n" for amount in (2, 3, 1))
    folder = snapshot.snapshot(
        write_company(tmp_path, transactions="customer_id,occurred_at,amount\n" + lines, scale="")
    )
    assert (folder / "transactions.parquet").read_bytes() == (ws.snapshot / "transactions.parquet").read_bytes()


def test_two_tables_of_one_name(tmp_path, cache, postgres, database):
    admin(postgres, 'create table "Responses" (a int)', 'create table "RESPONSES" (a int)', database=database)
    text = refused(company(tmp_path, f"{postgres}/{database}", ""), cache, ValueError)
    assert "responses: both RESPONSES and Responses are there; name one: [tables.responses] table = ..." in text
