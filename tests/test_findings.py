import json

import nbformat
import pytest

from csatlib import findings, theme

ROW = {"group": "North", "estimate": -1.23456789, "ci_low": -1.5, "ci_high": -1.0, "n": 80, "n_eff": 71.5}


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(findings, "display", lambda data, raw=False: outputs.append(data))
    theme.use()
    return outputs


def note(row=ROW, **changes):
    words = {"period": "2026-10", "unit": "points of 7", "statement": "North <falls>.", "action": "Mend it."}
    findings.record("servqual.gap", row, **(words | changes))


def executed(tmp_path, outputs):
    cell = nbformat.v4.new_code_cell(
        "x", outputs=[nbformat.v4.new_output("display_data", data=d) for d in outputs]
    )
    path = tmp_path / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_what_is_recorded_is_read_back(tmp_path, shown):
    note()
    json.dumps(shown[0])
    table = findings.read(executed(tmp_path, shown))
    row = table.iloc[0]
    assert row["estimate"] == -1.23457
    assert row[["metric", "group", "n", "n_eff", "action"]].tolist() == [
        "servqual.gap",
        "North",
        80,
        71.5,
        "Mend it.",
    ]
    assert list(table.columns) == list(findings.COLUMNS)


def test_the_line_shown_is_escaped(shown):
    note()
    assert shown[0]["text/html"] == '<p class="csat-finding">North &lt;falls&gt;. Mend it.</p>'


def test_a_small_base_is_recorded_without_numbers(tmp_path, shown):
    note(ROW | {"n": 9})
    assert "1.23" not in json.dumps(shown[0])
    assert findings.read(executed(tmp_path, shown))[["estimate", "n"]].isna().all(axis=None)


def test_errors_name_what_is_missing():
    with pytest.raises(ValueError, match="row lacks ci_low, n"):
        note({"estimate": 1, "ci_high": 2})
    with pytest.raises(ValueError, match="allowed are 'higher_is_better'"):
        note(direction="up")


def test_a_notebook_without_findings_is_an_empty_table(tmp_path):
    assert findings.read(executed(tmp_path, [{"text/plain": "1"}])).empty
