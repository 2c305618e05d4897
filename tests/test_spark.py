"""Spark as a source: a local session over Parquet files; skipped where pyspark or Java is missing."""

import shutil
from pathlib import Path

import duckdb
import pytest
from test_sources import ROOT, same, sample_config, typed_sample

from csatlib.tables import snapshot

pytestmark = [
    pytest.mark.long,
    # pyspark leaves the socket through which rows came to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture(scope="module")
def spark():
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
    session = sql.SparkSession.builder.config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("CSAT_CACHE", str(folder))
    return folder


def show(spark, name: str, file: Path, select: str) -> None:
    """Register the result of a query as a table of the session."""
    duckdb.sql(f"copy ({select}) to '{file}' (format parquet)")
    spark.read.parquet(str(file)).createOrReplaceTempView(name)


def test_spark_gives_the_bytes_of_the_folder(tmp_path, spark, cache):
    for name, (file, types) in typed_sample().items():
        listed = ", ".join(f'"{c}"::{t} as "{c}"' for c, t in types.items())
        query = f"select {listed} from read_csv('{file}', all_varchar = true) t order by hash(t)"
        show(spark, name.upper(), tmp_path / f"{name}.parquet", query)
    made = snapshot.snapshot(sample_config(tmp_path / "co", "pyspark://"))
    same(made, snapshot.snapshot(ROOT / "csat.toml"))
    assert spark.sql("select 1").count() == 1
