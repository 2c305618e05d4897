"""The first lesson: what its page shows is what its own sixty rows give by hand."""

import ast
import json
import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "00_start_here.ipynb"


@pytest.fixture(scope="module")
def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def shown(cell, mime):
    return "".join("".join(output.get("data", {}).get(mime, "")) for output in cell["outputs"])


def code(cells, start):
    (found,) = [cell for cell in cells if start in "".join(cell["source"])]
    return found


def rated(cells):
    source = "".join(code(cells, "rated = {")["source"])
    (given,) = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Dict)]
    return {column: [int(digit) for digit in digits] for column, digits in ast.literal_eval(given).items()}


def test_gaps_are_those_of_the_rows_shown(cells):
    rows = rated(cells)
    mean = {column: sum(values) / len(values) for column, values in rows.items()}
    speed = (mean["p1"] - mean["e1"] + mean["p2"] - mean["e2"]) / 2
    care = (mean["p3"] - mean["e3"] + mean["p4"] - mean["e4"]) / 2
    table = shown(code(cells, "gaps = servqual.gaps(answers"), "text/plain").replace("\N{MINUS SIGN}", "-")
    assert re.findall(r"(Speed|Care) +(-?[\d.]+) \[", table) == [
        ("Speed", f"{speed:.2f}"),
        ("Care", f"{care:.2f}"),
    ]


def test_draft_names_every_column(cells):
    draft = shown(code(cells, "draft.init"), "text/markdown")
    assert not [column for column in [*rated(cells), "ResponseId", "EndDate"] if f'"{column}"' not in draft]
