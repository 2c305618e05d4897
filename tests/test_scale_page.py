"""docs/from-laptop-to-warehouse.md is tried: its SQL, its settings and its Python."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from test_house import code_of, unknown_commands

from csatlib.tables import workspace
from csatlib.tables.reading import sources

# ibis 12 still calls the old name of a DuckDB method to list tables; nothing of ours can choose the new one
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning:ibis.backends.duckdb")

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "from-laptop-to-warehouse.md").read_text(encoding="utf-8")


def block(kind: str, number: int = 0) -> str:
    return re.findall(rf"^```{kind}\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)[number]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder as the page has it, with answers and sales."""
    monkeypatch.setenv("CSAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for folder in ("data", "sales"):
        (tmp_path / folder).mkdir()
    (tmp_path / "data" / "responses.csv").write_text("response_id,responded_at\nR1,2025-10-03\n")
    lines = (
        "select 'C1' as customer_id, timestamp '2025-10-03 10:00' + to_days(i * 7) as occurred_at, 2.5 as amount"
    )
    duckdb.sql(f"copy ({lines} from range(3) t(i)) to '{tmp_path}/sales/a.parquet' (format parquet)")
    return tmp_path


def here(text: str, project: Path) -> str:
    return text.replace("/srv", str(project))


def test_database_file_is_made_and_read_as_the_page_says(project):
    (project / "crm.sql").write_text(here(block("sql"), project))
    command = shlex.split(next(line for line in PAGE.splitlines() if line.startswith(".venv/bin/python")))
    subprocess.run([sys.executable, *command[1:]], cwd=project, check=True)
    (project / "csat.toml").write_text('[company]\nname = "Tiny"\n' + here(block("toml"), project))
    ws = workspace.open()
    assert ws.counts[["table", "read"]].values.tolist() == [["responses", 1], ["transactions", 3]]
    assert "memory_limit=2GB" in ws.settings.source.url


def test_lines_of_a_file_are_summed_up_as_the_page_says(project):
    names = {}
    exec(here(block("python"), project), names)
    assert names["customers"][["frequency", "recency", "spend_minor"]].values.tolist() == [[2, 14, 500]]


def test_what_the_page_says_of_limits_and_commands():
    assert f"more than {sources.MAX_ROWS:,} rows" in PAGE
    assert f"DuckDB with {sources.MEMORY.replace('MB', ' MB')}" in PAGE
    assert not list(unknown_commands(code_of(PAGE)))
