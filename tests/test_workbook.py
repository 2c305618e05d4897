import io
import json
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import openpyxl
import pandas as pd
import pytest
from nbformat import v4

from csatlib import disclosure, exhibit, theme
from csatlib.publish import html, workbook

ROOT = Path(__file__).parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS = [path for path in PATHS if '"lesson": true' not in path.read_text(encoding="utf-8")]  # no report
RUN = {"company": "A & B", "period": "2026-10", "segment": "region: North"}
SMALL = {"label": ["=HYPERLINK(0)", "Care", "Looks"], "group": ["N", "S", "W"]}
SMALL |= {"estimate": [-1 / 3, 1234.5, 9.0], "ci_low": [-0.5, 1.0, 8.0], "ci_high": [-0.1, 2.0, 10.0]}
SMALL |= {"n": [120, 9, 15], "n_eff": [28.4, 9.0, 15.0], "d_z": [0.1, 7.77, 0.3], "secret": [1, 777, 3]}


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(theme, "display", lambda data, metadata=None, raw=False: outputs.append((data, metadata)))
    theme.use()
    return outputs


@pytest.fixture
def book(shown):
    """A notebook with a table of counts, a table of estimates and a figure."""
    result = pd.DataFrame(SMALL)
    counts = pd.DataFrame({"table": ["responses"], "read": [1_234_567]})
    theme.table(counts, caption="Rows", rows={"table": "Table", "read": "Rows in the source"})
    theme.table(result, caption="+Gap by region", rows={"label": "Statement"}, note="A note.", decimals=1)
    ax = theme.keep(plt.figure(figsize=(2, 1)).subplots(), result)
    theme.show(ax, title="It fell.", caption="Gap", alt="a", reading="Left is worse.")
    theme.answer("Yes.", evidence="e", action="a")
    outputs = [v4.new_output("display_data", data=data, metadata=about or {}) for data, about in shown]
    return v4.new_notebook(cells=[v4.new_markdown_cell("# Is it good?"), v4.new_code_cell("x", outputs=outputs)])


@pytest.fixture
def written(book, tmp_path):
    assert workbook.write(book, tmp_path / "x.xlsx", run=RUN)
    return openpyxl.load_workbook(tmp_path / "x.xlsx")


def values(sheet):
    return [[value for value in row if value is not None] for row in sheet.iter_rows(values_only=True)]


def test_contents_name_question_answer_period_and_link_by_number(written):
    assert written.sheetnames == ["Contents", "Table 1", "Table 2", "Figure 1"]
    contents = written["Contents"]
    assert values(contents)[:4] == [["Is it good?"], ["A & B · 2026-10 · region: North"], [], ["Yes."]]
    links = {cell.value: cell.hyperlink.location or cell.hyperlink.target for (cell, *_) in contents["A7:B9"]}
    assert {name: link.lstrip("#") for name, link in links.items()} == {
        name: f"'{name}'!A1" for name in written.sheetnames[1:]
    }
    assert [row[1:] for row in values(contents)[6:9]] == [["Rows", 1], ["+Gap by region", 3], ["Gap", 3]]


def test_numbers_are_numbers_with_formats(written):
    sheet = written["Table 2"]
    assert [cell.value for cell in sheet[5]] == [
        "Statement",
        "Estimate",
        "95 % interval from",
        "95 % interval to",
        "n",
        "Effective n",
        "Remark",
    ]
    row = sheet[6]
    assert [cell.value for cell in row[1:5]] == [-0.333333, -0.5, -0.1, 120]
    assert [cell.number_format for cell in (row[1], row[4])] == ["#,##0.0", "#,##0"]
    assert sheet.freeze_panes == "A6"
    assert sheet.auto_filter.ref == "A5:G8"
    counts = written["Table 1"]
    assert counts["B5"].value == 1_234_567


def test_numbers_are_those_of_the_page_and_small_bases_stay_hidden(written, book):
    for name in ("Table 2", "Figure 1"):
        rows = values(written[name])[-3:]
        assert rows[0][-1] == "indicative: fewer than 30 effective answers"
        assert rows[1:] == [[*row[:-1], "not shown: fewer than 10 answers"] for row in rows[1:]]
        assert all(isinstance(value, str) for row in rows[1:] for value in row)
    everything = str([values(sheet) for sheet in written])
    assert not [number for number in ("1234.5", "7.77", "777") if number in everything]
    record = next(o.data[exhibit.MIME] for o in book.cells[1].outputs if "image/png" in o.data)
    assert "777" not in json.dumps(record)


def test_nothing_becomes_a_formula(written, tmp_path):
    cell = written["Table 2"]["A6"]
    assert (cell.value, cell.data_type, cell.quotePrefix) == ("=HYPERLINK(0)", "s", True)
    assert written["Contents"]["B8"].data_type == "s"
    with zipfile.ZipFile(tmp_path / "x.xlsx") as archive:
        sheets = [archive.read(name) for name in archive.namelist() if "worksheets/" in name]
    assert not [sheet for sheet in sheets if b"<f>" in sheet or b"<f " in sheet]


def test_a_control_character_does_not_stop_the_report(book, tmp_path):
    output = next(o for o in book.cells[1].outputs if "Rows in the source" in str(o.data.get(exhibit.MIME)))
    output.data[exhibit.MIME]["rows"] = ["bad\x01name,5"]
    assert workbook.write(book, tmp_path / "x.xlsx", run=RUN)
    assert openpyxl.load_workbook(tmp_path / "x.xlsx")["Table 1"]["A5"].value == "bad\N{REPLACEMENT CHARACTER}name"


def test_the_same_notebook_gives_the_same_bytes(book, tmp_path, monkeypatch):
    import datetime

    from openpyxl.packaging import core

    workbook.write(book, tmp_path / "a.xlsx", run=RUN)

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2030, 1, 1, tzinfo=tz)

    monkeypatch.setattr(core.datetime, "datetime", Later)
    monkeypatch.setattr("time.time", lambda: 1_900_000_000.0)
    workbook.write(book, tmp_path / "b.xlsx", run=RUN)
    first, second = (tmp_path / "a.xlsx").read_bytes(), (tmp_path / "b.xlsx").read_bytes()
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_notebook_without_tables_has_no_workbook(tmp_path):
    book = v4.new_notebook(cells=[v4.new_markdown_cell("# Q?")])
    assert not workbook.write(book, tmp_path / "x.xlsx", run={})
    assert not (tmp_path / "x.xlsx").exists()


def test_the_page_links_its_workbook(book):
    page = html.page(book, run={}, workbook="10_x.xlsx")
    assert '<a href="10_x.xlsx" download>Numbers (XLSX)</a>' in page
    assert ".xlsx" not in html.page(book, run={})
    assert exhibit.MIME not in page
    assert "How to read it</i> Left is worse." in page


def test_text_and_numbers_survive_the_record():
    frame = pd.DataFrame({"label": ['a "b", c\nd', "2026"], "estimate": [1e-7, float("inf")], "n": [50, 50]})
    rows = exhibit.values(exhibit.record(frame))
    assert rows == [['a "b", c d', 1e-07, 50], ["2026", None, 50]]


def test_columns_of_text_tell_rows_apart():
    frame = pd.DataFrame({"item": ["q1", "q2"], "label": ["A", "B"], "level": "item", "estimate": 1.0, "n": 50})
    assert exhibit.record(frame)["columns"][:2] == ["Item or dimension", "Estimate"]
    assert exhibit.record(frame, rows={"item": "Code"})["columns"][0] == "Code"


def test_what_is_protected_is_what_the_page_hides():
    assert set(exhibit.FIGURES) <= set(disclosure.NUMBERS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_table_and_figure_of_the_notebooks_has_its_numbers(path, tmp_path):
    book = nbformat.read(path, as_version=4)
    outputs = [output.get("data", {}) for cell in book.cells for output in cell.get("outputs", ())]
    bare = [data["text/plain"][:60] for data in outputs if "image/png" in data and exhibit.MIME not in data]
    bare += [
        data["text/plain"][:60]
        for data in outputs
        if "<table" in data.get("text/html", "") and exhibit.MIME not in data
    ]
    assert not bare, f"no numbers behind: {bare}; a plot function ends with theme.keep(ax, result)"
    labels = [record["label"] for record in workbook.exhibits(book)]
    assert len(set(labels)) == len(labels)
    assert workbook.write(book, tmp_path / "x.xlsx", run=RUN)
    assert (tmp_path / "x.xlsx").stat().st_size < 150_000
