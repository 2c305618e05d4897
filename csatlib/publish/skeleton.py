"""What `csat new` writes: a notebook of the house's shape and a test that fails until it is filled."""

import json
import keyword
import re
from pathlib import Path

QUESTION = """# QUESTION: what does this notebook answer?"""
IMPORTS = """from csatlib import theme
from csatlib.tables import workspace
from csatlib.words import say"""
PARAMETERS = """config = "csat.toml"  # settings file, found in this folder or above
period = "2026-10"  # month, quarter (2026-Q3) or year
by = "region"  # column that forms the segments
where = {}  # limit to some rows, for example {"plan": "Max"}"""
DATA = """ws = workspace.open(config, period=period, where=where)
theme.use(min_base=ws.min_base, min_rank=ws.min_rank, language=ws.language)
theme.table(
    ws.counts.query("table == 'responses'"),
    caption=say("Answers, {period}", period=period),
    rows={
        "table": say("Table"),
        "read": say("Rows in the source"),
        "used": say("In this period"),
        "rejected": say("Rejected"),
    },
)"""
SECTIONS = (
    ("Data", "Which rows the answer rests on, and from when.", DATA),
    ("Check", "What could make the data misleading, and whether it does.", None),
    ("Measure", "The figures, each with its interval and its number of answers.", None),
    ("Explain", "What moves together with the figures; associations, not causes.", None),
    ("What this does not show", "What a reader might conclude but should not.", None),
    ("What to do", "Who does what by when; record it with `findings.record(...)`.", None),
)
TEST = '''"""csatlib.{topic}: replace the failing test with cases done by hand and a published value."""

import pytest


def test_by_hand():
    pytest.fail("csatlib.{topic} has no test yet: write a case small enough to do by hand")
'''


def create(project: Path, name: str) -> tuple[Path, Path]:
    """Write notebook and test of a new analysis.

    Parameters
    ----------
    project : Path
        The folder of csat.toml.
    name : str
        Number and topic, for example ``21_wait_times``.

    Returns
    -------
    tuple of Path
        The notebook and the test.

    Raises
    ------
    ValueError
        The name is not of that form.
    FileExistsError
        One of the files, or a notebook of the topic, is there already; nothing is written.
    """
    topic = name[3:]
    if not re.fullmatch(r"[0-9]{2}_[a-z][a-z0-9_]*", name) or keyword.iskeyword(topic):
        near = re.sub(r"[^a-z0-9_]+", "_", name.removesuffix(".ipynb").lower()).strip("_")
        near = near if re.fullmatch(r"[0-9]{2}_[a-z][a-z0-9_]*", near) and near != name else "21_wait_times"
        raise ValueError(
            f"{name!r} is not a notebook name: two digits, underscore, topic in lower case, like {near}"
        )
    notebook, test = project / "notebooks" / f"{name}.ipynb", project / "tests" / f"test_{topic}.py"
    same_topic = (project / "notebooks").glob(f"[0-9][0-9]_{topic}.ipynb")
    there = sorted({path for path in (notebook, test, *same_topic) if path.exists()})
    if there:
        shown = ", ".join(path.relative_to(project).as_posix() for path in there)
        raise FileExistsError(f"{shown} is there already; choose another topic or remove it first")
    for path, text in (
        (notebook, json.dumps(_notebook(), indent=1) + "\n"),
        (test, TEST.format(topic=topic)),
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return notebook, test


def _notebook() -> dict:
    cells = [_cell("markdown", QUESTION), _cell("code", IMPORTS), _cell("code", PARAMETERS, ["parameters"])]
    for heading, explanation, code in SECTIONS:
        cells.append(_cell("markdown", f"## {heading}\n\n{explanation}"))
        if code:
            cells.append(_cell("code", code))
    for number, cell in enumerate(cells, 1):
        cell["id"] = f"cell-{number:02d}"
    python = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    about = {"csatlib": {"tables": ["responses"], "optional": []}, "kernelspec": python}
    about["language_info"] = {"name": "python"}
    return {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def _cell(kind: str, source: str, tags: list[str] | None = None) -> dict:
    cell = {"cell_type": kind, "metadata": {"tags": tags} if tags else {}}
    cell["source"] = source.splitlines(keepends=True)
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
