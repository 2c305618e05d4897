"""Spark as a source: a local session over Parquet files; skipped where pyspark or Java is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from test_sources import GROUPS, ROOT, SALES, company, same, sample_config, typed_sample

from csatlib.tables import snapshot, workspace

pytestmark = [
    pytest.mark.long,
    # ibis 12 still calls the old name of a DuckDB method to list tables
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning:ibis.backends.duckdb"),
    # pyspark leaves the socket through which rows came to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

OPENS = """
import signal, sys
from csatlib.tables.config import load
from csatlib.tables.reading.databases import open_database

with open_database(load(sys.argv[1])):
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


@pytest.fixture(scope="module")
def session():
    """A local session in the time zone of Shanghai, which must not shift anything."""
    sql = pytest.importorskip("pyspark.sql", reason="no Spark here: pip install 'csatlib[spark]'")
    if shutil.which("java") is None:
        pytest.skip("no Java here: install Debian's package openjdk-17-jre-headless")
    options = {
        "spark.master": "local[2]",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "Asia/Shanghai",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    started = sql.SparkSession.builder.config(map=options).getOrCreate()
    started.sparkContext.setLogLevel("OFF")
    yield started
    started.stop()


@pytest.fixture
def spark(session):
    """The session, without tables."""
    yield session
    for table in session.catalog.listTables():
        session.catalog.dropTempView(table.name)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("CSAT_CACHE", str(folder))
    return folder


def show(spark, name: str, file: Path, select: str) -> None:
    """Register the result of a query as a table of the session."""
    duckdb.sql(f"copy ({select}) to '{file}' (format parquet)")
    spark.read.parquet(str(file)).createOrReplaceTempView(name)


def test_groups_of_spark_have_the_bytes_of_duckdb(tmp_path, spark, cache):
    with duckdb.connect(tmp_path / "crm.duckdb") as connection:
        for statement in ("set timezone = 'UTC'", *SALES):
            connection.execute(statement)
        for name in ("sales", "calls"):
            # Spark has no infinite time
            query = f"select * from {name}" + (
                " where moment is null or isfinite(moment)" if name == "sales" else ""
            )
            connection.execute(f"copy ({query}) to '{tmp_path}/{name}.parquet' (format parquet)")
            spark.read.parquet(f"{tmp_path}/{name}.parquet").createOrReplaceTempView(name)
        connection.execute("delete from sales where not isfinite(moment)")
    made = [snapshot.snapshot(company(tmp_path, url, GROUPS)) for url in ("duckdb://crm.duckdb", "pyspark://")]
    same(*made)
    assert snapshot.read_manifest(made[1])["tables"]["transactions"]["reading"]["groups_of"] == 307


def test_made_columns_and_types(tmp_path, spark, cache):
    zoned = "timestamptz '2026-10-03 00:30:00+02' as responded_at, 9007199254740993 as big, null::bigint as gone"
    query = f"select 'R1' as response_id, 7 as nps, 0.1::float as score, [1, 2] as tags, {zoned}"
    show(
        spark, "responses", tmp_path / "responses.parquet", query + " union all by name select 'R2' as response_id"
    )
    ws = workspace.open(company(tmp_path, "pyspark://", '[tables.responses]\nconstant = { survey = "pulse" }'))
    assert ws.problems[["column", "rule", "rows"]].values.tolist() == [["responded_at", "missing", "2"]]
    row = ws.responses.iloc[0]
    assert row[["survey", "nps", "score"]].tolist() == ["pulse", 7, 0.1]
    assert str(row["responded_at"]) == "2026-10-02 22:30:00"
    raw = duckdb.sql(f"select big from '{tmp_path}/responses.parquet'").fetchall()
    assert raw[0][0] == 2**53 + 1


def test_what_spark_does_not_know(tmp_path, spark, cache):
    show(spark, "answers", tmp_path / "answers.parquet", "select 'R1' as response_id")
    settings = '[tables.responses]\ntable = "anwsers"'
    with pytest.raises(ValueError, match=r"table 'anwsers' is not there \(did you mean 'answers'\?\)"):
        snapshot.snapshot(company(tmp_path, "pyspark://", settings))
    with pytest.raises(ValueError, match="has no schema 'defualt' \\(did you mean 'default'"):
        snapshot.snapshot(company(tmp_path, "pyspark://", 'schema = "defualt"'))


def test_spark_gives_the_bytes_of_the_folder(tmp_path, spark, cache):
    for name, (file, types) in typed_sample().items():
        listed = ", ".join(f'"{c}"::{t} as "{c}"' for c, t in types.items())
        query = f"select {listed} from read_csv('{file}', all_varchar = true) t order by hash(t)"
        show(spark, name.upper(), tmp_path / f"{name}.parquet", query)
    made = snapshot.snapshot(sample_config(tmp_path / "co", "pyspark://"))
    same(made, snapshot.snapshot(ROOT / "csat.toml"))
    assert spark.sql("select 1").count() == 1


def test_ctrl_c_is_given_back_when_spark_has_ended(tmp_path, session):
    url = "pyspark://?spark.master=local[1]&spark.driver.host=127.0.0.1&spark.driver.bindAddress=127.0.0.1"
    command = [sys.executable, "-c", OPENS, company(tmp_path, url, GROUPS)]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    found = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"], "Spark takes it as long as it runs"
