"""The monthly run with Spark as its source: every finding is the one that DuckDB leads to."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from test_sources import ROOT, sample_config, typed_sample

from csatlib import findings
from csatlib.publish import manifest

SAID = ["metric", "group", "unit", "estimate", "ci_low", "ci_high", "n", "n_eff", "target", "lcl", "ucl"]
WRITE = """
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from pyspark.sql import SparkSession

builder = SparkSession.builder
for name, value in parse_qsl(urlsplit(sys.argv[1]).query):
    builder = builder.config(name, value)
session = builder.getOrCreate()
for file in sorted(Path(sys.argv[2]).glob("*.parquet")):
    session.read.parquet(str(file)).write.saveAsTable(file.stem)
session.stop()
"""


@pytest.fixture
def catalogue(tmp_path):
    """Address of a Spark catalogue on disk that holds the sample company's tables, rows shuffled."""
    pytest.importorskip("pyspark.sql", reason="no Spark here: pip install 'csatlib[spark]'")
    if shutil.which("java") is None:
        pytest.skip("no Java here: install Debian's package openjdk-17-jre-headless")
    options = {
        "spark.master": "local[2]",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": f"{tmp_path}/warehouse",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={tmp_path}/store;create=true",
    }
    url = "pyspark://?" + "&".join(f"{name}={value}" for name, value in options.items())
    (tmp_path / "rows").mkdir()
    for name, (file, types) in typed_sample().items():
        listed = ", ".join(f'"{c}"::{t} as "{c}"' for c, t in types.items())
        query = f"select {listed} from read_csv('{file}', all_varchar = true) t order by hash(t)"
        duckdb.sql(f"copy ({query}) to '{tmp_path}/rows/{name}.parquet' (format parquet)")
    subprocess.run(
        [sys.executable, "-c", WRITE, url, tmp_path / "rows"], cwd=tmp_path, check=True, capture_output=True
    )
    return url


def published(config: Path, out: Path) -> dict[str, list[dict]]:
    """Run every notebook of the project on a company; notebook -> what it found."""
    command = [sys.executable, "-m", "csatlib", "run", "--config", config, "--out", out, "--language", "en"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    env = os.environ | {"JAVA_TOOL_OPTIONS": f"-Dderby.stream.error.file={out.parent}/derby.log"}
    assert subprocess.run(command, cwd=ROOT, env=env, **quiet).returncode == 0
    entries = manifest.latest(out)
    assert {entry["status"] for entry in entries.values()} == {"done"}
    return {name: findings.read(out / f"{name}.ipynb") for name in entries}


@pytest.mark.long
def test_findings_of_the_sample_company_are_those_of_duckdb(tmp_path, catalogue):
    spark = published(sample_config(tmp_path / "spark", catalogue), tmp_path / "spark" / "reports")
    files = published(ROOT / "csat.toml", tmp_path / "files")
    assert spark.keys() == files.keys()
    assert sum(map(len, files.values())) > 50
    for name, found in files.items():
        pd.testing.assert_frame_equal(found[SAID], spark[name][SAID], check_exact=True)  # six digits are recorded
