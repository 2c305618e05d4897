"""docs/broken-inputs.md says what is really said, and nothing half-written remains."""

import re
from pathlib import Path

import broken_inputs
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "broken-inputs.md").read_text(encoding="utf-8")

# ibis 12 still calls the old name of a DuckDB method to list tables; nothing of ours can choose the new one
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning:ibis.backends.duckdb")


def test_the_page_is_what_is_said():
    # compared by line, so that a failure shows the case; `python -m tools.broken_inputs` writes the page
    assert broken_inputs.page().splitlines() == PAGE.splitlines()


def test_thirty_cases_at_least_and_each_has_a_message():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 50
    assert all(len(re.split(r"(?<!\\)\|", line)) == 5 for line in rows)
    assert len({line.split(" | ")[0] for line in rows}) == len(rows)


@pytest.mark.parametrize(("what", "message", "kept", "file", "name"), broken_inputs.ELSEWHERE)
def test_what_is_tried_elsewhere_is_asserted_there(what, message, kept, file, name):
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    body = text.split(f"def {name}(")[1].split("\ndef ")[0]
    assert message in body


def test_something_left_behind_would_be_seen(tmp_path, monkeypatch):
    def leave(config):
        Path(broken_inputs.os.environ["CSAT_CACHE"]).mkdir()
        Path(broken_inputs.os.environ["CSAT_CACHE"], "half.parquet").touch()
        raise ValueError("broken")

    monkeypatch.setattr(broken_inputs.workspace, "open", leave)
    with pytest.raises(AssertionError, match=r"half\.parquet"):
        broken_inputs.attempt(lambda folder: folder)
